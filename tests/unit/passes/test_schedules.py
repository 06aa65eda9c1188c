"""Drop rates that grow evenly are written as steps of a schedule."""

from __future__ import annotations

from codegen.passes.schedules import write_schedules
from tests.support.graph_text import rewritten


def _net(*rates: str) -> str:
    calls = "".join(
        f"            %{n} = self.drop_{n}(%{n - 1})  # (N, 4) float32 drop_{n}\n"
        for n in range(1, len(rates) + 1)
    )
    modules = "".join(
        f"            self.drop_{n} = nn.Dropout(p={rate})\n" for n, rate in enumerate(rates, 1)
    )
    start = "            %0 = input  # (N, 4) float32 x\n"
    return f"\n        class Net:\n{modules}{start}{calls}            return %{len(rates)}\n    "


def _rates(*steps: float) -> list[str]:
    return [repr(0.2 * step / 16) for step in steps]


def test_rates_are_steps_of_the_last_one() -> None:
    before = _net(*_rates(1, 3, 11), "0.5")
    after = _net("0.2 * 1 / 16", "0.2 * 3 / 16", "0.2 * 11 / 16", "0.5")
    assert rewritten(write_schedules, before) == after


def test_a_few_rates_are_no_schedule() -> None:
    text = _net(*_rates(1, 3))
    assert rewritten(write_schedules, text) == text


def test_rates_that_people_write_are_no_schedule() -> None:
    text = _net("0.1", "0.2", "0.3", "0.25")
    assert rewritten(write_schedules, text) == text


def test_one_rate_that_is_no_step_spoils_it() -> None:
    text = _net(*_rates(1, 3, 11), "0.123456789")
    assert rewritten(write_schedules, text) == text


def test_arguments_of_blocks_and_of_sequences_count() -> None:
    text = """
        class Block(drop_rate: float):
            self.drop = nn.Dropout(p=drop_rate)
            %0 = input  # (N, 4) float32 x
            %1 = self.drop(%0)  # (N, 4) float32 drop
            return %1

        class Net:
            self.a = Block(drop_rate=0.0125)
            self.b = Block(drop_rate=0.037500000000000006)
            self.c = nn.Dropout(p=0.1375)
            self.blocks = nn.Sequential(self.a, self.b, self.c)
            %0 = input  # (N, 4) float32 x
            %1 = self.blocks(%0)  # (N, 4) float32 blocks
            return %1
    """
    rates = [
        line.rpartition("=")[2] for line in rewritten(write_schedules, text).splitlines() if " * " in line
    ]
    assert rates == ["0.2 * 1 / 16)", "0.2 * 3 / 16)", "0.2 * 11 / 16)"]
