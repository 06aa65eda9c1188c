"""What can be done to a saved model: kinds of mutations, by the files that they are for.

A model is a mapping from file names to contents: `{"model.h5": b"..."}`, or several where an architecture and
its weights are apart. A mutation changes one of them. To add one, decorate a function with `mutation`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

#: The files of one model; the first is what is given to `convert`.
Files = dict[str, bytes]
#: Changes the content of one file; raises ValueError if it finds nothing that it could change.
Mutation = Callable[[bytes, Random], bytes]

_MUTATIONS: list[tuple[str, tuple[str, ...], int, Mutation]] = []


def mutation(kind: str, *suffixes: str, weight: int = 1) -> Callable[[Mutation], Mutation]:
    """Register a mutation.

    Args:
        kind: What the summary counts it as.
        suffixes: Of the files that it is for; all files, if there are none.
        weight: How often it is chosen, in proportion to the others.
    """

    def register(function: Mutation) -> Mutation:
        _MUTATIONS.append((kind, suffixes, weight, function))
        return function

    return register


def mutated(files: Files, rng: Random) -> tuple[str, Files]:
    """A kind of mutation, and the files with one of them changed so."""
    while True:
        name = rng.choice(list(files))
        known = [m for m in _MUTATIONS if not m[1] or name.endswith(m[1])]
        kind, _, _, mutate = rng.choices(known, weights=[weight for _, _, weight, _ in known])[0]
        try:
            return kind, {**files, name: mutate(files[name], rng)}
        except Exception:  # whatever a library refuses to write is no mutant
            continue
