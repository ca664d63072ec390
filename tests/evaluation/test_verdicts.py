"""A verdict is grey where the images are too few to tell, and never better than the pictures are."""

from __future__ import annotations

import pytest

from gist.evaluation.capped_verdicts import capped
from gist.evaluation.fingerprint import compare
from gist.evaluation.meaning import diversity_meaning, diversity_verdict, share_meaning, share_verdict
from gist.metrics.intervals import wilson
from gist.stages.evaluate import ArtifactSummary, Score


@pytest.mark.parametrize(
    ("share", "baseline", "n", "verdict"),
    [
        (0.35, 0.5, 20, "unknown"),  # the interval reaches from 0.18 to 0.57
        (0.35, 0.5, 400, "fair"),
        (0.35, 0.8, 400, "poor"),
        (0.46, 0.5, 400, "good"),
        (0.65, 0.8, 20, "good"),  # the interval, 0.43 to 0.82, includes 0.8 and stays above half of it
        (0.3, 0.0, 400, "unknown"),
    ],
)
def test_a_share_is_grey_where_its_interval_reaches_from_poor_to_good(
    share: float, baseline: float, n: int, verdict: str
) -> None:
    low, high = wilson(share, n)
    found = share_verdict(share, baseline, low, high)
    assert found == verdict
    assert ("So few images" in share_meaning("precision", str(baseline), found)) == (found == "unknown")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(37.6, "poor"), (25.0, "fair"), (19.9, "good"), (17.0, "good"), (10.0, "fair"), (2.0, "poor")],
)
def test_diversity_is_poor_on_either_side_of_real_images(value: float, verdict: str) -> None:
    found = diversity_verdict(value, 18.4)
    assert found == verdict
    sentence = diversity_meaning(value, 18.4, found)
    assert ("noise differs" in sentence) == (verdict != "good" and value > 18.4)
    assert ("repeat themselves" in sentence) == (verdict != "good" and value < 18.4)


def _score(name: str, verdict: str, group: str = "overall", **values: object) -> Score:
    shares = name.startswith(("precision", "recall"))
    better = "as real" if name.startswith("diversity") else "higher" if shares else "lower"
    common = {
        "value": 1.0,
        "n_real": 9,
        "n_synthetic": 9,
        "fingerprint": "f",
        "meaning": "Found.",
        "better": better,
    }
    return Score.model_validate({**common, **values, "name": name, "group": group, "verdict": verdict})


def _artifacts(odd: float) -> ArtifactSummary:
    return ArtifactSummary(
        table="artifacts.csv", heat_maps="artifacts.safetensors", images=200, training=200, held_out=100,
        false_discoveries=0.1, flagged=0, share=0.0, low=0.0, high=0.1, least_share=0.1, real_level=0.05,
        odd_share=odd, odd_low=odd, odd_high=odd, reasons={}, meaning="", verdict="poor",
    )  # fmt: skip


@pytest.mark.parametrize("failing", ["precision[radiomics]", "recall[radiomics]"])
def test_a_small_distance_reads_poor_where_precision_or_recall_does(failing: str) -> None:
    scores = [
        _score("KID[radiomics]", "fair"),
        _score("FD[radiomics]", "good"),
        _score("relative FD[radiomics]", "unknown"),
        _score(failing, "poor"),
        _score("near-copies", "none found"),
        _score("KID[radiomics]", "fair", "mild"),
    ]
    found = capped(scores, None)
    assert [score.verdict for score in found] == ["poor", "poor", "unknown", "poor", "none found", "fair"]
    assert found[0].meaning.startswith(
        f"Found. It reads poor all the same, since {failing.split('[')[0]} reads poor"
    )
    assert found[3:] == scores[3:]


@pytest.mark.parametrize(("odd", "verdict"), [(0.98, "poor"), (0.7, "fair")])
def test_a_small_distance_reads_poor_where_nearly_all_images_are_odd(odd: float, verdict: str) -> None:
    (found,) = capped([_score("KID[radiomics]", "fair")], _artifacts(odd))
    assert found.verdict == verdict
    assert ("196 of 200 images look odder than 95 % of real ones" in found.meaning) == (verdict == "poor")


def test_of_two_diversities_the_one_nearer_to_real_images_is_better() -> None:
    noise, like_real = (_score("diversity[radiomics]", "good", value=v, baseline=18.4) for v in (37.6, 17.0))
    assert compare(like_real, noise) > 0
