"""Numbers and shapes as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence


def count_text(number: int) -> str:
    """12345 -> "12,345", with narrow spaces in place of the commas."""
    return f"{number:,}".replace(",", "\u202f")


def number_text(number: float | None) -> str:
    """Three significant digits, with a true minus; a dash for what is not known."""
    if number is None:
        return "–"
    if number == 0:
        return "0"
    plain = 1e-3 <= abs(number) < 1e4
    text = f"{number:.3g}" if plain and abs(number) < 1000 else f"{number:.0f}" if plain else f"{number:.1e}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "\u2212")


def shape_text(shape: Sequence[int | None]) -> str:
    """(None, 7, 7, 64) -> "N×7×7×64"; a size that is open elsewhere is "?"."""
    if not shape:
        return "scalar"
    sizes = ["?" if size is None else str(size) for size in shape]
    return "×".join(["N" if shape[0] is None else sizes[0], *sizes[1:]])
