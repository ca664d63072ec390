"""The evaluate stage: held-out real images against synthetic ones, and the training image nearest to each."""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from gist.config import Config
from gist.evaluation.artifacts import Sample, assess_artifacts
from gist.evaluation.capped_verdicts import capped
from gist.evaluation.fingerprint import fingerprint
from gist.evaluation.inception_score import inception_score_of
from gist.evaluation.literature import literature_scores
from gist.evaluation.nearest_pairs import nearest_pairs
from gist.evaluation.real_sides import RealSides, comparable_classes, note_collapse, real_sides
from gist.evaluation.scores import group_scores, spectrum_scores
from gist.evaluation.set_reader import RealData, SetReader, check_sizes, reader_of, real_data
from gist.evaluation.snapshots import read_snapshot_curve
from gist.files import write_json
from gist.images.archive import DataSet, read_data_set
from gist.machine.device import Device, computing
from gist.metrics.features import FeatureSet, Standardiser, standardiser_for
from gist.metrics.group_measures import BARELY_PIXELS, PLAINLY_PIXELS, Sides
from gist.metrics.matched_samples import matched
from gist.metrics.spectrum import octave_powers_of
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.runs.text_flags import read_text_flags
from gist.stages.evaluate import ArtifactSummary, EvaluateResult, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import kept_settings


def evaluate(config: Config, run: RunFolder, progress: Progress) -> EvaluateResult:
    """Compares the run's synthetic images with its held-out real ones and writes `evaluate/scores.json`.

    Every comparison has equal n and one mix of classes on all sides. Without a hold-out, one half of the
    training images is the reference and the other half the baseline, which flatters the generator and is
    noted.

    Raises:
        InputError: prepare or generate has not finished, or their images cannot be compared.
    """
    with computing(config) as device:
        return _evaluated(config, run, progress, device)


def _evaluated(config: Config, run: RunFolder, progress: Progress, device: Device) -> EvaluateResult:
    started = time.monotonic()
    real = real_data(run)
    generated = result_of(run, GenerateResult, "evaluate")
    synthetic_data = read_data_set(run.path / generated.archive)
    check_sizes(real.training, {"synthetic": synthetic_data, "held-out": real.held_out})
    reader = reader_of(config, run, progress, device, real.training.resolution)
    notes = reader.notes
    reader.total = _images_to_read(reader, real, synthetic_data)
    training = reader.read(real.training, "training")
    synthetic = reader.read(synthetic_data, "synthetic")
    held_out = None if real.held_out is None else reader.read(real.held_out, "held-out")
    reader.note_bits()
    rng = np.random.default_rng(config.seed)
    standardise = standardiser_for(reader.extractor, training)
    sides = real_sides(training, held_out, rng, notes)
    scores = _distances(reader, real, synthetic_data, sides, synthetic, standardise, rng)
    scores += inception_score_of(reader.extractor, synthetic, held_out or training)
    if config.evaluate.literature:
        scores += literature_scores(config, run, progress, device, real.training, generated, notes)
    hidden = read_text_flags(run, result_of(run, PrepareResult, "evaluate")).training
    pairs = nearest_pairs(
        synthetic_data,
        real.training,
        synthetic,
        training,
        held_out,
        config.evaluate.shown,
        hidden,
        rng,
        notes,
    )
    scores += pairs.scores
    artifacts = _artifacts(reader, real, synthetic_data, training, held_out, synthetic, hidden)
    scores = capped(scores, artifacts)
    if config.generate.network == "best" and real.held_out is not None and not _chosen_apart(run):
        notes.append(
            "The snapshot was chosen by its distance to held-out images, which are compared here too; that flatters "
            "the scores a little."
        )
    for note in notes:
        progress.note(note)
    scores_file = run.stage_folder("evaluate") / "scores.json"
    result = EvaluateResult(
        scores=tuple(scores),
        neighbours=pairs.neighbours,
        held_out_images=pairs.calibrators if held_out is not None else 0,
        identical_images=pairs.identical,
        scores_file=run.relative(scores_file),
        notes=tuple(notes),
        seconds=time.monotonic() - started,
        artifacts=artifacts,
    )
    settings = {"seed": config.seed, **kept_settings(config.evaluate)}
    # Without the time taken, so that equal input writes an equal file and the report stays fresh.
    write_json(scores_file, {"settings": settings, **result.model_dump(mode="json", exclude={"seconds"})})
    return result


def _chosen_apart(run: RunFolder) -> bool:
    """Whether the best snapshot was chosen by images that no score rests on."""
    curve = read_snapshot_curve(run)
    if curve is not None:
        return curve.judged_by == "validation"
    return result_of(run, PrepareResult, "evaluate").val_archive is not None


def _images_to_read(reader: SetReader, real: RealData, synthetic: DataSet) -> int:
    counts = {
        what: len(reader.chosen(data, what))
        for what, data in (("training", real.training), ("synthetic", synthetic), ("held-out", real.held_out))
        if data is not None
    }
    # The yardsticks blur as many real images as are compared, twice; three spectra are of as many.
    compared = counts.get("held-out", counts["training"] // 2)
    return sum(counts.values()) + 5 * min(compared, counts["synthetic"])


def _distances(
    reader: SetReader,
    data: RealData,
    synthetic_data: DataSet,
    real: RealSides,
    synthetic: FeatureSet,
    standardise: Standardiser,
    rng: np.random.Generator,
) -> list[Score]:
    settings, notes = reader.config.evaluate, reader.notes
    synthetic, reference, other_real = comparable_classes(synthetic, real.reference, real.other_real, notes)
    note_collapse(synthetic, notes)
    positions = matched(reference, synthetic, other_real, settings.max_images, rng)
    held_out = [("held-out", reference)] if real.name == "held-out" else []
    cut = [
        f"{len(positions)} of {len(side)} {name} images"
        for name, side in (*held_out, ("synthetic", synthetic))
        if len(positions) < len(side)
    ]
    if cut:
        notes.append(
            f"{' and '.join(cut)} were compared, the most that give all sides equal n and one mix of classes."
        )
    other = other_real.take(positions.other_real)
    if len(positions):
        barely, plainly = reader.yardsticks(data.training, other, (BARELY_PIXELS, PLAINLY_PIXELS))
        sides = Sides(
            reference=standardise(reference.take(positions.reference).features),
            synthetic=standardise(synthetic.take(positions.synthetic).features),
            other_real=standardise(other.features),
            barely=standardise(barely),
            plainly=standardise(plainly),
            classes=positions.classes,
        )
    else:
        sides = Sides.empty(other_real.features.shape[1], positions.classes)
    powers_3NK = np.stack(
        [
            octave_powers_of(images, side.take(chosen).indices, reader.tick)
            for images, side, chosen in (
                (data.training if data.held_out is None else data.held_out, reference, positions.reference),
                (synthetic_data, synthetic, positions.synthetic),
                (data.training, other_real, positions.other_real),
            )
        ]
    )
    spectrum = partial(
        spectrum_scores,
        fingerprint=partial(fingerprint, "spectrum", "none", reference.digest),
        reference=real.name,
        seed=reader.config.seed,
    )
    score = partial(
        group_scores,
        extractor=reader.extractor.name,
        fingerprint=partial(fingerprint, reader.extractor.identity, standardise.digest, reference.digest),
        reference=real.name,
        neighbours=settings.neighbours,
        permutations=settings.permutations,
        seed=reader.config.seed,
    )
    scores = score("overall", sides) + spectrum("overall", powers_3NK)
    names = data.training.class_names if (sides.classes != "").any() else ()
    for name in names if len(names) > 1 else ():
        rows = sides.classes == name
        # The top octave alone, or the tables of many classes would grow long.
        scores += score(name, sides.of_class(name)) + spectrum(name, powers_3NK[:, rows, :1])
    return scores


def _artifacts(
    reader: SetReader,
    real: RealData,
    synthetic_data: DataSet,
    training: FeatureSet,
    held_out: FeatureSet | None,
    synthetic: FeatureSet,
    hidden: frozenset[str],
) -> ArtifactSummary | None:
    held_out_sample = None
    if real.held_out is not None and held_out is not None:
        held_out_sample = Sample(real.held_out, held_out)
    return assess_artifacts(
        reader.config,
        reader.run,
        reader.progress,
        Sample(real.training, training),
        held_out_sample,
        Sample(synthetic_data, synthetic),
        hidden,
        reader.notes,
    )
