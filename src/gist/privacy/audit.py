"""The audit of three sets of images: views, planted copies, controls and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.metrics.intervals import wilson
from gist.metrics.neighbours import percentile_among
from gist.numerals import counted, percent
from gist.privacy.detection import Rehearsal, alarms, detect
from gist.privacy.planted import KINDS, planted
from gist.privacy.views import VIEWS, Images, Looked, Tick, Viewer
from gist.stages.privacy import (
    TOGETHER,
    VERDICT_FALSE_ALARMS,
    PlantedPower,
    PrivacyControl,
    PrivacyFilter,
    PrivacyResult,
    Verdict,
    ViewFound,
)

FALSE_ALARMS = (VERDICT_FALSE_ALARMS, 0.01, 0.05)
"""Rates at which power is told; the verdict uses the first."""
SHARES = (0.001, 0.01, 0.05)
LEAST_IMAGES = 20
ENOUGH_POWER = 0.8
PLANTED = 100
MEMBERS = 600
COPY_KINDS = ("shifted", "rotated", "re-exposed", "cropped", "blurred")

Patients = NDArray[np.str_]
Kept = Callable[[str, Callable[[], Looked]], Looked]


@dataclass(frozen=True)
class Sets:
    """Images [., H, W] in 0-1 of at most 64 pixels, and whose the real ones are."""

    training: Images
    hold_out: Images
    synthetic: Images
    training_patients: Patients
    hold_out_patients: Patients

    @property
    def images_to_look_at(self) -> int:
        members = min(MEMBERS, len(self.training) // 2)
        return len(self.hold_out) + len(self.synthetic) + len(KINDS) * self.to_plant + members

    @property
    def to_plant(self) -> int:
        """Training images that are planted as copies, once in each kind."""
        return min(PLANTED, max(len(self.training) // 4, LEAST_IMAGES))

    @property
    def too_few(self) -> str:
        """Why the test cannot be made; empty where it can."""
        for images, name in ((self.training, "training image"), (self.hold_out, "hold-out image")):
            if len(images) < LEAST_IMAGES:
                have = f"{'is' if len(images) == 1 else 'are'} only {counted(len(images), name)}"
                return f"There {have}, and {LEAST_IMAGES} are the least that can be tested with."
        return ""


@dataclass(frozen=True)
class Looks:
    """Everything that was looked at."""

    hold_out: Looked
    synthetic: Looked
    planted: dict[str, Looked]
    members: Looked
    """Half of the training images, or some of it, beside the other half."""
    member_patients: Patients


def identical(x_NHW: Images, training_NHW: Images) -> NDArray[np.bool_]:
    """[N] whether an image equals a training image at 256 grey levels."""
    known = {_levels(x) for x in training_NHW}
    return np.array([_levels(x) in known for x in x_NHW], bool)


def look_at(sets: Sets, viewer: Viewer, seed: int, kept: Kept, tick: Tick) -> Looks:
    """Looks at every set in every view; `kept` hands back what was looked at before under the same name."""
    rng = np.random.default_rng([seed, 1])
    first, second = _halves(sets.training_patients, rng)
    second = rng.permutation(second)[:MEMBERS]
    chosen = rng.permutation(len(sets.training))[: sets.to_plant]
    copies = {
        kind: planted(kind, sets.training[chosen], np.random.default_rng([seed, number]))
        for number, kind in enumerate(KINDS)
    }
    return Looks(
        hold_out=kept("hold-out", lambda: viewer.look(sets.hold_out, tick)),
        synthetic=kept("synthetic", lambda: viewer.look(sets.synthetic, tick)),
        planted={
            kind: kept(f"planted {kind}", lambda x=x: viewer.look(x, tick))  # type: ignore[misc]
            for kind, x in copies.items()
        },
        members=kept("members", lambda: viewer.look(sets.training[second], tick, among=first)),
        member_patients=sets.training_patients[second],
    )


def judged(
    sets: Sets, looks: Looks, repeats: int, seed: int, filtered: PrivacyFilter | None = None
) -> PrivacyResult:
    """Test, power, controls and verdict of what was looked at."""
    rng = np.random.default_rng([seed, 2])
    found = detect(looks.synthetic.ratio, looks.hold_out.ratio, rng)
    nearer = looks.synthetic.ratio < looks.hold_out.ratio.min(0)
    power = powers(looks, len(sets.synthetic), repeats, rng)
    same, same_hold_out = identical(sets.synthetic, sets.training), identical(sets.hold_out, sets.training)
    result = PrivacyResult(
        verdict="none found",
        meaning="",
        p_value=found.p_value,
        training_images=len(sets.training),
        hold_out_images=len(sets.hold_out),
        synthetic_images=len(sets.synthetic),
        by_patient=True,
        identical=int(same.sum()),
        identical_hold_out=int(same_hold_out.sum()),
        suspicious=len(found.suspicious),
        filtered=filtered,
        views=tuple(
            ViewFound(name=name, p_value=p, nearer_than_all=int(count))
            for name, p, count in zip(VIEWS, found.p_by_view, nearer.sum(0), strict=True)
        ),
        power=power,
        controls=(
            _control("hold-out as synthetic", looks.hold_out, sets.hold_out_patients, repeats, rng),
            _control("members only", looks.members, looks.member_patients, repeats, rng),
        ),
    )
    verdict, meaning = verdict_of(result)
    return result.model_copy(update={"verdict": verdict, "meaning": meaning})


def verdict_of(result: PrivacyResult) -> tuple[Verdict, str]:
    """The verdict and what it means, in words."""
    verdict, meaning = _verdict(result)
    return verdict, meaning + of_filter(result.filtered)


def _verdict(result: PrivacyResult) -> tuple[Verdict, str]:
    searched = counted(result.synthetic_images, "synthetic image")
    if result.identical and not result.identical_hold_out:
        equal = "equals" if result.identical == 1 else "equal"
        return "evidence of copying", (
            f"{result.identical:,} of {searched} {equal} a training image pixel by pixel. "
            "Treat all of them, and the network, as patients’ images."
        )
    if result.p_value is not None and result.p_value <= VERDICT_FALSE_ALARMS:
        return "evidence of copying", (
            f"{result.suspicious:,} of {searched} lie nearer to a training image than each of "
            f"{counted(result.hold_out_images, 'hold-out image')}; luck alone would do that in "
            f"{_chance(result.p_value)} sets. Treat all of them, and the network, as patients’ images."
        )
    plain = result.power_of("rotated", SHARES[-1])
    if plain is None or plain.power < ENOUGH_POWER:
        return "too few images to tell", (
            f"With {searched} and {counted(result.hold_out_images, 'hold-out image')} copies of training images that "
            "are only turned a little would often pass; draw more images, or hold more out."
        )
    told = "; ".join(
        f"at {percent(share)}, "
        + ", ".join(f"{p.kind} {percent(p.power)}" for p in result.power if p.told and p.share == share)
        for share in SHARES[1:]
    )
    return "none found", (
        f"No sign of copying among {searched}. Copies of these kinds would have been found with probability ({told}). "
        "Copies of other kinds, and single ones, can have been missed: none found is not none there."
    )


def of_filter(filtered: PrivacyFilter | None) -> str:
    """Empty, or what a filter with the audit's own eye leaves the verdict worth."""
    if filtered is None:
        return ""
    return (
        f" A filter had dropped {counted(filtered.dropped, 'picture')} before (generate.min_novelty "
        f"{filtered.level:g}) with the eye of this audit, which would miss as well what the filter let through: "
        "a filter is not a proof."
    )


def powers(looks: Looks, synthetic: int, repeats: int, rng: np.random.Generator) -> tuple[PlantedPower, ...]:
    """Power by kind, share, rate of false alarms and view."""
    rehearsal = Rehearsal(looks.hold_out.ratio, synthetic, rng)
    found = []
    for share in SHARES:
        copies = max(1, round(share * synthetic))
        for kind, looked in looks.planted.items():
            for alarm, power in zip(
                FALSE_ALARMS, rehearsal.power(looked.ratio, copies, FALSE_ALARMS, repeats), strict=True
            ):
                # A copy that equals its original pixel by pixel needs no test.
                together = 1.0 if kind == "exact" else power.rate
                for view, rate in zip((TOGETHER, *VIEWS), (together, *power.by_view), strict=True):
                    low, high = wilson(rate, repeats)
                    found.append(
                        PlantedPower(
                            kind=kind,
                            share=share,
                            copies=copies,
                            view=view,
                            false_alarms=alarm,
                            power=rate,
                            low=low,
                            high=high,
                        )
                    )
    return tuple(found)


def nearness(looked: Looked, hold_out: Looked) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """[N] share of hold-out images that are nearer, in the view where it is least, and that view's number."""
    shares = np.stack(
        [
            percentile_among(mine, theirs)
            for mine, theirs in zip(looked.ratio.T, hold_out.ratio.T, strict=True)
        ],
        1,
    )
    # Of equal shares the view in which the image lies deepest below the nearest hold-out image.
    depth = looked.ratio / np.maximum(hold_out.ratio.min(0), 1e-6)
    view = (shares + 1e-9 * depth).argmin(1)
    return shares[np.arange(len(view)), view], view


def _control(
    name: str, looked: Looked, patients: Patients, repeats: int, rng: np.random.Generator
) -> PrivacyControl:
    count = alarms(looked.ratio, patients, repeats, VERDICT_FALSE_ALARMS, rng)
    return PrivacyControl(name=name, images=len(patients), repeats=repeats, alarms=count)


def _halves(patients_N: Patients, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    names, patient = np.unique(patients_N, return_inverse=True)
    side = rng.permutation(len(names)) < len(names) / 2
    return np.flatnonzero(side[patient]), np.flatnonzero(~side[patient])


def _levels(x_HW: Images) -> bytes:
    return np.rint(255 * x_HW).astype(np.uint8).tobytes()


def _chance(p_value: float) -> str:
    return f"1 of {round(1 / p_value):,}" if p_value > 1 / 1500 else "fewer than 1 of 1,000"
