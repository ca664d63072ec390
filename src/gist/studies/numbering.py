"""The trials of a study by number, so that a job of an array needs to know no more."""

from __future__ import annotations

from gist.config import Config
from gist.errors import InputError
from gist.studies.designs import (
    SCRATCH,
    TRANSFER,
    architecture_trials,
    equal_length,
    size_trials,
    transfer_trials,
    trial_settings,
)
from gist.studies.folder import StudyFolder
from gist.studies.record import Trial
from gist.studies.space import Choice
from gist.studies.tuning import default_trials, next_trial


def trial_of(study: StudyFolder, number: int, config: Config) -> Trial:
    """The trial of this number, from 1; one of a search is proposed now, by what is known of the others.

    Raises:
        InputError: there is none.
    """
    plan = study.plan()
    options, searched = plan.options, 0
    match plan.kind:
        case "size":
            known = size_trials(
                options["sizes"], options["repeats"], (SCRATCH, TRANSFER)[: 1 + options["transfer"]]
            )
        case "transfer":
            known = transfer_trials(options["repeats"])
        case "architectures":
            known = architecture_trials(options["names"], options["repeats"])
        case "tune":
            known, searched = default_trials(options["repeats"]), options["trials"]
    if not 1 <= number <= len(known) + searched:
        raise InputError(
            f"Trials of {study.path} have the numbers 1 to {len(known) + searched}; give one of these."
        )
    if number <= len(known):
        return known[number - 1]
    choices = {key: Choice.model_validate(choice) for key, choice in options["ranges"].items()}
    trial = next_trial(study, number - len(known), options["repeats"], choices, config.seed)
    study.propose(trial, trial_settings(study, config, trial, None, equal_length(study, config)))
    return study.record(trial).trial
