"""What a value means: a plain sentence and a verdict.

No verdict rests on a threshold from the literature, as those hold for one extractor, one n and one kind of
image. Distances are read between yardsticks measured in the same run at the same n:

- chance: what real images against other real images reach 95 % of the time;
- barely blurred: real images after a blur of half a pixel, which few readers notice;
- plainly blurred: real images after a blur of one pixel, which shows at a glance.

good: within chance, or closer than barely blurred images. fair: closer than plainly blurred images. poor:
further, or where precision, recall or the single images read poor (`capped_verdicts`). Where this n cannot even tell
plainly blurred images from real ones the verdict is unknown; where it cannot tell barely blurred ones, a value within
chance is only fair, because a larger sample might still show a difference.

Shares (precision, recall, density, coverage) are read against the share that real images reach:
good at nine tenths of it or where the 95 % interval includes it, fair from half of it; unknown where the interval
reaches from poor to good. Diversity is read the same way by how near it comes to that of real images, from below or
above: noise is diverse too. So is the power of each octave of the spectrum, with its interval.
"""

from __future__ import annotations

from typing import Literal

from gist.metrics.group_measures import Measures
from gist.metrics.neighbours import CopyTest
from gist.metrics.spectrum import OctaveRatio
from gist.numerals import significant, together

Verdict = Literal["good", "fair", "poor", "unknown"]
CopyFinding = Literal["none found", "fair", "poor", "unknown"]
"""A passed search for copies proves nothing, so it is never good."""
MINIMUM_IMAGES = 20
"""Below this many images per side nothing is judged: even plainly blurred images pass for real then."""
FEWEST_HELD_OUT = 40
"""With fewer, what few real images in a hundred reach rests on a single one of them."""
COPY_FAIR_FACTOR = 5.0
"""Means of three training images, which copy none, reach up to 4 times the expected share of close images;
above half of all images nothing excuses it."""

_SHARES = {
    "precision": "Share of synthetic images that lie where real ones lie (do they look real?)",
    "recall": "Share of real images that lie where synthetic ones lie (is their variety reached?)",
    "density": "How densely real images surround the synthetic ones (about 1 is what real images reach)",
    "coverage": "Share of real images with a synthetic one in their neighbourhood (is any kind missing?)",
}


def distance_verdict(
    value: float, *, chance: float, barely: float, plainly: float, within_chance: bool
) -> Verdict:
    """Verdict on a distance by the yardsticks above."""
    if plainly <= chance:
        return "unknown"
    if within_chance:
        return "good" if barely > chance else "fair"
    if value <= barely:
        return "good"
    return "fair" if value <= plainly else "poor"


def share_verdict(value: float, baseline: float, low: float | None, high: float | None) -> Verdict:
    """Verdict on a share by the share that real images reach; unknown where those reach none.

    Unknown too where the 95 % interval reaches from poor to what real images reach.
    """
    if baseline <= 0.0:
        return "unknown"
    if low is not None and high is not None and low < 0.5 * baseline and high >= baseline:
        return "unknown"
    if value >= 0.9 * baseline or (high is not None and high >= baseline):
        return "good"
    return "fair" if value >= 0.5 * baseline else "poor"


def diversity_verdict(value: float, baseline: float) -> Verdict:
    """Verdict on the number of different images, by that of real ones: too many is no better than too few."""
    return share_verdict(min(value / baseline, baseline / value), 1.0, None, None)


def kid_meaning(measures: Measures, reference: str) -> tuple[str, Verdict]:
    """Sentence and verdict of KID; `reference` is such as "held-out"."""
    kid, real = measures.kid, measures.kid_real
    chance = real.null_95 if real.null_95 is not None else 1.645 * real.standard_error
    within = kid.p_value > 0.05 if kid.p_value is not None else kid.interval[0] <= 0.0
    verdict = distance_verdict(
        kid.value,
        chance=chance,
        barely=measures.kid_barely,
        plainly=measures.kid_plainly,
        within_chance=within,
    )
    found = "no difference was found" if within else "the difference is more than chance"
    return (
        f"Difference between {measures.n} synthetic and {measures.n} {reference} real images, 0 for none: "
        f"{found}. "
        f"For scale: chance alone reaches {significant(chance)}, real images barely blurred "
        f"{significant(measures.kid_barely)}, "
        f"plainly blurred {significant(measures.kid_plainly)}.{_limits(verdict, within)}",
        verdict,
    )


def relative_meaning(measures: Measures, reference: str) -> tuple[str, Verdict]:
    """Sentence and verdict of the relative Frechet distance."""
    relative = measures.relative
    within = relative.synthetic <= relative.chance
    verdict = distance_verdict(
        relative.synthetic,
        chance=relative.chance,
        barely=relative.barely,
        plainly=relative.plainly,
        within_chance=within,
    )
    ratio = together(relative.synthetic, relative.low, relative.high, 1.0)[0]  # as the table shows it
    return (
        f"Synthetic images are {ratio} times as far from {reference} real images as "
        "these are from "
        f"each other ({relative.n} against {relative.n}; 1 is ideal). For scale: chance alone reaches "
        f"{significant(relative.chance)}, real images barely blurred {significant(relative.barely)}, plainly blurred "
        f"{significant(relative.plainly)}.{_limits(verdict, within)}",
        verdict,
    )


def frechet_meaning(measures: Measures, reference: str, *, is_fid: bool) -> str:
    """Sentence of the plain Frechet distance, which shares the relative one's verdict."""
    _, real = together(measures.frechet, measures.frechet_real)  # as the table shows it
    caution = (
        "Papers give FID for 50,000 images against all training images (evaluate.literature)."
        if is_fid
        else "It is not FID, which needs other features."
    )
    return (
        f"Distance between {measures.n} synthetic and {measures.n} {reference} real images in means and "
        f"spreads of features; real images against these reach {real}. It falls with "
        f"more images on its own, so compare it at equal n only. {caution}"
    )


def share_meaning(kind: str, baseline: str, verdict: Verdict) -> str:
    """Sentence of a share; `kind` is one of precision, recall, density, coverage, `baseline` as the table shows it."""
    sentence = f"{_SHARES[kind]}; real images reach {baseline} at the same n."
    return f"{sentence} So few images cannot tell good from poor." if verdict == "unknown" else sentence


def diversity_meaning(value: float, baseline: float, verdict: Verdict) -> str:
    """Sentence of diversity."""
    _, real = together(value, baseline)  # as the table shows it
    sentence = (
        "Number of clearly different images that the synthetic set amounts to; real images amount to "
        f"{real} at the same n."
    )
    if verdict == "good":
        return sentence
    if value > baseline:
        return f"{sentence} More than that is no merit: noise differs from picture to picture, too."
    return f"{sentence} The synthetic images repeat themselves."


def power_verdict(found: OctaveRatio) -> Verdict:
    """Verdict on the power of an octave, as a share of that of real images or, above it, the reverse."""
    value, *ends = (min(x, 1 / x) if x > 0 else 0.0 for x in (found.ratio, found.low, found.high))
    return share_verdict(value, 1.0, min(ends), 1.0 if found.low <= 1 <= found.high else max(ends))


def power_meaning(octave: int, found: OctaveRatio, reference: str, verdict: Verdict) -> str:
    """Sentence of the power of an octave, 0 for the top one."""
    _, low, high = together(found.ratio, found.chance_low, found.chance_high)
    sentence = (
        f"How strong {_detail(octave)} is, as a share of its power in {reference} real images; real images against "
        f"real ones reach {low} to {high} by chance."
    )
    if verdict == "unknown":
        return f"{sentence} So few images cannot tell good from poor."
    if verdict == "good":
        return sentence
    if found.ratio > 1:
        return f"{sentence} More than that is noise or a pattern that real images lack."
    return f"{sentence} The synthetic images are too smooth at this size."


def no_power(octave: int, reference: str) -> str:
    """Sentence where real images hold no detail of the octave's size."""
    return f"The {reference} real images have no {_detail(octave)}, so there is nothing to compare with."


def _detail(octave: int) -> str:
    return f"detail of {2 * 2**octave} to {4 * 2**octave} pixels"


def copy_meaning(test: CopyTest, images: int, calibrated_on: str) -> tuple[str, CopyFinding]:
    """Sentence and verdict of the search for near-copies of training images among all synthetic ones."""
    if test.identical:
        return (
            f"{_of(test.identical, images)} cannot be told from a training image by coarse structure; "
            f"{_of(test.count, images, is_and_are=True)} suspiciously close to one.",
            "poor",
        )
    if test.p_value > 0.05:
        verdict: CopyFinding = "none found"
        finding = "no sign of copying, which does not prove that there is none"
    elif test.share <= min(COPY_FAIR_FACTOR * test.expected, 0.5):
        verdict = "fair"
        finding = "somewhat more than chance; bland images can do this, so look at the pairs"
    else:
        verdict = "poor"
        finding = "near-copies of training images are likely; look at the pairs before sharing anything"
    return (
        f"{_of(test.count, images, is_and_are=True)} suspiciously close to one training image, by the measure "
        f"that {100 * test.expected:.1f} % of {calibrated_on} images meet: {finding}.",
        verdict,
    )


def too_few_for_copies(images: int, calibrators: int, calibrated_on: str) -> str:
    """Sentence where too few images were searched for copies, or too few real ones say what is close."""
    return (
        f"Too few images to tell: {images} synthetic and {calibrators} {calibrated_on} images could be compared "
        f"with training images, and {MINIMUM_IMAGES} and {FEWEST_HELD_OUT} are needed."
    )


def too_few(n: int, reference: str) -> str:
    """Sentence where nothing can be said."""
    return (
        f"Too few images to tell: {n} per side could be compared with {reference} real images, and at least "
        f"{MINIMUM_IMAGES} are needed."
    )


def too_few_for_neighbours(neighbours: int) -> str:
    """Sentence where no image has enough others around it."""
    return (
        f"Too few different real images for {neighbours} neighbours; add images or lower evaluate.neighbours."
    )


def _of(count: int, images: int, *, is_and_are: bool = False) -> str:
    verb = "" if not is_and_are else " is" if count == 1 else " are"
    return f"{count} of {images} synthetic images{verb}"


def _limits(verdict: Verdict, within_chance: bool) -> str:
    if verdict == "unknown":
        return " So few images cannot tell even plainly blurred images from real ones."
    if within_chance and verdict == "fair":
        return " So few images cannot tell barely blurred ones from real ones; more might show a difference."
    return ""
