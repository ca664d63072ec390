from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gist.stages.utility import (
    Interval,
    SyntheticWorth,
    UtilityArm,
    UtilityClassifier,
    UtilityControl,
    UtilityFinding,
    UtilityResult,
)
from gist.utility.counts import arm_result
from gist.utility.page import utility_section

NAMES = ("healthy", '<b onclick="x()">ill')


def row(arm: str, right: int, tested_on: str = "held-out real", learned: int = 40) -> UtilityArm:
    confusions = [((right, 50 - right), (50 - right, right)), ((right - 2, 52 - right), (50 - right, right))]
    return arm_result(
        classifier="small",
        arm=arm,
        learned_from=dict.fromkeys(NAMES, learned),
        tested_on=tested_on,
        class_names=NAMES,
        confusions=confusions,
        balanced=(0.1, 0.9),
    )


@pytest.fixture
def result() -> UtilityResult:
    difference = Interval(value=-0.123, low=-0.2, high=0.05)
    verdicts = {"GAN-train": "poor", "GAN-test": "unknown", "Real+Synthetic": "good"}
    return UtilityResult(
        class_names=NAMES,
        seeds=2,
        classifiers=(UtilityClassifier(name="small", weights="trained from scratch", steps=250, pixels=64),),
        arms=(
            row("always the commonest class", 25, learned=0),
            row("Base", 45),
            row("GAN-train", 40),
            row("GAN-test", 42, "synthetic"),
            row("Real+Synthetic", 46),
        ),
        findings=tuple(
            UtilityFinding.model_validate(
                {
                    "classifier": "small",
                    "question": question,
                    "difference": difference,
                    "smallest_detectable": 0.08,
                    "verdict": verdict,
                    "meaning": f"What {question} says.",
                }
            )
            for question, verdict in verdicts.items()
        ),
        controls=(
            UtilityControl(
                classifier="small",
                name="shuffled labels",
                balanced_accuracy=Interval(value=0.5),
                passed=False,
                meaning="Distrust it.",
            ),
        ),
        worth=(
            SyntheticWorth(
                classifier="small", images=80, sizes=(10, 20, 40, 80), curve=(0.6, 0.7, 0.8, 0.9),
                gan_train=0.8, value=40, low=30, high=60, told=True, meaning="Worth about 40.",
            ),
        ),
        notes=("A note & more.",),
    )  # fmt: skip


def test_the_section_is_well_formed_and_class_names_are_text(result: UtilityResult) -> None:
    page = str(utility_section(result, 100))
    ElementTree.fromstring(f"<div>{page}</div>")
    assert "<b onclick" not in page
    assert "&lt;b onclick" in page


def test_verdicts_and_numbers_shown_are_those_recorded(result: UtilityResult) -> None:
    page = str(utility_section(result, 100))
    lights = re.findall(r'class="light (\w+)">([^<]+)<', page)
    assert lights[:3] == [("poor", "Poor"), ("unknown", "Cannot tell"), ("good", "Helps")]
    assert ("poor", "Small network, shuffled labels.") in lights
    assert page.count(">−12.3<") == 3
    assert "−20.0 to +5.0" in page
    assert re.findall(r'class="utility-accuracy" value="([0-9.]+)"', page) == [
        "0.890",
        "0.790",
        "0.830",
        "0.490",
    ]
    assert "Right, seed by seed: 90, 88 of 100 held-out real images." in page


def test_raw_counts_are_added_over_seeds(result: UtilityResult) -> None:
    root = ElementTree.fromstring(f"<div>{utility_section(result, 100)}</div>")
    tables = [table for table in root.iter("table") if table.findtext("caption") == "Base"]
    cells = [[cell.text for cell in line.iter("td")] for line in tables[0].iter("tr")][1:]
    base = np.sum(result.arms[1].confusions, axis=0)
    assert cells == [[str(n) for n in line] for line in base]


def test_what_was_left_out_has_no_section() -> None:
    assert utility_section(None, 0) is None
    assert utility_section(UtilityResult(left_out="no classifier"), 0) is None


@pytest.mark.parametrize(
    ("drawn", "said"),
    [(300, "100 of the 300 synthetic images, the most that have"), (100, "100 synthetic images.")],
)
def test_why_not_all_synthetic_images_were_looked_at_is_told(
    result: UtilityResult, drawn: int, said: str
) -> None:
    assert f"Base looks at {said}" in str(utility_section(result, drawn))
