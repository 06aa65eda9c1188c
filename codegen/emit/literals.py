"""Numbers of the generated file as people write them: `1e-3`, `1e-6`, `-1e9`."""

from __future__ import annotations

import io
import math
import tokenize

#: Numbers in between are written out.
_SMALL, _LARGE = 0.01, 1e6


def short_numbers(text: str) -> str:
    """Python source with the shorter form of each number that is very small or very large."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):
        if token.type == tokenize.NUMBER and (short := short_number(token.string)) != token.string:
            (row, start), (_, end) = token.start, token.end
            lines[row - 1] = lines[row - 1][:start] + short + lines[row - 1][end:]
    return "".join(lines)


def short_number(number: str) -> str:
    """`0.001` and `1e-03` as `1e-3`, `1.001e-05` as `1.001e-5`; other numbers as they are."""
    if not set(number) <= set("0123456789.e+-") or not {".", "e"} & set(number):
        return number
    value = float(number)
    if value == 0 or not math.isfinite(value) or _SMALL <= value < _LARGE:
        return number
    short = next(text for n in range(18) if float(text := f"{value:.{n}e}") == value)
    digits, _, exponent = short.partition("e")
    written = f"{digits}e{int(exponent)}"
    return written if len(written) < len(number) else number
