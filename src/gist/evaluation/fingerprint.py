"""What a score rests on, as one string, and the refusal to compare scores that rest on different things."""

from __future__ import annotations

from gist.errors import InputError
from gist.metrics.frechet import DDOF
from gist.stages.evaluate import Score


def fingerprint(
    extractor_identity: str, standardiser_digest: str, reference_digest: str, n: int, detail: str
) -> str:
    """Extractor with weights and preprocessing, standardiser, reference images, n per side and the score's
    settings.

    Digests are SHA-256 in hexadecimal and appear shortened to 12 digits.
    """
    return (
        f"{extractor_identity} standardiser={standardiser_digest[:12]} reference={reference_digest[:12]} "
        f"n={n}+{n} ddof={DDOF} {detail}"
    ).rstrip()


def compare(a: Score, b: Score) -> float:
    """How much better `a` is than `b` in the score's own unit; negative where `b` is better.

    Raises:
        InputError: the scores are different ones, rest on unlike fingerprints, or one has no value.
    """
    if (a.name, a.group) != (b.name, b.group):
        raise InputError(
            f"{a.name} of {a.group} and {b.name} of {b.group} are different scores; compare like with like."
        )
    if a.fingerprint != b.fingerprint:
        raise InputError(
            f"These two values of {a.name} must not be compared, they rest on different things: "
            f"{_difference(a.fingerprint, b.fingerprint)}; evaluate both with the same settings and images."
        )
    if a.value is None or b.value is None:
        raise InputError(
            f"One of the two values of {a.name} is missing for want of images; there is nothing to compare."
        )
    if a.better == "as real":
        return abs(b.value - (b.baseline or 0.0)) - abs(a.value - (a.baseline or 0.0))
    return b.value - a.value if a.better == "lower" else a.value - b.value


def _difference(a: str, b: str) -> str:
    parts = [(x, y) for x, y in zip(a.split(), b.split(), strict=False) if x != y]
    return ", ".join(f"{x} against {y}" for x, y in parts) or "settings of unlike kind"
