"""What Keras does not train is frozen: as few statements of `__init__` as say it."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.graph import Graph, Module

_NO_PARAMETERS = ("running_", "num_batches")


def freezing(graph: Graph, module: Module, name: str) -> list[str]:
    """The statements that freeze an attribute of a class, or parts of it; none if the class is frozen."""
    if module.constructor in ("nn.Parameter", "buffer", "attribute") or is_frozen(graph):
        return []
    if all_frozen([module]):
        return [f"self.{name}.requires_grad_(False)"]
    return [
        f"self.{name}.{key}.requires_grad_(False){_reason(key)}"
        for key in _parameters(module)
        if key in module.frozen
    ]


def _reason(key: str) -> str:
    return "  # Keras has one bias" if key.startswith("bias_hh") else ""


def is_frozen(graph: Graph) -> bool:
    """Whether a class has parameters of which none is trained: what has the class freezes all of it."""
    return all_frozen(graph.modules())


def all_frozen(modules: list[Module]) -> bool:
    """Whether modules have parameters of which none is trained."""
    found = {frozen for module in modules for frozen in _frozen(module)}
    return found == {True}


def _frozen(module: Module) -> Iterator[bool]:
    """Whether each parameter of a module is frozen."""
    if module.constructor == "nn.Parameter":
        yield bool(module.frozen)
    elif module.constructor != "buffer":
        yield from (key in module.frozen for key in _parameters(module))
    for child in module.children:
        yield from _frozen(child)
    for inner in module.graph.modules() if module.graph else ():
        yield from _frozen(inner)


def _parameters(module: Module) -> list[str]:
    return [key for key in module.state if not key.startswith(_NO_PARAMETERS)]
