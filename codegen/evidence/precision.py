"""Runs code that is written for float32 in float64, so that rounding and faults can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_CASTS: dict[Any, Callable[..., Any]] = {torch.Tensor.float: torch.Tensor.double}
_DTYPES = {torch.float32: torch.float64, torch.complex64: torch.complex128}


class _Widened(TorchFunctionMode):
    """Casts to float32 become casts to float64."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        wide = {name: _wide(value) for name, value in (kwargs or {}).items()}
        return _CASTS.get(func, func)(*map(_wide, args), **wide)


def _wide(argument: Any) -> Any:
    return _DTYPES.get(argument, argument) if isinstance(argument, torch.dtype) else argument


@contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Make and run modules in float32 or float64, without gradients, on one thread."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.no_grad():
            if dtype is torch.float64:
                with _Widened():
                    yield
            else:
                yield
    finally:
        torch.set_default_dtype(before)


def as_input(array: Any, dtype: torch.dtype) -> torch.Tensor:
    """An array as a tensor; floating-point numbers in this dtype."""
    tensor = torch.from_numpy(array.copy())
    return tensor.to(dtype) if tensor.dtype is torch.float32 else tensor
