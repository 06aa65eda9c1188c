"""The made parts of README and docs/; `python -m tests.support.docs` renews them."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from codegen.config.dialects import classes, keras1, quirks
from codegen.lowering import catalogue, registry
from codegen.lowering.binder import LayerFunction
from codegen.lowering.refused import REFUSED
from codegen.model.packages import KERAS, OPS, TENSORFLOW
from codegen.ops.tensorflow import nodes
from codegen.passes import PASSES
from tests.support.showcase import EXAMPLES, GENERATED, ROOT

DOCS = ROOT / "docs"
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
ARCHITECTURE, CUSTOM, LAYERS, VERSIONS = (
    DOCS / f"{page}.md" for page in ("architecture", "custom", "layers", "versions")
)
OP_ROWS = ROOT / "tests" / "oracle" / "cases" / "ops_arrays.py"
ROOMS = ROOT / "tests" / "unit" / "test_rooms.py"
TF_FUNCTIONS = ROOT / "codegen" / "ops" / "tensorflow" / "reductions.py"
QUIRKS, QUIRK_ROWS = Path(quirks.__file__), ROOT / "tests" / "unit" / "test_quirks.py"
#: Code that the pages show, as it stands in the files.
SHOWN_OP, SHOWN_TF, SHOWN_QUIRK = "Diff", "math.is_non_decreasing", "CategoryEncoding"
SHOWN = {README: ("example", GENERATED / "mlp.py"), CUSTOM: ("custom", EXAMPLES / "custom_layers.py")}

_ACTIVATIONS = "activation"  # the package under which they are registered

_HEAD = """\
# Layers, ops and functions

What k2t-gen converts, under the names of today's Keras; the spellings of Keras 1 and 2 are understood as
well. All options of a layer are converted unless an error message says otherwise. This page is made from the
registry by `python -m tests.support.docs`.

* [Layers](#layers), by the folder of [`codegen/layers/`](../codegen/layers) that holds them
* [Activation functions](#activation-functions)
* [Ops](#ops): `keras.ops` in models of Keras 3
* [TensorFlow functions](#tensorflow-functions) in models of tf.keras and Keras 2
* [Older names](#older-names)
* [Refused](#refused), with the reasons
"""

_LAMBDA = """\
The function of a `Lambda` is read from the bytecode in the file and never run; what cannot be evaluated is
given as torch code with [`--custom`](custom.md).
"""


def text_of(page: Path) -> str:
    """What stands in it."""
    return page.read_text(encoding="utf-8")


def block(page: Path, mark: str) -> str:
    """The fenced code after a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```\n", text_of(page), re.DOTALL)
    assert found, mark
    return found[1]


def layers_page() -> str:
    """The text of docs/layers.md."""
    catalogue.load()
    by_package: dict[str, dict[str, LayerFunction]] = defaultdict(dict)
    layers: list[tuple[str, LayerFunction]] = []
    for (package, name), entry in sorted(registry.registered().items(), key=lambda item: item[0][::-1]):
        if package in (_ACTIVATIONS, OPS, TENSORFLOW):
            by_package[package][name] = entry
        else:
            layers.append((package, entry))
    parts = [
        _HEAD,
        "## Layers\n",
        *_layer_tables(layers),
        "## Activation functions\n",
        _listed(by_package[_ACTIVATIONS]),
        "## Ops\n",
        *_groups({name: _file(entry) for name, entry in by_package[OPS].items()}),
        "## TensorFlow functions\n",
        *_groups({name: _namespace(name) for name in by_package[TENSORFLOW]}),
        "### Nodes of a `TensorFlowOpLayer`\n",
        _listed(nodes.NODES),
        "## Older names\n",
        _older_names(),
        "## Refused\n",
        _refused(),
        _LAMBDA,
    ]
    return "\n".join(parts)


def _layer_tables(layers: Iterable[tuple[str, LayerFunction]]) -> Iterable[str]:
    rooms: dict[str, list[str]] = defaultdict(list)
    for package, entry in layers:
        *room, file = entry.function.__module__.split(".")[2:]
        remark = entry.note or ("" if package == KERAS else package)
        path = "/".join(("codegen/layers", *room, f"{file}.py"))
        rooms[" ".join(room)].append(f"| `{entry.class_name}` | {remark} | [{file}](../{path}) |")
    for title, rows in sorted(rooms.items()):
        if title:
            yield f"### {title.capitalize()}\n"
        yield "\n".join(["| layer | remark | file |", "| --- | --- | --- |", *rows, ""])


def _groups(groups: Mapping[str, str]) -> Iterable[str]:
    """A heading and a list for each group of names, given the group of each."""
    members: dict[str, list[str]] = defaultdict(list)
    for name, group in groups.items():
        members[group].append(name)
    for group, names in sorted(members.items()):
        yield f"### {group}\n"
        yield _listed(names)


def _file(entry: LayerFunction) -> str:
    return entry.function.__module__.rsplit(".", 1)[-1]


def _namespace(name: str) -> str:
    """`tf.math` of "math.abs", `tf` of "concat"."""
    return f"tf.{name}".rpartition(".")[0]


def _listed(names: Iterable[str]) -> str:
    text = ", ".join(f"`{name}`" for name in sorted(names))
    return textwrap.fill(text, 130, break_long_words=False, break_on_hyphens=False) + "\n"


def _older_names() -> str:
    older = {**classes.ALIASES, **keras1.CLASSES, "CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM"}
    rows = [f"| `{name}` | `{now}` |" for name, now in sorted(older.items())]
    return "\n".join(["| older name | now |", "| --- | --- |", *rows, ""])


def _refused() -> str:
    rows = [
        f"| `{name}` | {reason} |" for (_, name), reason in sorted(REFUSED.items(), key=lambda r: r[0][1])
    ]
    return "\n".join(["| refused | because it |", "| --- | --- |", *rows, ""])


def _floors() -> str:
    """The rooms from top to bottom, as the test of imports has them."""
    listed = _excerpt(ROOMS, r"^ROOMS = \((.*\n)+?\)")
    return "".join(f"{floor}\n" for floor in re.findall('"(.+)"', listed))


def _passes() -> str:
    """The passes in their order: what each does, and why it stands there."""
    when = {"": "", "blocks": "not with `--flat`", "channels_first": "with `--channels-first`"}
    rows = [
        f"| {step.name} | {_summary(step.apply)} | {step.reason} | {when[step.switch]} |" for step in PASSES
    ]
    return "\n".join(["| pass | what it does | why here | |", "| --- | --- | --- | --- |", *rows, ""])


def _summary(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").splitlines()[0]


def _op() -> str:
    """The function of an op, as it stands in the code."""
    catalogue.load()
    return inspect.getsource(registry.registered()[OPS, SHOWN_OP].function)


def _excerpt(path: Path, pattern: str) -> str:
    """The lines of a file that a pattern finds, to the left."""
    found = re.search(pattern, text_of(path), re.MULTILINE)
    assert found, pattern
    return textwrap.dedent(found[0])


def _with_code(text: str, mark: str, code: str) -> str:
    """A page's text with the fenced code after a mark replaced."""
    before, rest = text.split(f"<!-- {mark} -->\n```")
    language, rest = rest.split("\n", 1)
    _, after = rest.split("```\n", 1)
    return f"{before}<!-- {mark} -->\n```{language}\n{code}```\n{after}"


def _with_part(text: str, mark: str, part: str) -> str:
    """A page's text with what stands between two marks replaced."""
    before, rest = text.split(f"<!-- {mark} -->\n")
    _, after = rest.split(f"<!-- end of {mark} -->")
    return f"{before}<!-- {mark} -->\n{part}<!-- end of {mark} -->{after}"


def _with_file(page: Path) -> str:
    """A page's text with the file that it shows."""
    mark, path = SHOWN[page]
    return _with_code(text_of(page), mark, text_of(path))


def _architecture() -> str:
    text = _with_code(text_of(ARCHITECTURE), "floors", _floors())
    return _with_part(text, "passes", _passes())


def _contributing() -> str:
    shown = {
        "op": _op(),
        "op row": _excerpt(OP_ROWS, rf'^    "{SHOWN_OP}": .*\n'),
        "tf": _excerpt(TF_FUNCTIONS, rf'^@tf\(.*"{SHOWN_TF}".*\n(.+\n)+'),
        "quirk": _excerpt(QUIRKS, rf'^    Change\(\n        \("{SHOWN_QUIRK}".*\n(.*\n)+?    \),\n'),
        "quirk row": _excerpt(QUIRK_ROWS, rf'^    \("{SHOWN_QUIRK}", .*\n'),
    }
    text = text_of(CONTRIBUTING)
    for mark, code in shown.items():
        text = _with_code(text, mark, code)
    return text


def renewed() -> dict[Path, str]:
    """Every file with made parts, as it should be."""
    return {
        README: _with_file(README),
        CUSTOM: _with_file(CUSTOM),
        ARCHITECTURE: _architecture(),
        CONTRIBUTING: _contributing(),
        LAYERS: layers_page(),
        VERSIONS: _with_part(text_of(VERSIONS), "quirks", quirks.markdown()),
    }


def main() -> None:
    """Write them."""
    for path, text in renewed().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
