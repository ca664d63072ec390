"""How many images are enough: one generator for each of several nested subsets, all held against one hold-out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from gist.config import Config
from gist.progress import Progress
from gist.studies.control import control_points
from gist.studies.curve import Point, curve_of
from gist.studies.designs import (
    SCRATCH,
    TRANSFER,
    check_repeats,
    check_sizes,
    equal_length,
    size_trials,
    trial_settings,
)
from gist.studies.folder import StudyFolder, in_order
from gist.studies.measuring import point_of
from gist.studies.record import Trial, TrialRecord
from gist.studies.result import ControlPoint, StudyResult
from gist.studies.usefulness import check_classes, passed_by_real
from gist.studies.working import work

FEWEST_SIZES = 2


def size_study(
    config: Config,
    study: StudyFolder,
    progress: Progress,
    *,
    sizes: Sequence[int],
    repeats: int,
    network: Path | str | None,
    gan_train: int = 0,
    only_propose: bool = False,
) -> StudyResult:
    """Brings a size study up to date: sizes x repeats, each at the same kimg, against the same hold-out at equal n.

    Raises:
        InputError: the sizes are more than the data, or the folder holds another study.
    """
    sizes = sorted(sizes)
    check_repeats(repeats)
    options = {"sizes": sizes, "repeats": repeats, "transfer": network is not None, "gan_train": gan_train}
    base = study.begin("size", options, config, progress)
    check_sizes(study, sizes)
    if gan_train:
        check_classes(study, base)
    trials = size_trials(sizes, repeats, (SCRATCH,) if network is None else (SCRATCH, TRANSFER))
    length = equal_length(study, base)
    for trial in trials:
        study.propose(trial, trial_settings(study, base, trial, network, length))
    if not only_propose:
        work(study, trials, base, progress)
    return size_result(study, trials, base, progress)


def size_result(
    study: StudyFolder, trials: Sequence[Trial], config: Config, progress: Progress
) -> StudyResult:
    """What the trials that are done say."""
    records = in_order(trials, study.records())
    done = [record for record in records if record.state == "done" and record.trial.images is not None]
    curves, sentences = {}, []
    for arm, name in ((SCRATCH, ""), (TRANSFER, "With the starting network: ")):
        points = points_of(study, [record for record in done if record.trial.arm == arm])
        if len(points) >= FEWEST_SIZES:
            curves[arm] = curve_of(points)
            sentences.append(name + curves[arm].sentence)
    control: tuple[ControlPoint, ...] = ()
    first = {record.trial.images or 0: record for record in reversed(done) if record.trial.arm == SCRATCH}
    if len(first) >= FEWEST_SIZES:
        control = control_points(study, [first[size] for size in sorted(first)], config, progress)
    return StudyResult(
        kind="size",
        sentences=tuple(sentences) or ("Too few sizes are done yet for a curve.",),
        records=tuple(records),
        curves=curves,
        control=control,
        real=passed_by_real(study, config, study.plan().gan_train)
        if any(record.scores is not None and record.scores.gan_train is not None for record in done)
        else None,
    )


def points_of(study: StudyFolder, records: Sequence[TrialRecord]) -> dict[int, dict[int, Point]]:
    """The measured trials by size and repeat."""
    found: defaultdict[int, dict[int, Point]] = defaultdict(dict)
    for record in records:
        assert record.trial.images is not None
        found[record.trial.images][record.trial.repeat] = point_of(study.run_of(record.trial), record)
    return dict(found)
