"""`reset_parameters` goes by kind of module: in, how each parameter begins; out, the statements."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.emit.training.starts import Start, write_starts

GLOROT, ZEROS, ORTHOGONAL = (f"nn.init.{name}_({{p}})" for name in ("xavier_uniform", "zeros", "orthogonal"))


def linear(
    name: str, weight: str | None = GLOROT, *, bias: bool = True, kind: str = "nn.Linear"
) -> list[Start]:
    """A layer of the model."""
    starts = [Start(f"{name}.weight", kind, "weight", "Net", name, 2, weight, needed=True)]
    if bias:
        starts.append(Start(f"{name}.bias", kind, "bias", "Net", name, 1, ZEROS, needed=True))
    return starts


NORM = [
    Start("norm.weight", "nn.LayerNorm", "weight", "Net", "norm", 1, "nn.init.ones_({p})", needed=False),
    Start("norm.bias", "nn.LayerNorm", "bias", "Net", "norm", 1, ZEROS, needed=False),
]


def lines(*starts: Sequence[Start]) -> str:
    return "\n".join(write_starts([start for group in starts for start in group], "Net"))


def test_nothing_to_do() -> None:
    assert lines(NORM) == ""


def test_matrices_and_vectors() -> None:
    expected = """\
for parameter in self.parameters():
    init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
    init(parameter)"""
    assert lines(linear("a"), linear("b", kind="nn.Conv2d")) == expected


def test_kinds_where_torch_begins_well() -> None:
    expected = """\
for module in self.modules():
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)"""
    assert lines(linear("a"), NORM, linear("b", kind="nn.Conv2d"), linear("c", bias=False)) == expected


def test_one_that_begins_otherwise_is_named() -> None:
    assert lines(linear("a"), linear("b"), linear("c", ORTHOGONAL)).endswith(
        "init(parameter)\nnn.init.orthogonal_(self.c.weight)"
    )


def test_what_is_unknown_is_left_alone() -> None:
    text = lines(linear("a"), linear("b", None), NORM)
    assert "isinstance" not in text
    assert "nn.init.xavier_uniform_(self.a.weight)" in text
    assert "self.b.weight" not in text


def test_a_class_of_which_all_instances_begin_alike() -> None:
    block = [
        Start(f"{name}.scale", "", "", "Block", "scale", 1, "nn.init.constant_({p}, 0.1)", needed=True)
        for name in ("blocks.0", "blocks.1")
    ]
    expected = """\
for module in self.modules():
    if isinstance(module, Block):
        nn.init.constant_(module.scale, 0.1)"""
    assert lines(NORM, block) == expected


def test_what_some_instances_of_a_class_lack_is_named_in_full() -> None:
    def cell(name: str, *parts: str) -> list[Start]:
        return [
            Start(f"{name}.{part}", "Cell", part, "Net", "", 1, statement, needed=True)
            for part, statement in (("inner.weight", ORTHOGONAL), ("inner.bias", ZEROS))
            if part in parts
        ]

    text = lines(linear("x"), NORM, cell("a", "inner.weight", "inner.bias"), cell("b", "inner.weight"))
    assert "nn.init.orthogonal_(module.inner.weight)" in text
    assert 'nn.init.zeros_(self.get_parameter("a.inner.bias"))' in text


def test_linear_layers_beside_helpers_may_lack_a_bias() -> None:
    cell = [Start("cell.inner.weight", "Cell", "inner.weight", "Net", "", 2, ORTHOGONAL, needed=True)]
    text = lines(linear("a"), linear("b", kind="nn.Conv2d"), NORM, linear("c", ORTHOGONAL), cell)
    assert "if module.bias is not None:" in text
    assert "is not None" not in lines(linear("a"), linear("b"), NORM)


def test_instances_that_differ_are_named_in_full() -> None:
    block = [
        Start(
            f"blocks.{i}.scale",
            "",
            "",
            "Block",
            "scale",
            1,
            f"nn.init.constant_({{p}}, 0.{i + 1})",
            needed=True,
        )
        for i in range(2)
    ]
    assert 'nn.init.constant_(self.get_parameter("blocks.1.scale"), 0.2)' in lines(NORM, block)
    assert "isinstance" not in lines(NORM, block)


def test_recurrent_modules_by_torchs_own_names() -> None:
    names = {"weight_ih_l0": GLOROT, "weight_hh_l0": ORTHOGONAL, "bias_ih_l0": ZEROS, "bias_hh_l0": ZEROS}
    lstm = [
        Start(
            f"lstm.{name}",
            "nn.LSTM",
            name,
            "Net",
            "lstm",
            2 if "weight" in name else 1,
            statement,
            needed=True,
        )
        for name, statement in names.items()
    ]
    expected = """\
for parameter in self.parameters():
    init = nn.init.xavier_uniform_ if parameter.dim() > 1 else nn.init.zeros_
    init(parameter)
for module in self.modules():
    if isinstance(module, nn.LSTM):
        for name, parameter in module.named_parameters():
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)"""
    assert lines(lstm).replace("'", '"') == expected


def test_several_that_begin_alike_are_of_one_type() -> None:
    plain = [linear(name, ORTHOGONAL, bias=False) for name in "abc"]
    hidden = [Start("x.0.weight", "nn.Linear", "weight", "Net", "", 2, ORTHOGONAL, needed=True)]
    many = [linear(name, bias=False) for name in "defghijkl"]
    assert "for weight in (self.a.weight, self.b.weight, self.c.weight):" in lines(*plain, *many)
    assert 'for parameter in (self.get_parameter("a.weight"), ' in lines(*plain, hidden, *many)


def test_recurrent_kinds_that_begin_alike_share_a_branch() -> None:
    def recurrent(name: str, kind: str) -> list[Start]:
        local = "weight_hh_l0"
        return [Start(f"{name}.{local}", kind, local, "Net", name, 2, ORTHOGONAL, needed=True)]

    dense = [linear(name) for name in "vwxyz"]
    text = lines(*dense, NORM, recurrent("a", "nn.GRU"), recurrent("b", "nn.RNN"))
    assert "if isinstance(module, (nn.GRU, nn.RNN)):" in text
