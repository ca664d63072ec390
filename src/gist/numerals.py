"""Numbers as people read them: as many digits as the number deserves."""

from __future__ import annotations

import math

MINUS = "\u2212"
MOST_DECIMALS = 6
NOISE = 1e-9
"""What is smaller is the rounding of something that is zero: all that is shown is of the order of one."""


def count(number: int) -> str:
    """12345 -> `12,345`."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `2 images`; `plural` where an s is not enough."""
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def significant(value: float, digits: int = 3) -> str:
    """A number with `digits` significant digits, in exponent form from 1e10 on only."""
    if abs(value) < NOISE or not math.isfinite(value):
        return fixed(value, 0)
    size = math.floor(math.log10(abs(value)))
    if size > 9:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    return fixed(value, max(0, digits - 1 - size))


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals, thousands separated, a true minus sign and no negative zero."""
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


def together(*numbers: float | None) -> tuple[str, ...]:
    """Numbers that are held against one another, such as a score and its interval; empty texts for None.

    All have the decimals that give the largest three significant digits; one that would read zero keeps one digit.
    """
    known = [abs(number) for number in numbers if number is not None]
    decimals = _decimals(max(known), 3) if known else 0
    return tuple("" if number is None else _beside(number, decimals) for number in numbers)


def _beside(number: float, decimals: int) -> str:
    if number == 0:
        return "0"
    text = fixed(number, decimals)
    return text if text.strip(MINUS + "0.") else significant(number, 1)


def _decimals(value: float, digits: int) -> int:
    if value == 0 or not math.isfinite(value):
        return digits
    return min(MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def percent(share: float) -> str:
    """0.123 -> `12 %`; small shares keep one decimal."""
    value = 100 * share
    return f"{value:.1f} %" if 0.05 <= value < 1 or 99 < value < 99.95 else f"{value:.0f} %"


def duration(seconds: float) -> str:
    """Seconds as `8.4 s`, `45 s`, `3 min 20 s`, `2 h 5 min` or `1 d 3 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    first = next(index for index, (size, _) in enumerate(units) if whole >= size)
    parts = []
    for size, name in units[first : first + 2]:
        parts.append(f"{whole // size} {name}")
        whole %= size
    return " ".join(part for part in parts if not part.startswith("0 "))
