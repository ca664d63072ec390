"""Words that every page uses for the same thing."""

from __future__ import annotations

from collections.abc import Sequence

BANNER = "Synthetic images – not for diagnosis"
VERDICTS = {"good": "Good", "fair": "Fair", "poor": "Poor", "unknown": "Cannot tell"}
COPY_READINGS = {"none found": "None found", "fair": "Not settled", "poor": "Found", "unknown": "Cannot tell"}
"""Of near-copies, which are no measure of quality."""
DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "as real": "near real images is better",
}
OVERALL = "overall"
"""The group of scores of all classes together."""


def joined(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
