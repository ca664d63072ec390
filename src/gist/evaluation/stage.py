"""The evaluate stage: held-out real images against synthetic ones, and the training image nearest to each."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gist.config import Config
from gist.data_set import DataSet, read_data_set
from gist.errors import InputError
from gist.evaluation.extractors import Extractor, extractor_named
from gist.evaluation.features import FeatureSet, Standardiser, extract, features_of_changed
from gist.evaluation.fingerprint import fingerprint
from gist.evaluation.measures import BARELY_PIXELS, PLAINLY_PIXELS, Sides, blurred
from gist.evaluation.neighbours import Nearest, copy_test, nearest_training_image, percentile_among
from gist.evaluation.samples import MatchedPositions, halves, matched
from gist.evaluation.scores import copy_score, group_scores
from gist.progress import Progress
from gist.results import EvaluateResult, GenerateResult, Neighbour, PrepareResult, Result, Score
from gist.run_folder import RunFolder, StageName, write_json

AnyResult = TypeVar("AnyResult", bound=Result)


@dataclass(frozen=True)
class _Images:
    """The three data sets with the features of the images taken from each."""

    training_data: DataSet
    synthetic_data: DataSet
    training: FeatureSet
    synthetic: FeatureSet
    held_out: FeatureSet | None


def evaluate(config: Config, run: RunFolder, progress: Progress) -> EvaluateResult:
    """Compares the run's synthetic images with its held-out real images and writes `evaluate/scores.json`.

    Every comparison has equal n and one mix of classes on all sides. Without a hold-out, one half of the
    training images is the reference and the other half the baseline, which flatters the generator and is
    noted.

    Raises:
        InputError: prepare or generate has not finished, or their images cannot be compared.
    """
    started = time.monotonic()
    prepared = _result_of(run, "prepare", PrepareResult)
    generated = _result_of(run, "generate", GenerateResult)
    rng = np.random.default_rng(config.seed)
    training_data = read_data_set(run.path / prepared.train_archive)
    synthetic_data = read_data_set(run.path / generated.archive)
    held_out_data = read_data_set(run.path / prepared.test_archive) if prepared.test_archive else None
    _check_sizes(training_data, synthetic_data, held_out_data)
    extractor = extractor_named(config.evaluate.extractor, training_data.resolution)
    notes: list[str] = []
    work = _Work(config, run, progress, extractor, training_data, synthetic_data, held_out_data, rng)
    images = work.read_images(notes)
    standardise = Standardiser.fitted(images.training, extractor.identity)
    scores = _distances(work, images, standardise, notes)
    neighbours, copying = _nearest(config, images, rng, notes)
    scores += copying
    for note in notes:
        progress.note(note)
    scores_file = run.stage_folder("evaluate") / "scores.json"
    result = EvaluateResult(
        scores=tuple(scores),
        neighbours=tuple(neighbours),
        scores_file=run.relative(scores_file),
        notes=tuple(notes),
        seconds=time.monotonic() - started,
    )
    settings = {"seed": config.seed, **config.evaluate.model_dump(mode="json")}
    # Without the time taken, so that equal input writes an equal file and the report stays fresh.
    write_json(scores_file, {"settings": settings, **result.model_dump(mode="json", exclude={"seconds"})})
    return result


@dataclass
class _Work:
    """Reads features and counts the images done."""

    config: Config
    run: RunFolder
    progress: Progress
    extractor: Extractor
    training_data: DataSet
    synthetic_data: DataSet
    held_out_data: DataSet | None
    rng: np.random.Generator
    done: int = 0
    total: int = 0

    def tick(self, images: int) -> None:
        self.done += images
        self.progress.advance(self.done, self.total, "images")

    def read_images(self, notes: list[str]) -> _Images:
        """Features of at most `max_images` images of each set."""
        sets = {"training": self.training_data, "synthetic": self.synthetic_data}
        if self.held_out_data is not None:
            sets["held-out"] = self.held_out_data
        limit = self.config.evaluate.max_images
        chosen = {
            what: np.sort(self.rng.permutation(len(data))[:limit]).astype(np.int64)
            for what, data in sets.items()
        }
        # The yardsticks blur as many real images as are compared, twice.
        compared = len(chosen["held-out"]) if "held-out" in chosen else len(chosen["training"]) // 2
        self.total = sum(map(len, chosen.values())) + 2 * min(compared, len(chosen["synthetic"]))
        cache = self.run.stage_folder("evaluate") / "features"
        features = {
            what: extract(data, chosen[what], self.extractor, what, cache, self.tick)
            for what, data in sets.items()
        }
        for what, data in sets.items():
            if len(chosen[what]) < len(data):
                notes.append(
                    f"{limit} of {len(data)} {what} images were drawn by seed (evaluate.max_images)."
                )
            if features[what].flat:
                notes.append(f"{features[what].flat} of {len(chosen[what])} {what} images are a single grey.")
        depths = {bit for side in features.values() for bit in side.bits}
        if len(depths) > 1:
            notes.append("Some images have 8 bits and others 16; all were compared at 256 grey levels.")
        return _Images(
            self.training_data,
            self.synthetic_data,
            features["training"],
            features["synthetic"],
            features.get("held-out"),
        )

    def yardstick(self, images: FeatureSet, sigma_pixels: float) -> NDArray[np.float64]:
        """Features of training images after a blur."""
        change = partial(blurred, sigma_pixels=sigma_pixels)
        return features_of_changed(self.training_data, images.indices, self.extractor, change, self.tick)


def _distances(work: _Work, images: _Images, standardise: Standardiser, notes: list[str]) -> list[Score]:
    config, reference_name = work.config, "held-out"
    if images.held_out is not None:
        reference, other_real = images.held_out, images.training
    else:
        reference_name = "training"
        first, second = halves(images.training.classes, work.rng)
        reference, other_real = images.training.take(first), images.training.take(second)
        notes.append(
            "No image was held out, so the synthetic ones were compared with images that the generator has "
            "seen; "
            "the scores flatter it. Set prepare.test_fraction above 0 for a fair comparison."
        )
    reference = _without_duplicates(reference, reference_name, notes)
    _note_leaks(images, notes)
    synthetic, reference, other_real = _comparable_classes(images.synthetic, reference, other_real, notes)
    _note_collapse(synthetic, notes)
    positions = matched(reference, synthetic, other_real, config.evaluate.max_images, work.rng)
    sides = _sides(work, positions, reference, synthetic, other_real, standardise)
    if len(positions) < len(reference) and images.held_out is not None:
        notes.append(
            f"{len(positions)} of {len(reference)} held-out images were compared, the most that give all "
            "sides equal n "
            "and one mix of classes."
        )
    digest = reference.digest
    score = partial(
        group_scores,
        extractor=work.extractor.name,
        fingerprint=partial(fingerprint, work.extractor.identity, standardise.digest, digest),
        reference=reference_name,
        neighbours=config.evaluate.neighbours,
        permutations=config.evaluate.permutations,
        seed=config.seed,
    )
    scores = score("overall", sides)
    names = work.training_data.class_names if (sides.classes != "").any() else ()
    for name in names if len(names) > 1 else ():
        scores += score(name, sides.of_class(name))
    return scores


def _sides(
    work: _Work,
    positions: MatchedPositions,
    reference: FeatureSet,
    synthetic: FeatureSet,
    other_real: FeatureSet,
    standardise: Standardiser,
) -> Sides:
    other = other_real.take(positions.other_real)
    if len(positions) == 0:
        empty = np.zeros((0, other_real.features.shape[1]))
        return Sides(empty, empty, empty, empty, empty, positions.classes)
    return Sides(
        reference=standardise(reference.take(positions.reference).features),
        synthetic=standardise(synthetic.take(positions.synthetic).features),
        other_real=standardise(other.features),
        barely=standardise(work.yardstick(other, BARELY_PIXELS)),
        plainly=standardise(work.yardstick(other, PLAINLY_PIXELS)),
        classes=positions.classes,
    )


def _nearest(
    config: Config,
    images: _Images,
    rng: np.random.Generator,
    notes: list[str],
) -> tuple[list[Neighbour], list[Score]]:
    training, synthetic = images.training, images.synthetic
    if len(training) < 3:
        notes.append("Fewer than three training images: nearest neighbours were left out.")
        return [], []
    found = nearest_training_image(synthetic.appearance, training.appearance)
    calibration, calibrated_on = _calibration(images)
    percentiles = percentile_among(found.ratio, calibration)
    test = copy_test(found.ratio, calibration)
    shown = _shown(synthetic, found, config.evaluate.shown, rng)
    neighbours = [
        Neighbour(
            synthetic=images.synthetic_data.names[int(synthetic.indices[i])],
            real=images.training_data.names[int(training.indices[found.index[i]])],
            distance=float(found.ratio[i]),
            drawn=drawn,
            percentile=float(percentiles[i]),
        )
        for i, drawn in shown
    ]
    closest = sum(drawn == "as closest" for _, drawn in shown)
    notes.append(
        f"Of the {len(shown)} pairs of synthetic and nearest training image the first {closest} are the closest "
        f"of all {len(synthetic)}, the others were drawn at random."
    )
    held_out_digest = (images.held_out or training).digest
    score = copy_score(
        test,
        images=len(synthetic),
        calibrators=len(calibration),
        training=len(training),
        fingerprint=(
            f"appearance/1 16x16 ratio=1:10 training={training.digest[:12]} "
            f"calibration={held_out_digest[:12]} "
            f"n={len(synthetic)}"
        ),
        calibrated_on=calibrated_on,
    )
    return neighbours, [score]


def _calibration(images: _Images) -> tuple[NDArray[np.float64], str]:
    """Ratios of real images that nobody copied, and what they are called."""
    training = images.training.appearance
    if images.held_out is not None:
        return nearest_training_image(images.held_out.appearance, training).ratio, "held-out"
    return nearest_training_image(training, training, same_set=True).ratio, "other training"


def _shown(
    synthetic: FeatureSet, found: Nearest, count: int, rng: np.random.Generator
) -> list[tuple[int, Literal["at random", "as closest"]]]:
    """Half drawn at random, and before them the closest of the rest: either alone would mislead."""
    count = min(count, len(synthetic))
    random = {int(i) for i in rng.permutation(len(synthetic))[: count // 2]}
    by_closeness = [int(i) for i in np.argsort(found.ratio, kind="stable") if int(i) not in random]
    closest = by_closeness[: count - len(random)]
    return [(i, "as closest") for i in closest] + [(i, "at random") for i in sorted(random)]


def _comparable_classes(
    synthetic: FeatureSet, reference: FeatureSet, other_real: FeatureSet, notes: list[str]
) -> tuple[FeatureSet, FeatureSet, FeatureSet]:
    sets = (synthetic, reference, other_real)
    labelled = [bool((side.classes != "").any()) for side in sets]
    if not all(labelled):
        if any(labelled):
            notes.append(
                "The synthetic or the real images carry no classes, so their mix could not be made equal."
            )
        synthetic, reference, other_real = (
            replace(side, classes=np.zeros(len(side), "<U1")) for side in sets
        )
        return synthetic, reference, other_real
    common = set(synthetic.classes) & set(reference.classes) & set(other_real.classes)
    missing = sorted(set(reference.classes) - common)
    if not common:
        raise InputError(
            "The synthetic and the held-out images have no class in common; generate the classes of the "
            "hold-out."
        )
    if missing:
        notes.append(
            f"{len(missing)} classes of the hold-out are absent from the training or "
            "the synthetic images and were left out of the comparison."
        )
    return synthetic, reference, other_real


def _without_duplicates(reference: FeatureSet, name: str, notes: list[str]) -> FeatureSet:
    kept = reference.first_occurrences()
    if len(kept) < len(reference):
        notes.append(f"{len(reference) - len(kept)} duplicates among the {name} images were left out.")
    return reference.take(kept)


def _note_leaks(images: _Images, notes: list[str]) -> None:
    if images.held_out is None:
        return
    leaked = int(np.isin(images.held_out.content, images.training.content).sum())
    if leaked:
        notes.append(
            f"{leaked} held-out images are also training images, so the hold-out is not independent; "
            "prepare the data again with patient ids or without duplicates."
        )


def _note_collapse(synthetic: FeatureSet, notes: list[str]) -> None:
    different = len(synthetic.first_occurrences())
    if different < len(synthetic):
        notes.append(f"Only {different} of {len(synthetic)} synthetic images are different from each other.")


def _check_sizes(training: DataSet, synthetic: DataSet, held_out: DataSet | None) -> None:
    for what, data in (("synthetic", synthetic), ("held-out", held_out)):
        if data is not None and data.resolution != training.resolution:
            raise InputError(
                f"The {what} images are {data.resolution}x{data.resolution} and the training images "
                f"{training.resolution}x{training.resolution}; redo the stages with one prepare.resolution."
            )


def _result_of(run: RunFolder, stage: StageName, kind: type[AnyResult]) -> AnyResult:
    record = run.record(stage)
    if record is None or record.state != "done" or record.result is None:
        raise InputError(f"The {stage} stage of {run.path} has not finished; run it before evaluate.")
    return kind.model_validate(record.result)
