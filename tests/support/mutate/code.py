"""Mutations of code objects: the bytecode that a Lambda layer holds, which nobody may load."""

from __future__ import annotations

import base64
import re
from random import Random

_CODE = re.compile(r'(?<=")[A-Za-z0-9+/\\n]{40,}={0,2}(?:\\n)*(?=")')


def mutated_code(text: str, rng: Random) -> str:
    """A JSON text with one of its code objects changed.

    Raises:
        ValueError: It has none.
    """
    found = list(_CODE.finditer(text))
    if not found:
        raise ValueError("no code")
    match = rng.choice(found)
    code = bytearray(base64.b64decode(match[0].replace("\\n", "")))
    for _ in range(rng.choice((1, 4, 32))):
        code[rng.randrange(len(code))] = rng.randrange(256)
    changed = bytes(code[: rng.randrange(len(code))] if rng.random() < 0.3 else code)
    new = rng.choice((base64.b64encode(changed).decode(), match[0][:-1], match[0] * 3, "!" + match[0]))
    return text[: match.start()] + new + text[match.end() :]
