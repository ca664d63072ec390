"""The trials of a study by number, so that a job of an array needs to know no more."""

from __future__ import annotations

from gist.config import Config
from gist.errors import InputError
from gist.studies.designs import (
    SCRATCH,
    TRANSFER,
    architecture_trials,
    size_trials,
    transfer_trials,
    trial_settings,
)
from gist.studies.folder import StudyFolder
from gist.studies.record import Trial
from gist.studies.space import read_choices
from gist.studies.tuning import default_trials, next_trial, search_length, search_name


def trial_of(study: StudyFolder, number: int, config: Config) -> Trial:
    """The trial of this number, from 1; one of a search is proposed now, by what is known of the others.

    Raises:
        InputError: there is none.
    """
    (known, searched), options = _known(study), study.plan().options
    if not 1 <= number <= len(known) + searched:
        raise InputError(
            f"Trials of {study.path} have the numbers 1 to {len(known) + searched}; give one of these."
        )
    if number <= len(known):
        return known[number - 1]
    trial = next_trial(
        study, number - len(known), options["repeats"], read_choices(options["ranges"]), config.seed
    )
    study.propose(trial, trial_settings(study, config, trial, None, search_length(study, config)))
    return study.record(trial).trial


def open_numbers(study: StudyFolder) -> list[int]:
    """Numbers of the trials that are not done."""
    known, searched = _known(study)
    names = [*(trial.name for trial in known), *map(search_name, range(1, searched + 1))]
    done = {record.trial.name for record in study.records() if study.is_done(record.trial)}
    return [number for number, name in enumerate(names, start=1) if name not in done]


def _known(study: StudyFolder) -> tuple[list[Trial], int]:
    """The trials that are known beforehand, and how many of a search come after them."""
    plan = study.plan()
    options = plan.options
    match plan.kind:
        case "size":
            arms = (SCRATCH, TRANSFER)[: 1 + options["transfer"]]
            return size_trials(options["sizes"], options["repeats"], arms), 0
        case "transfer":
            return transfer_trials(options["repeats"]), 0
        case "architectures":
            return architecture_trials(options["names"], options["repeats"]), 0
        case "tune":
            return default_trials(options["repeats"]), options["trials"]
