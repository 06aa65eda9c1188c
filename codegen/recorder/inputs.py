"""Seeded inputs that suit a model: indices within vocabularies, padded sequences, pixels, truth values."""

from __future__ import division, print_function

import numpy as np

#: Sizes to try in turn for the axes that images, and sequences, leave open.
IMAGE_SIZES = (64, 96, 128, 224, 256, 32, 512)
SEQUENCE_SIZES = (12, 7, 16, 32, 64, 128, 256, 1024, 16000, 1)

#: What all floating-point inputs are, in turn: where one of them gives no numbers, the next may.
KINDS = ("normal", "positive")

#: Layers that take pixels of 0 to 255.
_PIXELS = ("Rescaling", "Resizing", "CenterCrop")


class Given(object):
    """An input of a model.

    `shape` has None where a size is open, and its first size is the batch; `readers` are the class and the
    options of the layers that read it.
    """

    def __init__(self, name, shape, dtype, readers):
        self.name, self.shape, self.dtype, self.readers = name, tuple(shape), dtype, list(readers)

    def option(self, classes, name, default=None):
        """An option of the first reader that is of one of these classes; the default if none is."""
        return next(
            (config.get(name, default) for found, config in self.readers if found in classes), default
        )

    def is_read_by(self, *classes):
        """Whether one of its readers is of one of these classes."""
        return any(found in classes for found, _ in self.readers)


def sizes_to_try(inputs):
    """Sizes for the open axes, the likeliest first; one if there are none."""
    ranks = [len(given.shape) for given in inputs if None in given.shape[1:]]
    return [1] if not ranks else IMAGE_SIZES if max(ranks) > 3 else SEQUENCE_SIZES


def suitable(inputs, size, kind, seed, batch=2):
    """Arrays for all inputs, with this size where they leave one open."""
    rng = np.random.RandomState(seed)
    return [_array(rng, given, size, kind, batch) for given in inputs]


def _array(rng, given, size, kind, batch):
    sizes = [size if n is None else int(n) for n in given.shape[1:]]
    shape = [batch if given.shape[0] is None else int(given.shape[0])] + sizes
    if given.dtype == "string":
        raise ValueError("input %r takes text: give some with --inputs" % given.name)
    if given.dtype == "bool":
        array = rng.uniform(size=shape) < 0.7
        array[..., :1] = True
        return array
    count = _count(given)
    if count is not None or "int" in given.dtype:
        low = 1 if given.option(("Embedding",), "mask_zero") and (count or 2) > 1 else 0
        return _padded(rng.randint(low, max(count or 2, low + 1), size=shape), 0, low).astype(given.dtype)
    array = _numbers(rng, given, shape, kind)
    if given.is_read_by("Masking"):
        array = _padded(array, given.option(("Masking",), "mask_value", 0.0), 1)
    return array.astype(given.dtype)


def _count(given):
    """How many whole numbers there are to choose from; None if nothing tells."""
    count = given.option(("Embedding",), "input_dim")
    return (
        count if count is not None else given.option(("CategoryEncoding", "CategoryCrossing"), "num_tokens")
    )


def _numbers(rng, given, shape, kind):
    if given.is_read_by(*_PIXELS):
        return np.floor(rng.uniform(0, 256, size=shape))
    return rng.normal(size=shape) if kind == "normal" else rng.uniform(0.1, 1.0, size=shape)


def _padded(array, value, is_masked):
    """Each sample but the first ends earlier, if its steps can be masked."""
    for number in range(1, len(array) if is_masked and array.ndim > 1 else 0):
        steps = max(1, array.shape[1] - 2 * number - array.shape[1] // 4)
        array[number, steps:] = value
    return array
