"""Kinds of generators at equal minutes, and a start from another network: a few arms on the whole training part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gist.config import Config
from gist.errors import InputError
from gist.numerals import counted, significant
from gist.pages.words import joined
from gist.progress import Progress
from gist.studies.comparing import compared
from gist.studies.curve import Point
from gist.studies.curve import shown as with_interval
from gist.studies.designs import (
    SCRATCH,
    TRANSFER,
    architecture_trials,
    check_families,
    check_repeats,
    equal_length,
    transfer_trials,
    trial_settings,
)
from gist.studies.folder import StudyFolder, in_order
from gist.studies.measuring import point_of
from gist.studies.record import Trial
from gist.studies.result import Compared, StudyResult
from gist.studies.working import work


def architectures_study(
    config: Config,
    study: StudyFolder,
    progress: Progress,
    *,
    names: Sequence[str],
    minutes: float,
    repeats: int,
    only_propose: bool = False,
) -> StudyResult:
    """Every kind of generator, or those named, trained for the same minutes on this device.

    Raises:
        InputError: there is none of a name, or the folder holds another study.
    """
    check_repeats(repeats)
    chosen = check_families(names)
    if minutes <= 0:
        raise InputError(f"A training takes longer than {minutes:g} minutes; mend --minutes.")
    base = study.begin(
        "architectures", {"names": chosen, "minutes": minutes, "repeats": repeats}, config, progress
    )
    length = {"train.hours": minutes / 60, "train.kimg": None}
    trials = architecture_trials(chosen, repeats)
    _work(study, trials, base, progress, None, length, only_propose)
    groups = _groups(study, trials)
    lowest = min(groups, key=lambda name: _mean(groups[name]), default=None)
    side_by_side = () if lowest is None else compared(groups, lowest)
    spent = f"after {minutes:g} minutes each"
    return _result(study, "architectures", trials, side_by_side, _lowest(side_by_side, lowest, spent))


def transfer_study(
    config: Config,
    study: StudyFolder,
    progress: Progress,
    *,
    network: Path | str,
    repeats: int,
    only_propose: bool = False,
) -> StudyResult:
    """The whole training part from scratch and from a network, at the same kimg.

    Raises:
        InputError: the folder holds another study.
    """
    check_repeats(repeats)
    base = study.begin("transfer", {"repeats": repeats}, config, progress)
    trials = transfer_trials(repeats)
    _work(study, trials, base, progress, network, equal_length(study, base), only_propose)
    groups = _groups(study, trials)
    side_by_side = compared(groups, SCRATCH) if SCRATCH in groups else ()
    return _result(study, "transfer", trials, side_by_side, _transfer(side_by_side))


def _work(
    study: StudyFolder,
    trials: Sequence[Trial],
    config: Config,
    progress: Progress,
    network: Path | str | None,
    length: Mapping[str, Any],
    only_propose: bool,
) -> None:
    for trial in trials:
        study.propose(trial, trial_settings(study, config, trial, network, length))
    if not only_propose:
        work(study, trials, config, progress)


def _groups(study: StudyFolder, trials: Sequence[Trial]) -> dict[str, dict[int, Point]]:
    found: dict[str, dict[int, Point]] = {}
    for trial in trials:
        record = study.record(trial)
        if record.state == "done":
            found.setdefault(trial.group, {})[trial.repeat] = point_of(study.run_of(trial), record)
    return found


def _mean(points: Mapping[int, Point]) -> float:
    return sum(point.kid for point in points.values()) / len(points)


def _lowest(groups: Sequence[Compared], lowest: str | None, spent: str) -> str:
    if len(groups) < 2:
        return "Too few kinds of generators are done yet to compare them."
    first = next(group for group in groups if group.group == lowest)
    tied = [group.group for group in groups if group is not first and not group.beyond_noise]
    beyond = f"beyond noise of all others but {joined(tied)}" if tied else "beyond noise of all others"
    if len(tied) == len(groups) - 1:
        beyond = "which noise alone may explain"
    return (
        f"{first.group} has the lowest KID {spent}, {with_interval(first.kid, first.low, first.high)} over "
        f"{counted(first.repeats, 'run')}, {beyond}."
    )


def _transfer(groups: Sequence[Compared]) -> str:
    found = next((group for group in groups if group.group == TRANSFER), None)
    if found is None or found.difference is None:
        return "Too little is done yet to compare the two starts."
    size = with_interval(*found.difference)
    if min(group.repeats for group in groups) < 2:
        return (
            f"With the starting network KID changes by {size}, for these runs alone: one run of each says "
            "nothing of the noise between runs."
        )
    if not found.beyond_noise:
        return f"The starting network makes no difference beyond noise: KID changes by {size}."
    does = "lowers" if found.difference[0] < 0 else "raises"
    scratch = next(group for group in groups if group.group == SCRATCH)
    return f"The starting network {does} KID, from {significant(scratch.kid)} by {size}."


def _result(
    study: StudyFolder, kind: Any, trials: Sequence[Trial], groups: tuple[Compared, ...], sentence: str
) -> StudyResult:
    return StudyResult(
        kind=kind, sentences=(sentence,), records=tuple(in_order(trials, study.records())), groups=groups
    )
