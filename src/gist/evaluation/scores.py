"""Measures of a group of images as the scores that the report shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gist.evaluation import meaning
from gist.metrics.group_measures import Measures, Sides, measure
from gist.metrics.intervals import wilson
from gist.metrics.neighbours import CopyTest
from gist.metrics.spectrum import octave_ratios
from gist.numerals import together
from gist.stages.evaluate import Direction, Score

Fingerprint = Callable[[int, str], str]
"""n per side and the score's own settings -> fingerprint."""
NEAR_COPIES = "near-copies"
"""Name of the score that counts them."""
KID_SETTINGS = "kernel=cubic estimator=unbiased"


def group_scores(
    group: str,
    sides: Sides,
    *,
    extractor: str,
    fingerprint: Fingerprint,
    reference: str,
    neighbours: int,
    permutations: int,
    seed: int,
) -> list[Score]:
    """Scores of one group, KID first; without values where there are fewer than 20 images per side."""
    n = len(sides.reference)
    if n < meaning.MINIMUM_IMAGES:
        return _without_value(group, extractor, n, fingerprint, reference)
    measures = measure(sides, neighbours=neighbours, permutations=permutations, seed=seed)
    return [
        _kid(group, extractor, measures, fingerprint, reference),
        *_frechet(group, extractor, measures, fingerprint, reference),
        *_shares(group, extractor, measures, fingerprint, neighbours),
        _diversity(group, extractor, measures, fingerprint),
    ]


def spectrum_scores(
    group: str, powers_3NK: NDArray[np.float64], *, fingerprint: Fingerprint, reference: str, seed: int
) -> list[Score]:
    """How strong detail of each size is, finest first; powers by octave of reference, synthetic and other real images.

    Without values below 20 images per side, and where real images have no detail of that size.
    """
    n = powers_3NK.shape[1]
    few = n < meaning.MINIMUM_IMAGES
    reference_NK, synthetic_NK, other_NK = powers_3NK
    ratios = (
        (None,) * powers_3NK.shape[2] if few else octave_ratios(reference_NK, synthetic_NK, other_NK, seed)
    )
    scores = []
    for number, found in enumerate(ratios):
        name, mark = f"octave {number + 1}[spectrum]", fingerprint(n, "hann levels=256")
        if found is None:
            why = meaning.too_few(n, reference) if few else meaning.no_power(number, reference)
            scores.append(_untold(name, group, n, mark, "as real", why))
            continue
        verdict = meaning.power_verdict(found)
        scores.append(
            Score(
                name=name,
                group=group,
                value=found.ratio,
                low=found.low,
                high=found.high,
                baseline=found.real,
                baseline_low=found.chance_low,
                baseline_high=found.chance_high,
                n_real=n,
                n_synthetic=n,
                fingerprint=mark,
                better="as real",
                meaning=meaning.power_meaning(number, found, reference, verdict),
                verdict=verdict,
            )
        )
    return scores


def frechet_name(extractor: str) -> str:
    """FID with FID's own Inception network and its published weights, else FD[extractor]."""
    return "FID" if extractor == "inception" else f"FD[{extractor}]"


def copy_score(
    test: CopyTest, *, images: int, calibrators: int, training: int, fingerprint: str, calibrated_on: str
) -> Score:
    """Score of the search for near-copies among all synthetic images."""
    sentence, verdict = meaning.copy_meaning(test, images, calibrated_on)
    few = images < meaning.MINIMUM_IMAGES or calibrators < meaning.FEWEST_HELD_OUT
    if few and not test.identical:
        sentence, verdict = meaning.too_few_for_copies(images, calibrators, calibrated_on), "unknown"
    low, high = wilson(test.share, images)
    known = verdict != "unknown"
    return Score(
        name=NEAR_COPIES,
        group="overall",
        value=test.share if known else None,
        low=low if known else None,
        high=high if known else None,
        p_value=test.p_value if known else None,
        baseline=test.expected if known else None,
        n_real=training,
        n_synthetic=images,
        fingerprint=fingerprint,
        better="lower",
        meaning=sentence,
        verdict=verdict,
    )


def _kid(group: str, extractor: str, measures: Measures, fingerprint: Fingerprint, reference: str) -> Score:
    sentence, verdict = meaning.kid_meaning(measures, reference)
    low, high = measures.kid.interval
    return Score(
        name=f"KID[{extractor}]",
        group=group,
        value=measures.kid.value,
        low=low,
        high=high,
        p_value=measures.kid.p_value,
        baseline=measures.kid_real.value,
        n_real=measures.n,
        n_synthetic=measures.n,
        fingerprint=fingerprint(measures.n, KID_SETTINGS),
        better="lower",
        meaning=sentence,
        verdict=verdict,
    )


def _frechet(
    group: str, extractor: str, measures: Measures, fingerprint: Fingerprint, reference: str
) -> tuple[Score, Score]:
    relative = measures.relative
    sentence, verdict = meaning.relative_meaning(measures, reference)
    return (
        Score(
            name=f"relative FD[{extractor}]",
            group=group,
            value=relative.synthetic,
            low=relative.low,
            high=relative.high,
            baseline=1.0,
            n_real=relative.n,
            n_synthetic=relative.n,
            fingerprint=fingerprint(relative.n, "halves=20"),
            better="lower",
            meaning=sentence,
            verdict=verdict,
        ),
        Score(
            name=frechet_name(extractor),
            group=group,
            value=measures.frechet,
            baseline=measures.frechet_real,
            n_real=measures.n,
            n_synthetic=measures.n,
            fingerprint=fingerprint(measures.n, ""),
            better="lower",
            meaning=meaning.frechet_meaning(measures, reference, is_fid=extractor == "inception"),
            verdict=verdict,
        ),
    )


def _shares(
    group: str, extractor: str, measures: Measures, fingerprint: Fingerprint, neighbours: int
) -> list[Score]:
    values: dict[str, tuple[float, float, int | None]] = {}
    ours, real = measures.manifold, measures.manifold_real
    scores = []
    if ours is not None and real is not None:
        values["precision"] = (ours.precision, real.precision, ours.n_synthetic)
        values["recall"] = (ours.recall, real.recall, ours.n_real)
        values["density"] = (ours.density, real.density, None)
        values["coverage"] = (ours.coverage, real.coverage, ours.n_real)
    else:
        scores += [
            _untold(
                f"{kind}[{extractor}]", group, measures.n, fingerprint(measures.n, f"k={neighbours} balls=open"),
                "higher", meaning.too_few_for_neighbours(neighbours),
            )
            for kind in ("precision", "recall", "density", "coverage")
        ]  # fmt: skip
    for kind, (value, baseline, trials) in values.items():
        low, high = wilson(value, trials) if trials is not None else (None, None)
        verdict = meaning.share_verdict(value, baseline, low, high)
        scores.append(
            Score(
                name=f"{kind}[{extractor}]",
                group=group,
                value=value,
                low=low,
                high=high,
                baseline=baseline,
                n_real=measures.n,
                n_synthetic=measures.n,
                fingerprint=fingerprint(measures.n, f"k={neighbours} balls=open"),
                better="higher",
                meaning=meaning.share_meaning(kind, together(value, low, high, baseline)[3], verdict),
                verdict=verdict,
            )
        )
    return scores


def _diversity(group: str, extractor: str, measures: Measures, fingerprint: Fingerprint) -> Score:
    verdict = meaning.diversity_verdict(measures.vendi, measures.vendi_real)
    return Score(
        name=f"diversity[{extractor}]",
        group=group,
        value=measures.vendi,
        baseline=measures.vendi_real,
        n_real=measures.n,
        n_synthetic=measures.n,
        fingerprint=fingerprint(measures.n, "vendi kernel=gauss width=reference"),
        better="as real",
        meaning=meaning.diversity_meaning(measures.vendi, measures.vendi_real, verdict),
        verdict=verdict,
    )


def _without_value(
    group: str, extractor: str, n: int, fingerprint: Fingerprint, reference: str
) -> list[Score]:
    names: dict[str, Direction] = {"KID": "lower", "relative FD": "lower", "FD": "lower"}
    names |= dict.fromkeys(("precision", "recall", "density", "coverage"), "higher")
    names["diversity"] = "as real"
    return [
        _untold(
            frechet_name(extractor) if name == "FD" else f"{name}[{extractor}]", group, n, fingerprint(n, ""),
            better, meaning.too_few(n, reference),
        )
        for name, better in names.items()
    ]  # fmt: skip


def _untold(name: str, group: str, n: int, fingerprint: str, better: Direction, why: str) -> Score:
    return Score(
        name=name,
        group=group,
        value=None,
        n_real=n,
        n_synthetic=n,
        fingerprint=fingerprint,
        better=better,
        meaning=why,
        verdict="unknown",
    )
