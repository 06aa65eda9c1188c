"""The made parts of the README: its tables and code; `python -m tests.support.readme` renews them."""

from __future__ import annotations

from collections import defaultdict

from codegen.config.dialects import classes, keras1
from codegen.lowering import catalogue, registry
from codegen.lowering.refused import REFUSED
from codegen.model.packages import KERAS
from tests.support.showcase import EXAMPLES, GENERATED, ROOT

README = ROOT / "README.md"
SHOWN = {"example": GENERATED / "mlp.py", "custom": EXAMPLES / "custom_layers.py"}


def table() -> str:
    """Markdown: one row a group of layers or ops, with the Keras classes that are converted."""
    catalogue.load()
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for (package, class_name), entry in sorted(registry.registered().items()):
        if package == KERAS:
            group = entry.function.__module__.rsplit(".", 1)[-1].replace("_", " ")
        else:
            group = {"activation": "activation functions"}.get(package, package)
        groups[group][class_name] = entry.note
    lines = ["| kind | classes |", "| --- | --- |"]
    for group, members in sorted(groups.items()):
        texts = [f"`{name}`" + (f" ({note})" if note else "") for name, note in sorted(members.items())]
        lines.append(f"| {group} | {', '.join(texts)} |")
    older = {**classes.ALIASES, **keras1.CLASSES, "CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM"}
    names = [f"`{name}` (now `{now}`)" for name, now in sorted(older.items())]
    lines.append(f"| older names | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


def refused_table() -> str:
    """Markdown: the classes of Keras that cannot be converted, and why."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for (_, class_name), reason in sorted(REFUSED.items()):
        by_reason[reason].append(f"`{class_name}`")
    lines = ["| refused | each of them |", "| --- | --- |"]
    lines += [f"| {', '.join(names)} | {reason} |" for reason, names in sorted(by_reason.items())]
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """The README's text with its made parts as they should be."""
    for mark, path in SHOWN.items():
        code = path.read_text(encoding="utf-8")
        text = _between(text, f"<!-- {mark} -->\n```python\n", "```\n", code)
    text = _between(text, "<!-- layers -->\n", "<!-- end of layers -->", table())
    return _between(text, "<!-- refused -->\n", "<!-- end of refused -->", refused_table())


def _between(text: str, start: str, end: str, content: str) -> str:
    before, rest = text.split(start)
    return before + start + content + end + rest.split(end, 1)[1]


def main() -> None:
    """Write the README."""
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
