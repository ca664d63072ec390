"""The utility stage: GAN-train and GAN-test of the run's synthetic images, with controls, by several classifiers."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from gist import ops
from gist.config import Config
from gist.files import write_json
from gist.machine.device import Device, computing
from gist.machine.interruption import Stopped, deferred_stop
from gist.metrics.weights import CATALOGUE, FoundWeights, Unavailable, find_weights
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityClassifier, UtilityResult
from gist.utility.arms import ARMS, LEAST_PER_CLASS, images_per_class
from gist.utility.classifiers import CLASSIFIERS, Classifier
from gist.utility.conclusions import Conclusions, conclude
from gist.utility.sources import Sources, read_sources
from gist.utility.trainings import Predicted, Trainings
from gist.utility.verdicts import LEAST_SEEDS

RESULT_FILE = "utility.json"


def measure_utility(config: Config, run: RunFolder, progress: Progress) -> UtilityResult:
    """Trains classifiers on real and on synthetic images, tests them on held-out real ones, writes `utility.json`.

    Each training is kept as a file, so that the same command continues and a further classifier or seed costs only
    itself. Where the question cannot be asked (fewer than two classes, nothing held out, no classifier chosen) the
    result says why and holds nothing else.

    Raises:
        InputError: prepare or generate has not finished, or a weight file is damaged.
        Stopped: a signal asked to stop.
    """
    began = time.monotonic()
    found = _measured(config, run, progress)
    result = found if isinstance(found, UtilityResult) else UtilityResult(left_out=found)
    if result.left_out:
        progress.note(f"GAN-train and GAN-test were left out, since {result.left_out}.")
    # Without the time taken, so that equal input writes an equal file and the report stays fresh.
    write_json(run.stage_folder("utility") / RESULT_FILE, result.model_dump(mode="json", exclude={"seconds"}))
    return result.model_copy(update={"seconds": time.monotonic() - began})


def _measured(config: Config, run: RunFolder, progress: Progress) -> UtilityResult | str:
    """The result, or why the question cannot be asked."""
    names = tuple(dict.fromkeys(config.utility.classifiers))
    if not names:
        return "utility.classifiers is empty"
    sources = read_sources(run)
    class_names, why_not = sources.classes()
    if why_not:
        return why_not
    with computing(config) as device:
        ops.tune_memory_allocator()
        seeds = LEAST_SEEDS if config.utility.seeds == "auto" else config.utility.seeds
        work = _Work(config, run, progress, device, seeds, len(names) * seeds * len(ARMS))
        concluded = []
        for name in names:
            trainings = work.planned(CLASSIFIERS[name], sources, class_names)
            if int(trainings.per_class.min()) < LEAST_PER_CLASS:
                return f"a class has fewer than {LEAST_PER_CLASS} images to learn from, real or synthetic"
            one = work.concluded(trainings, _allowed_seconds(config, run) / len(names))
            if one is None:
                return (
                    "its trainings would take longer than the training of the generator; utility.seeds=5 asks for "
                    "them all the same"
                )
            concluded.append(one)
    return _result(sources, class_names, concluded)


def _allowed_seconds(config: Config, run: RunFolder) -> float:
    """How long all trainings may take together: unless the user asks for more, as long as that of the generator."""
    trained = finished_result(run, TrainResult)
    return math.inf if trained is None or config.utility.seeds != "auto" else trained.seconds


@dataclass
class _Work:
    """Goes through the classifiers and counts the trainings done."""

    config: Config
    run: RunFolder
    progress: Progress
    device: Device
    seeds: int
    total: int
    done: int = 0

    def planned(self, classifier: Classifier, sources: Sources, class_names: tuple[str, ...]) -> Trainings:
        settings = self.config.utility
        pools = sources.pools(class_names, classifier.pixels, settings.validation_fraction, self.config.seed)
        weights, described = self._weights(classifier.name)
        self.progress.note(f"Classifier {classifier.name}: {described}.")
        if not self.device.on_gpu and classifier.name != "small":
            self.progress.note(f"{classifier.name} takes hours on a CPU; a GPU or `small` is quicker.")
        return Trainings(
            classifier=classifier,
            described=UtilityClassifier(
                name=classifier.name,
                weights=described,
                steps=classifier.steps if settings.steps == "auto" else settings.steps,
                pixels=classifier.pixels,
            ),
            weights=None if weights is None else weights.path,
            pools=pools,
            per_class=images_per_class(pools, settings.max_per_class),
            seed=self.config.seed,
            device=self.device.torch_device,
            folder=self.run.stage_folder("utility") / "trained",
        )

    def concluded(self, trainings: Trainings, seconds: float) -> Conclusions | None:
        """None where these seconds are too few for one seed."""
        predicted = self._predicted(trainings, seconds)
        if not predicted:
            return None
        seeds = len(predicted["Base/real"])
        if seeds < self.seeds:
            self.progress.note(
                f"{seeds} of {self.seeds} seeds took as long as the training of the generator; "
                f"utility.seeds={self.seeds} asks for the others."
            )
        return conclude(trainings, predicted, seeds)

    def _predicted(self, trainings: Trainings, seconds: float) -> Predicted:
        with deferred_stop(self.run.stop_file) as request:

            def stop_if_asked() -> None:
                if request.received is not None:
                    raise Stopped(
                        f"Stopped after {self.done} of {self.total} trainings of classifiers; the same command "
                        "continues."
                    )

            def count(detail: str) -> None:
                self.done += 1
                self.progress.advance(self.done, self.total, "trainings", detail)

            return trainings.run(self.seeds, count, stop_if_asked, seconds)

    def _weights(self, name: str) -> tuple[FoundWeights | None, str]:
        if name not in CATALOGUE:
            return None, "trained from scratch"
        if not self.config.utility.pretrained:
            return None, "trained from scratch, as utility.pretrained=false asks"
        folder = self.config.utility.weights_folder
        given = None if folder is None else folder.expanduser() / CATALOGUE[name].file
        try:
            found = find_weights(name, given if given is not None and given.is_file() else None)
        except Unavailable as missing:
            self.progress.note(f"{missing} Without them it is trained from scratch, which is less accurate.")
            return None, "trained from scratch, since its ImageNet weights were not found"
        return found, f"started from ImageNet weights, SHA-256 {found.sha256[:12]}"


def _result(sources: Sources, class_names: tuple[str, ...], concluded: list[Conclusions]) -> UtilityResult:
    tested = next(row.tested for row in concluded[0].arms if row.arm == "Base")
    others = "of patients" if sources.patients_known else "(patients are not known)"
    chosen_by = concluded[0].validation_images
    kept = (
        f"Every training kept its best step by {chosen_by:,} real images {others} that no classifier learned from."
        if chosen_by
        else "No real image could be set aside to choose by, so every training kept its last step."
    )
    notes = [f"{kept} The {tested:,} held-out images were used for nothing but the test."]
    left = len(sources.train.class_names) - len(class_names)
    if left:
        notes.append(
            f"{left} of {len(sources.train.class_names)} classes lack images on one side and were left out."
        )
    return UtilityResult(
        class_names=class_names,
        seeds=min(one.seeds for one in concluded),
        classifiers=tuple(one.classifier for one in concluded),
        arms=tuple(row for one in concluded for row in one.arms),
        findings=tuple(finding for one in concluded for finding in one.findings),
        controls=tuple(control for one in concluded for control in one.controls),
        worth=tuple(one.worth for one in concluded),
        notes=tuple(notes),
    )
