"""Words that every page uses for the same thing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

BANNER = "Synthetic images – not for diagnosis"
VERDICTS = {"good": "Good", "fair": "Fair", "poor": "Poor", "unknown": "Cannot tell"}
COPY_READINGS = {"none found": "None found", "fair": "Not settled", "poor": "Found", "unknown": "Cannot tell"}
"""Of near-copies, which are no measure of quality."""
ADDED_READINGS = {"good": "Helps", "fair": "No difference", "poor": "Harms", "unknown": "Cannot tell"}
"""Of what adding synthetic images to real ones does."""
DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "as real": "near real images is better",
}
STAND_IN = "May the synthetic images stand in for real ones?"
COPIES = "Do they copy patients?"
TEACH = "Do they teach a classifier what real ones teach?"
TOLD_APART = "Do people tell them from real ones?"
"""The questions with which a report opens."""
FIT_FOR = "Use them to try out software and to teach, marked as synthetic."
"""What images are good for that may not stand in for real ones."""
OVERALL = "overall"
"""The group of scores of all classes together."""


def joined(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def capitalised(sentence: str) -> str:
    """The text with a capital at its beginning, and all else as it is."""
    return sentence[:1].upper() + sentence[1:]


def classes(names: Collection[str]) -> str:
    """`class “a”` or `classes “a” and “b”`; only how many where they would fill the sentence."""
    if len(names) > 3:
        return f"{len(names)} classes"
    return f"{'class' if len(names) == 1 else 'classes'} {joined([f'“{name}”' for name in names])}"
