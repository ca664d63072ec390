"""How many images can be called artifacts, in words that add up."""

from __future__ import annotations

import pytest

from gist.evaluation.artifacts_page import flagged_in_words
from gist.stages.evaluate import ArtifactSummary


def summary(odd: float, flagged: int) -> ArtifactSummary:
    return ArtifactSummary(
        table="artifacts.csv", heat_maps="artifacts.safetensors", images=200, training=200, held_out=168,
        false_discoveries=0.1, flagged=flagged, share=flagged / 200, low=0.0, high=1.0, least_share=0.06,
        real_level=0.05, odd_share=odd, odd_low=odd, odd_high=odd, reasons={}, meaning="", verdict="poor",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "flagged", "explained"), [(0.98, 200, True), (0.98, 190, False), (0.3, 20, False)]
)
def test_more_artifacts_than_odd_images_are_explained(odd: float, flagged: int, explained: bool) -> None:
    sentence = flagged_in_words(summary(odd, flagged))
    assert f"{flagged} of 200 images" in sentence
    assert ("These are more than the 196 above" in sentence) is explained
    assert ("a p of up to 0.1 can be called" in sentence) is explained
