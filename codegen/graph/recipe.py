"""A weight is a recipe, not an array: a leaf and the steps that lead from it to the torch tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.errors import WeightMismatch
from codegen.graph.rounding import round_to_format
from codegen.model.saved_model import StoredTensor
from codegen.model.variables import Variable

Leaf = Variable | StoredTensor
Fetch = Callable[[Leaf], NDArray[Any]]


@dataclass(frozen=True)
class Weight:
    """A printable, comparable description of how one tensor is made.

    Attributes:
        shape: Shape of the result.
        step: What makes it: "leaf", "full", "constant", "transpose", "reshape", "flip", "slice",
            "take", "concatenate", "round" (to a torch dtype), "sum" (over axes), "nearest" (of some numbers),
            "checked" (see `only_if`), "instead" (see `instead_of`) or "numpy" (a function of numpy).
        params: Arguments of the step.
        inputs: Recipes that it works on.
    """

    shape: tuple[int, ...]
    step: str
    params: tuple[Any, ...] = ()
    inputs: tuple[Weight, ...] = ()

    @staticmethod
    def of(leaf: Leaf) -> Weight:
        """The leaf itself."""
        return Weight(leaf.shape, "leaf", (leaf,))

    @staticmethod
    def full(shape: Sequence[int], value: float) -> Weight:
        """A tensor filled with one number."""
        return Weight(tuple(shape), "full", (value,))

    @staticmethod
    def constant(values: Any) -> Weight:
        """Numbers that stand in the config itself, as nested sequences."""
        array = np.asarray(values)
        return Weight(array.shape, "constant", (tuple(array.ravel().tolist()),))

    @property
    def T(self) -> Weight:  # noqa: N802 - numpy's and torch's name
        """Axes reversed. Axes that were joined are joined last: what is only a view then stays one."""
        source = self.inputs[0] if self.step == "reshape" else self
        if len(self.shape) == 2 and source.shape[-1:] == self.shape[-1:]:
            rest = len(source.shape) - 1
            return source.permute(rest, *range(rest)).reshape(*reversed(self.shape))
        return self.permute(*reversed(range(len(self.shape))))

    def permute(self, *dims: int) -> Weight:
        """Axes reordered; no step if the order stays."""
        if len(dims) != len(self.shape):
            raise ValueError(f"{self.shape} has other axes than {dims}")
        if dims == tuple(range(len(self.shape))):
            return self
        return Weight(tuple(self.shape[d] for d in dims), "transpose", dims, (self,))

    def reshape(self, *shape: int) -> Weight:
        """Same elements in C order; one entry may be -1."""
        if -1 in shape:
            known = math.prod(n for n in shape if n != -1)
            shape = tuple(math.prod(self.shape) // max(known, 1) if n == -1 else n for n in shape)
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"cannot reshape {self.shape} to {shape}")
        return self if shape == self.shape else Weight(shape, "reshape", shape, (self,))

    def flip(self, *axes: int) -> Weight:
        """Order reversed along `axes`; no step if each has one element."""
        axes = tuple(axis for axis in axes if self.shape[axis] > 1)
        return Weight(self.shape, "flip", axes, (self,)) if axes else self

    def slice(self, axis: int, start: int, stop: int) -> Weight:
        """Elements `start:stop` along `axis`."""
        axis = _counted(axis, self.shape)
        shape = (*self.shape[:axis], stop - start, *self.shape[axis + 1 :])
        return Weight(shape, "slice", (axis, start, stop), (self,))

    def take(self, axis: int, indices: Sequence[int]) -> Weight:
        """Elements at `indices` along `axis`."""
        axis = _counted(axis, self.shape)
        shape = (*self.shape[:axis], len(indices), *self.shape[axis + 1 :])
        return Weight(shape, "take", (axis, tuple(indices)), (self,))

    @staticmethod
    def cat(parts: Sequence[Weight], axis: int = 0) -> Weight:
        """Joined along `axis`."""
        first = parts[0].shape
        axis = _counted(axis, first)
        if len({(*part.shape[:axis], len(part.shape), *part.shape[axis + 1 :]) for part in parts}) > 1:
            raise ValueError(f"cannot join {', '.join(str(part.shape) for part in parts)}")
        total = sum(part.shape[axis] for part in parts)
        return Weight((*first[:axis], total, *first[axis + 1 :]), "concatenate", (axis,), tuple(parts))

    def apply(self, name: str, *others: Weight, shape: Sequence[int] | None = None) -> Weight:
        """An element-wise numpy function (`add`, `multiply`, `sqrt`, ...) or `matmul`, by its numpy name."""
        parts = (self, *others)
        if shape is None:
            shape = np.broadcast_shapes(*(part.shape for part in parts))
        return Weight(tuple(shape), "numpy", (name,), parts)

    def sum(self, axes: Sequence[int]) -> Weight:
        """The sum over `axes`, which stay with size 1."""
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(self.shape))
        return Weight(shape, "sum", tuple(axes), (self,))

    def nearest_of(self, numbers: Weight) -> Weight:
        """The nearest of the numbers (n,), the first if several are; or of those (k, n) for the last axis."""
        return Weight(self.shape, "nearest", (), (self, numbers))

    def only_if(self, flag: Weight, otherwise: str) -> Weight:
        """The same, which `evaluate` refuses with this message where the flag is not set."""
        return Weight(self.shape, "checked", (otherwise,), (self, flag))

    def instead_of(self, weight: Weight) -> Weight:
        """The same, which stands for `weight`, that is trained: a kernel pruned or normalised."""
        return self if self == weight else Weight(self.shape, "instead", (), (self, weight))

    def trained(self) -> Weight:
        """The same with what is trained instead of what stands for it."""
        if self.step == "instead":
            return self.inputs[1]
        return replace(self, inputs=tuple(part.trained() for part in self.inputs))

    def round_to(self, dtype: str) -> Weight:
        """Each number rounded to the nearest one that a torch dtype has."""
        return Weight(self.shape, "round", (dtype,), (self,))

    def __add__(self, other: Weight) -> Weight:
        return self.apply("add", other)

    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves, in the order in which they are used."""
        if self.step == "leaf":
            return (self.params[0],)
        return tuple(leaf for part in self.inputs for leaf in part.leaves())

    def substitute(self, replace: Callable[[Leaf], Weight]) -> Weight:
        """The same recipe with each leaf replaced by a recipe of the same shape."""
        if self.step == "leaf":
            return replace(self.params[0])
        inputs = tuple(part.substitute(replace) for part in self.inputs)
        return Weight(self.shape, self.step, self.params, inputs)

    def evaluate(self, fetch: Fetch) -> NDArray[Any]:
        """The array. `fetch` reads a leaf.

        Raises:
            WeightMismatch: See `only_if`; or a leaf has a dtype with which Keras saves no such variable.
        """
        if self.step == "leaf":
            return fetch(self.params[0])
        if self.step == "instead":
            return self.inputs[0].evaluate(fetch)
        return _STEPS[self.step](self, *(part.evaluate(fetch) for part in self.inputs))


def _counted(axis: int, shape: tuple[int, ...]) -> int:
    """`axis`, counted from the front."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{shape} has no axis {axis}")
    return axis % len(shape)


def _slice(weight: Weight, array: NDArray[Any]) -> NDArray[Any]:
    axis, start, stop = weight.params
    index: tuple[slice, ...] = (slice(None),) * axis + (slice(start, stop),)
    return array[index]


def _nearest(_: Weight, array: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
    """In slices along the first axis, as all distances at once would take `n` times the memory."""
    if not array.ndim or not len(array):
        return array
    rows = [np.abs(row[..., None] - numbers).argmin(axis=-1) for row in array]
    found = [numbers[row] if numbers.ndim == 1 else numbers[np.arange(len(numbers)), row] for row in rows]
    return np.stack(found)


def _checked(weight: Weight, array: NDArray[Any], flag: NDArray[Any]) -> NDArray[Any]:
    if not flag.all():
        raise WeightMismatch(weight.params[0])
    return array


def _numpy(weight: Weight, *arrays: NDArray[Any]) -> NDArray[Any]:
    function = weight.params[0]
    try:
        result: NDArray[Any] = getattr(np, function)(*arrays)
    except TypeError:
        dtypes = ", ".join(str(array.dtype) for array in arrays)
        stored = ", ".join(leaf.path for leaf in weight.leaves() if isinstance(leaf, StoredTensor))
        raise WeightMismatch(
            f"{stored}: {function} of {dtypes} is no number; whole numbers belong here"
        ) from None
    return result


_STEPS: dict[str, Callable[..., NDArray[Any]]] = {
    "full": lambda w: np.full(w.shape, w.params[0], dtype=np.float32),
    "constant": lambda w: np.asarray(w.params[0]).reshape(w.shape),
    "transpose": lambda w, a: a.transpose(w.params),
    "reshape": lambda w, a: a.reshape(w.params),
    "flip": lambda w, a: np.flip(a, w.params),
    "slice": _slice,
    "take": lambda w, a: np.take(a, w.params[1], axis=w.params[0]),
    "concatenate": lambda w, *a: np.concatenate(a, axis=w.params[0]),
    "round": lambda w, a: round_to_format(a, w.params[0]),
    "sum": lambda w, a: a.sum(axis=w.params, keepdims=True),
    "nearest": _nearest,
    "checked": _checked,
    "numpy": _numpy,
}
