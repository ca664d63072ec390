"""The utility stage: what a classifier learns from the synthetic images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gist.stages.promise import Auto, Promise, Result, StageSettings


class Interval(Result):
    """A number with its 95 % interval, where one is known."""

    value: float
    low: float | None = None
    high: float | None = None


class UtilityClassifier(Result):
    """A classifier and how it was trained, the same in every arm."""

    name: str
    weights: str
    """What it started from, in words."""
    steps: int
    pixels: int


class UtilityClass(Result):
    """One class of one arm; means over seeds."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float


class UtilityArm(Result):
    """One way of training and testing a classifier; every rate is the mean over seeds."""

    classifier: str
    arm: str
    """Base, GAN-train, GAN-test, Real+Synthetic, a part of the real images, or a control."""
    learned_from: dict[str, int]
    """Class name -> images."""
    tested_on: str
    tested: int
    """Test images."""
    confusions: tuple[tuple[tuple[int, ...], ...], ...]
    """Raw counts, seed by seed: rows are true classes, columns predicted ones."""
    accuracy: Interval
    """With Wilson's interval at n = tested."""
    balanced_accuracy: Interval
    """With the bootstrap interval over patients and seeds."""
    precision: float
    recall: float
    f1: float
    """Means over classes."""
    classes: tuple[UtilityClass, ...]


class UtilityFinding(Result):
    """An arm held against Base, in balanced accuracy."""

    classifier: str
    question: str
    """GAN-train, GAN-test or Real+Synthetic."""
    difference: Interval
    """Arm minus Base; paired bootstrap over patients and seeds."""
    smallest_detectable: float
    """Difference that this experiment would find with 80 % power."""
    verdict: Literal["good", "fair", "poor", "unknown"]
    """`unknown` where power is missing."""
    meaning: str


class UtilityControl(Result):
    """Whether the experiment itself can be believed."""

    classifier: str
    name: Literal["shuffled labels", "real copies"]
    balanced_accuracy: Interval
    passed: bool
    meaning: str


class SyntheticWorth(Result):
    """How many real images teach as much as the synthetic ones."""

    classifier: str
    images: int
    """Synthetic images learned from."""
    sizes: tuple[int, ...]
    """Numbers of real images tried, ascending."""
    curve: tuple[float, ...]
    """Balanced accuracy at each size."""
    gan_train: float
    value: int | None
    low: int | None
    high: int | None
    """None where it lies outside the sizes tried or cannot be told."""
    told: bool
    meaning: str


class UtilityResult(Result):
    left_out: str | None = None
    """Why nothing was measured."""
    class_names: tuple[str, ...] = ()
    seeds: int = 0
    classifiers: tuple[UtilityClassifier, ...] = ()
    arms: tuple[UtilityArm, ...] = ()
    findings: tuple[UtilityFinding, ...] = ()
    controls: tuple[UtilityControl, ...] = ()
    worth: tuple[SyntheticWorth, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def in_one_line(self) -> str:
        if self.left_out:
            return f"left out, since {self.left_out}"
        first = self.classifiers[0].name
        reached = {arm.arm: arm.balanced_accuracy.value for arm in self.arms if arm.classifier == first}
        return (
            f"balanced accuracy {reached['GAN-train']:.2f} from synthetic images, {reached['Base']:.2f} from as many "
            "real ones"
        )


class UtilityConfig(StageSettings):
    """GAN-train and GAN-test: train classifiers on real and on synthetic images, test them on held-out real ones."""

    promise: ClassVar[Promise] = Promise(
        work="gist.utility.stage:measure_utility",
        result=UtilityResult,
        files=("utility.json",),
        takes="the same",
        gives="GAN-train and GAN-test with controls",
        needs=("prepare", "generate"),
        check="gist.utility.check:check_utility",
        page="gist.utility.page:utility_page",
        dear=("utility.json", "trained/*"),
        kept=True,
        per_set=True,
        lengthy=True,
    )

    classifiers: tuple[Literal["small", "inception_v3", "resnet101", "vgg19"], ...] = Field(
        ("small",), json_schema_extra={"restarts": False}
    )
    """Networks to train: small is quick on a CPU, the others want a GPU. An empty list leaves the stage out."""
    seeds: Auto | Annotated[int, Field(ge=1, le=100)] = Field("auto", json_schema_extra={"restarts": False})
    """Every arm is trained this often; with fewer than 5 no verdict is given. auto: 5, or as many as take no
    longer than the training of the generator did."""
    steps: Auto | Annotated[int, Field(ge=1)] = Field("auto", json_schema_extra={"restarts": False})
    """Steps of every training, the same in all arms. auto: 250 for small, 1000 for the others."""
    max_per_class: Annotated[int, Field(ge=4)] = Field(500, json_schema_extra={"restarts": False})
    """At most this many images of a class are learned from, real and synthetic alike."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.9)] = Field(
        0.2, json_schema_extra={"restarts": False}
    )
    """Share of training patients by whose images each training chooses its best step, if prepare kept none for it."""
    pretrained: bool = Field(True, json_schema_extra={"restarts": False})
    """Start torchvision's networks from ImageNet weights where these are found (`gist weights`)."""
    weights_folder: Path | None = Field(None, json_schema_extra={"private": "the weights folder"})
    """Folder with torchvision's weight files. Default: $GIST_WEIGHTS_DIR and the user's cache."""
