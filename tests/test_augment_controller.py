"""The adaptive augmentation probability: its direction, bounds, warning and exact continuation."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gist.errors import InputError, StageError
from gist.generators.augment import AdaController


def test_augmentation_rises_while_the_discriminator_overfits_and_falls_otherwise() -> None:
    controller = AdaController()
    for _ in range(400):
        controller.update(0.9, 64)
    risen = controller.p
    assert risen == pytest.approx(400 * 64 / 500_000)
    for _ in range(200):
        controller.update(0.2, 64)
    assert controller.p == pytest.approx(risen / 2)
    assert controller.saturated is None


def test_augmentation_changes_every_fourth_batch_by_the_mean_over_their_images() -> None:
    controller = AdaController(kimg_to_full=1.0)
    assert [controller.update(sign, 10) for sign in (0.9, 0.5, 0.5)] == [0, 0, 0]
    assert controller.update(0.51, 100) == 0
    for _ in range(3):
        controller.update(0.0, 10)
    assert controller.update(1.0, 100) == pytest.approx(0.13)


@settings(deadline=None, max_examples=60)
@given(
    signs=st.lists(st.floats(-1, 1), max_size=60), images=st.integers(1, 5000), p_max=st.floats(0, 1),
    cut=st.integers(0, 60),
)  # fmt: skip
def test_probability_is_bounded_and_resumes_exactly(
    signs: list[float], images: int, p_max: float, cut: int
) -> None:
    unbroken, resumed = (AdaController(p_max=p_max, kimg_to_full=20.0) for _ in range(2))
    for i, sign in enumerate(signs):
        if i == cut:
            state = json.loads(json.dumps(resumed.state()))
            resumed = AdaController(p_max=p_max, kimg_to_full=20.0)
            resumed.restore(state)
        assert 0 <= unbroken.update(sign, images) <= p_max
        assert resumed.update(sign, images) == unbroken.p


def test_saturation_is_told_in_words() -> None:
    controller = AdaController(kimg_to_full=1.0, interval=1)
    assert controller.saturated is None
    while controller.p < 0.85:
        controller.update(1.0, 100)
    assert controller.p == 0.85
    assert "p = 0.85" in str(controller.saturated)
    controller.update(0.0, 100)
    assert controller.saturated is None


def test_fixed_probability_stays_and_warns_when_high() -> None:
    controller = AdaController(fixed_p=0.3, interval=1)
    assert controller.update(1.0, 10_000) == 0.3
    assert controller.saturated is None
    assert "fixed" in str(AdaController(fixed_p=0.9).saturated)


@pytest.mark.parametrize("bad", [{}, {"p": 2, "sign_sum": 0, "images": 0, "batches": 0}, {"p": "x"},
    {"p": 0.1, "sign_sum": math.nan, "images": 0, "batches": 0}])  # fmt: skip
def test_damaged_controller_state_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match="damaged"):
        AdaController().restore(bad)


def test_logits_that_are_no_numbers_stop_the_controller() -> None:
    with pytest.raises(StageError, match="nan"):
        AdaController().update(math.nan, 8)


@pytest.mark.parametrize("wrong", [{"target": 2.0}, {"kimg_to_full": 0.0}, {"p_max": 1.1}, {"interval": 0},
    {"fixed_p": -0.1}])  # fmt: skip
def test_impossible_controller_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="give a"):
        AdaController(**wrong)  # type: ignore[arg-type]
