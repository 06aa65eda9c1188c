"""Small nested models are written where they are called."""

from __future__ import annotations

import pytest

from codegen.passes.inline import inline_small_models
from tests.support.graph_text import rewritten


def _called(inner: str, call: str = "%1 = self.inner(%0)  # (N, 4) float32 inner") -> str:
    return f"""
        class Inner:
{inner.strip(chr(10))}

        class Net:
            self.inner = Inner()
            %0 = input  # (N, 4) float32 image
            {call}
            return %1
    """


def test_a_chain_is_a_sequence() -> None:
    before = _called("""
            self.dense = nn.Linear(in_features=4, out_features=4)
            self.drop = nn.Dropout(0.5)
            %0 = input  # (N, 4) float32 x
            %1 = self.dense(%0)  # (N, 4) float32 dense
            %2 = F.relu(%1)  # (N, 4) float32 relu
            %3 = self.drop(%2)  # (N, 4) float32 drop
            return %3
    """)
    after = """
        class Net:
            self.dense = nn.Linear(in_features=4, out_features=4)
            self.relu = nn.ReLU()
            self.drop = nn.Dropout(0.5)
            self.inner = nn.Sequential(self.dense, self.relu, self.drop)
            %0 = input  # (N, 4) float32 image
            %1 = self.inner(%0)  # (N, 4) float32 inner
            return %1
    """
    assert rewritten(inline_small_models, before) == after


FEW_STEPS = """
            self.dense = nn.Linear(in_features=4, out_features=4)
            %0 = input  # (N, 4) float32 x
            %1 = self.dense(%0)  # (N, 4) float32 dense
            %2 = %0 + %1  # (N, 4) float32 add
            return %2
"""


def test_a_few_steps_stand_in_the_caller() -> None:
    after = """
        class Net:
            self.dense = nn.Linear(in_features=4, out_features=4)
            %0 = input  # (N, 4) float32 image
            %1 = self.dense(%0)  # (N, 4) float32 dense
            %2 = %0 + %1  # (N, 4) float32 inner @ add
            return %2
    """
    assert rewritten(inline_small_models, _called(FEW_STEPS)) == after


def test_what_is_called_twice_stays_a_class() -> None:
    twice = (
        "%2 = self.inner(%0)  # (N, 4) float32 inner\n            %1 = self.inner(%2)  # (N, 4) float32 inner"
    )
    text = _called(FEW_STEPS, twice).replace("%2 = self.inner(%0)", "%1 = self.inner(%0)")
    text = text.replace("%1 = self.inner(%2)", "%2 = self.inner(%1)").replace(
        "return %1\n    ", "return %2\n    "
    )
    assert rewritten(inline_small_models, text) == text


def test_a_mask_that_nobody_reads_is_not_made() -> None:
    before = """
        class Inner:
            self.dense = nn.Linear(in_features=4, out_features=4)
            %0 = input  # (N, T, 4) float32 x
            %1 = input  # (N, T) bool mask
            %2 = self.dense(%0)  # (N, T, 4) float32 dense
            %3 = %0 + %2  # (N, T, 4) float32 add
            return %3

        class Net:
            self.inner = Inner()
            %0 = input  # (N, T, 4) float32 x
            %1 = torch.any(%0 != 0, -1)  # (N, T) bool masking
            %2 = self.inner(*{inputs: (%0, %1)})  # (N, T, 4) float32 inner
            return %2
    """
    after = """
        class Net:
            self.dense = nn.Linear(in_features=4, out_features=4)
            %0 = input  # (N, T, 4) float32 x
            %1 = self.dense(%0)  # (N, T, 4) float32 dense
            %2 = %0 + %1  # (N, T, 4) float32 inner @ add
            return %2
    """
    assert rewritten(inline_small_models, before) == after


@pytest.mark.parametrize(
    "line",
    [
        "%3 = %2 * {scale: self.scale}  # (N, 4) float32 scaled",  # a parameter of its own
        "{memory: self.dense}.keep({states: [%0]})\n            %3 = F.relu(%2)  # (N, 4) float32 relu",
        "(%3, _) = torch.max(%2, 1)  # (N, 4) float32 max",
        "%3 = %2.exp().log().exp()  # (N, 4) float32 a\n"
        + "".join(f"            %{n} = %{n - 1} + {{n: 1}}  # (N, 4) float32 b\n" for n in range(4, 7)),
    ],
)
def test_what_is_more_stays_a_class(line: str) -> None:
    names = "self.scale = nn.Parameter((4,), torch.float32)\n            " if "self.scale" in line else ""
    last = 6 if "%6" in line else 3
    inner = FEW_STEPS.replace("return %2", f"{line.strip()}\n            return %{last}")
    text = _called(inner.replace("            %0 = input", f"            {names}%0 = input"))
    assert rewritten(inline_small_models, text) == text
