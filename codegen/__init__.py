"""Turns saved Keras models into PyTorch source code."""

from codegen.errors import ConversionError

__all__ = ["ConversionError", "convert", "inspect"]


def __getattr__(name: str) -> object:
    """`convert` and `inspect` on demand: importing a part must not import all."""
    if name == "convert":
        from codegen.convert import convert

        return convert
    if name == "inspect":
        from codegen.inspection import inspect

        return inspect
    raise AttributeError(name)
