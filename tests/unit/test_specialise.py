"""Partial evaluation of helpers: source in, source out; and the same numbers as before."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codegen.graph.helpers import closure
from codegen.specialise import Program, specialise, text


def specialised(helpers: str, client: str) -> str:
    """Helpers and a class that calls them, specialised."""
    definitions = [n for n in _parsed(helpers) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    clients = [n for n in _parsed(client) if isinstance(n, ast.ClassDef)]
    program = Program({node.name: node for node in definitions}, clients)
    specialise(program)
    return text.write([*program.helpers.values(), *program.clients])


def _parsed(source: str) -> list[ast.stmt]:
    return text.parse(textwrap.dedent(source).strip())


def _calling(*statements: str) -> str:
    """A model whose `forward` has these statements."""
    lines = [line for statement in statements for line in statement.split("\n")]
    return "class Net(nn.Module):\n    def forward(self, x):\n" + textwrap.indent("\n".join(lines), " " * 8)


def _is(result: str, expected: str) -> None:
    assert result == textwrap.dedent(expected).strip()


def test_an_option_on_which_all_calls_agree_is_a_literal() -> None:
    helpers = '''
        def scaled(x: Tensor, y: Tensor, mode: str = "sum", root: bool = False) -> Tensor:
            """`x` and `y`, scaled.

            Args:
                x: Any shape.
                y: The same shape.
                mode: How they are joined.
                root: Whether the root is taken.
            """
            scales = {"sum": 1, "mean": len(x) / 2}
            joined = (x + y) / scales[mode]
            joined = joined - joined.mean()
            if root:
                joined = joined.sqrt()
            return joined
    '''
    result = specialised(helpers, _calling("y = scaled(x, x, mode='mean')", "return scaled(y, x, 'mean')"))
    _is(
        result,
        '''
        def scaled(x: Tensor, y: Tensor) -> Tensor:
            """`x` and `y`, scaled.

            Args:
                x: Any shape.
                y: The same shape.
            """
            joined = (x + y) / (len(x) / 2)
            return joined - joined.mean()

        class Net(nn.Module):

            def forward(self, x):
                y = scaled(x, x)
                return scaled(y, x)
        ''',
    )


def test_an_option_on_which_calls_do_not_agree_stays() -> None:
    helpers = """
        def root(x: Tensor, twice: bool) -> Tensor:
            y = x.sqrt()
            if twice:
                y = y.sqrt() / y
            return y / y.norm()
    """
    client = _calling("y = root(x, True)", "return root(y, False)")
    assert "def root(x: Tensor, twice: bool)" in specialised(helpers, client)


def test_a_table_of_which_the_key_is_open_keeps_its_name() -> None:
    helpers = """
        def scaled(x: Tensor, mode: str) -> Tensor:
            scales = {"sum": 1, "mean": len(x)}
            y = x / scales[mode]
            return y / y.norm()
    """
    assert "scales = {" in specialised(helpers, _calling("y = scaled(x, 'sum')", "return scaled(y, 'mean')"))


def test_a_function_that_is_passed_on_keeps_its_parameters() -> None:
    helpers = """
        def root(x: Tensor, twice: bool = False) -> Tensor:
            return x.sqrt().sqrt() if twice else x
    """
    client = _calling("y = root(x)", "return apply(root, y)")
    assert "def root(x: Tensor, twice: bool=False)" in specialised(helpers, client)


def test_a_base_is_merged_into_what_is_made() -> None:
    helpers = '''
        class Layer(nn.Module):
            """A layer.

            Args:
                size: Features.
                rate: Of dropout.
            """

            def __init__(self, size: int, gates: int, rate: float = 0.0) -> None:
                super().__init__()
                self.size = size
                self.rate = rate
                self.gates = gates

            def project(self, x: Tensor) -> Tensor:
                """What does not depend on the step before."""
                raise NotImplementedError

            def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
                """Run.

                Args:
                    x: (N, T, F).
                    mask: (N, T).

                Returns:
                    All outputs, (N, T, G).
                    The last one.
                """
                y = self.project(x)
                if self.rate > 0 and self.training:
                    y = F.dropout(y, self.rate)
                if mask is not None:
                    y = y * mask
                y = y * self.gates * self.size
                return y, y[-1]

        class Dense(Layer):
            """Another layer.

            Args:
                size: See `Layer`.
                options: See `Layer`.
                bias: Whether there is a bias.
            """

            def __init__(self, size: int, *, bias: bool = True, **options: Any) -> None:
                super().__init__(size, gates=4, **options)
                self.linear = nn.Linear(size, 4 * size, bias=bias)

            def project(self, x: Tensor) -> Tensor:
                """See `Layer.project`."""
                projected: Tensor = self.linear(x)
                return projected
    '''
    client = """
        class Net(nn.Module):
            def __init__(self):
                self.dense = Dense(3, rate=0.0)
            def forward(self, x):
                y, _ = self.dense(x)
                return y
    """
    _is(
        specialised(helpers, client),
        '''
        class Dense(nn.Module):
            """Another layer.

            Args:
                size: Features.
            """

            def __init__(self, size: int) -> None:
                super().__init__()
                self.size = size
                self.linear = nn.Linear(size, 4 * size)

            def forward(self, x: Tensor) -> Tensor:
                """Run, (N, T, F) -> (N, T, G)."""
                y: Tensor = self.linear(x)
                return y * 4 * self.size

        class Net(nn.Module):

            def __init__(self):
                self.dense = Dense(3)

            def forward(self, x):
                y = self.dense(x)
                return y
        ''',
    )


def test_a_parameter_has_the_types_of_its_arguments() -> None:
    helpers = """
        class Conv(nn.Module):
            def __init__(self, *, size: int | tuple[int, ...] | str, bias: bool | None = None) -> None:
                super().__init__()
                self.conv = nn.Conv2d(1, 1, size, bias=bias)
    """
    client = """
        class Net(nn.Module):
            def __init__(self):
                self.one = Conv(size=3, bias=True)
                self.two = Conv(size=(1, 3), bias=None)
    """
    result = specialised(helpers, client)
    assert "size: int | tuple[int, int], bias: bool | None=None" in result


def test_comments_stay_with_their_statements() -> None:
    helpers = """
        def norm(x: Tensor, eps: float = 1e-5, shift: bool = False) -> Tensor:
            # Over all elements.
            y = x - x.mean()
            if shift:
                y = y + 1  # not centred
            y = y / y.norm()  # of unit length
            return y * eps
    """
    _is(
        specialised(helpers, _calling("x = norm(x, 0.1)", "return norm(x, 0.2)")).split("\n\n")[0],
        """
        def norm(x: Tensor, eps: float=1e-05) -> Tensor:
            # Over all elements.
            y = x - x.mean()
            y = y / y.norm()  # of unit length
            return y * eps
        """,
    )


def test_a_name_that_a_branch_may_set_is_not_known_behind_it() -> None:
    helpers = """
        def least(x: Tensor, low: int = 0) -> Tensor:
            y = x - 1
            if x.dtype == torch.half:
                low = 5
            y = y.clamp(min=low)
            return y + low
    """
    assert "low = 0" in specialised(helpers, _calling("x = least(x)", "return least(x)"))


def test_a_tensor_in_a_sequence_is_all_that_a_module_gets() -> None:
    helpers = """
        class Layer(nn.Module):
            def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
                y = x / x.norm()
                if mask is not None:
                    y = y * mask
                return y
    """
    client = """
        class Net(nn.Module):
            def __init__(self):
                self.layers = nn.Sequential(Layer(), Layer())
            def forward(self, x):
                return self.layers(x)
    """
    assert "def forward(self, x: Tensor) -> Tensor:\n        return x / x.norm()" in specialised(
        helpers, client
    )


def test_arguments_of_parameters_that_change_places_go_by_name() -> None:
    helpers = """
        def masked(x: Tensor, state: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
            y = x / x.norm()
            if state is not None:
                y = y + state * state.norm()
            if mask is not None:
                y = y * mask
            return y - y.mean()
    """
    client = _calling("y = masked(x, mask=x > 0)", "return masked(x, y, mask=y > 0)")
    source = specialised(helpers, client)
    assert "masked(x, state=y, mask=y > 0)" in source
    x = torch.randn(3, 4)
    assert torch.equal(_run(source, x), _run(f"{textwrap.dedent(helpers)}\n{client}", x))


def test_remainders_of_what_may_be_a_fraction_stay() -> None:
    helpers = "def turned(x: Tensor, angle: float) -> Tensor:\n    return (x + angle) % 1"
    assert "(x + 0.25) % 1" in specialised(helpers, _calling("return turned(x, 0.25)"))


@pytest.mark.parametrize("kernel", range(1, 8))
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_padding_of_a_known_window_is_an_expression(kernel: int, stride: int) -> None:
    call = f"same_pad(x, [{kernel}, {kernel}], [{stride}, {stride}])"
    source = specialised(_source("same_pad"), _calling(f"return {call}"))
    assert "def same_pad" not in source or (stride > 2 and kernel > 2)
    for height, width in [(9, 16), (7, 12), (8, 11)]:
        x = torch.rand(2, 3, height, width)
        assert torch.equal(_run(source, x), _run(_source("same_pad") + "\n" + _calling(f"return {call}"), x))


CALLS = {
    "same_pad": "same_pad(x, [3, 3], [2, 2])",
    "average_pool_same": "average_pool_same(x, [3, 2], [2, 2])",
    "resize_legacy": "resize_legacy(x, [5, 7])",
    "resize_cubic_corners": "resize_cubic_corners(x, [5, 7], True)",
    "resize_nearest_aligned": "resize_nearest_aligned(x, [5, 7])",
    "resize_lanczos": "resize_lanczos(x, [5, 7], 3)",
    "resize_area": "resize_area(x, [4, 4])",
    "extract_patches": "extract_patches(x, [2, 3], [2, 2], [1, 2])",
    "unit_normalize": "unit_normalize(x, [1, 2])",
    "pad_to_aspect": "pad_to_aspect(x, 3, 5)",
    "legacy_hard_sigmoid": "legacy_hard_sigmoid(x) + legacy_hard_sigmoid(2 * x)",
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_specialised_computes_the_same(name: str) -> None:
    """Real helpers, as a file calls them."""
    client = _calling(f"return {CALLS[name]}")
    x = torch.randn(2, 3, 9, 12)
    assert torch.equal(_run(specialised(_source(name), client), x), _run(f"{_source(name)}\n{client}", x))


LSTMS = {
    "plain": ("KerasLSTM(3, 4)", "self.rnn(x)[0]"),
    "hard": ("KerasLSTM(3, 4, recurrent_activation=legacy_hard_sigmoid)", "self.rnn(x)[0][:, -1]"),
    "masked": ("KerasLSTM(3, 4, recurrent_dropout=0.1)", "self.rnn(x, mask=x[..., 0] > 0)[0]"),
    "states": ("KerasLSTM(3, 4)", "self.rnn(x, [x[:, 0, :1].repeat(1, 4)] * 2, x[..., 0] > 0)[1][1]"),
    "gru": ("KerasGRU(3, 4, reset_after=False)", "self.rnn(x, mask=x[..., 0] > 0)[0]"),
    "gru after": ("KerasGRU(3, 4, activation=F.relu, dropout=0.5)", "self.rnn(x)[0]"),
    "simple": ("KerasSimpleRNN(3, 4, bias=False)", "self.rnn(x)[0]"),
    "peephole": ("PeepholeLSTM(3, 4, activation=F.relu)", "self.rnn(x)[0]"),
    "norms": ("LayerNormLSTM(3, 4, eps=0.1)", "self.rnn(x, mask=x[..., 0] > 0)[0]"),
    "simple norm": ("LayerNormSimpleRNN(3, 4, eps=0.1)", "self.rnn(x)[0]"),
    "echo": ("EchoStateRNN(3, 4, leak=0.5)", "self.rnn(x)[0]"),
    "nas": ("NASRNN(3, 4)", "self.rnn(x)[0]"),
    "conv": (
        "ConvLSTM(nn.Conv1d, 3, 4, kernel_size=2, around=[0, 1], rank=1)",
        "self.rnn(x[..., None].expand(2, 5, 3, 6))[0]",
    ),
}


@pytest.mark.parametrize("name", LSTMS)
def test_recurrent_layers_that_are_specialised_compute_the_same(name: str) -> None:
    made, call = LSTMS[name]
    helpers = _source(made.split("(")[0], "legacy_hard_sigmoid")
    start = f"    def __init__(self):\n        super().__init__()\n        self.rnn = {made}\n"
    client = (
        f"class Net(nn.Module):\n{start}    def forward(self, x: Tensor) -> Tensor:\n        return {call}"
    )
    source = specialised(helpers, client)
    x = torch.randn(2, 5, 3)
    before, after = _net(f"{helpers}\n{client}"), _net(source)
    after.load_state_dict(before.state_dict())
    for net in (before, after):
        net.eval()
    assert torch.equal(after(x), before(x))
    assert "StepwiseRNN" not in source
    assert "StepwiseLSTM" not in source
    after.train()(x).sum().backward()


def _source(*names: str) -> str:
    """Helpers of the runtime with what they need."""
    return "\n".join(helper.source for helper in closure(set(names)))


def _net(source: str) -> nn.Module:
    names: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "Tensor": Tensor, "Any": Any}
    exec(
        "from __future__ import annotations\nfrom collections.abc import Callable\nimport math\n" + source,
        names,
    )
    net = names["Net"]()
    assert isinstance(net, nn.Module)
    return net


def _run(source: str, x: Tensor) -> Tensor:
    result = _net(source)(x)
    assert isinstance(result, Tensor)
    return result
