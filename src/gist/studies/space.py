"""Settings that a study may choose, and what is tried next: Optuna, told anew of every trial that has a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field

from gist.config import Config, parse_value, with_changes
from gist.config.tree import type_of
from gist.errors import InputError
from gist.stages.promise import Result
from gist.studies.record import TrialRecord

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_EXAMPLE = "such as train.gamma=0.1:10:log, train.batch=4:16 or train.precision=float32,bfloat16"


class Choice(Result):
    """The values that one setting may take: from low to high, or one of several."""

    low: float | int | None = None
    high: float | int | None = None
    log: bool = False
    values: tuple[Any, ...] = Field(default=())

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values by which it is seen whether the setting takes such."""
        return self.values or (self.low, self.high)


def read_choice(text: str) -> tuple[str, Choice]:
    """`train.gamma=0.1:10:log` -> its key and what it may be; whole numbers where both ends are and the setting is.

    Raises:
        InputError: it cannot be read, or is no setting of the training.
    """
    key, sign, given = text.partition("=")
    key = key.strip()
    if not sign or type_of(key) is None or not key.startswith("train."):
        raise InputError(f"'{text}' names no setting of the training to try values of; give one {_EXAMPLE}.")
    if ":" not in given:
        values = tuple(parse_value(key, part.strip()) for part in given.split(","))
        if len(values) < 2:
            raise InputError(
                f"'{text}' leaves nothing to choose; give a range or several values, {_EXAMPLE}."
            )
        return key, Choice(values=values)
    first, last, *rest = given.split(":")
    try:
        whole = not _takes(float, type_of(key))
        low, high = (int(part) if whole else float(part) for part in (first, last))
    except ValueError:
        raise InputError(
            f"The range in '{text}' is not of two numbers that the setting takes; give one {_EXAMPLE}."
        ) from None
    if not low < high or rest not in ([], ["log"]) or (rest and low <= 0):
        raise InputError(f"The range in '{text}' must rise, and with log begin above 0; give one {_EXAMPLE}.")
    return key, Choice(low=low, high=high, log=bool(rest))


def read_choices(kept: Mapping[str, Any]) -> dict[str, Choice]:
    """As a study keeps them: by key."""
    return {key: Choice.model_validate(choice) for key, choice in kept.items()}


def check_choices(choices: Mapping[str, Choice], config: Config) -> None:
    """Raises InputError where there is none, or a setting does not take what may be chosen."""
    if not choices:
        raise InputError(f"Nothing is to be tuned; name settings with --range, {_EXAMPLE}.")
    for key, choice in choices.items():
        for value in choice.ends:
            with_changes(config, {key: value})


OBJECTIVES = {"kid": "kid", "cost": "train_seconds", "copies": "near_copies"}
"""What a search may lower -> the score of a trial."""


def check_objectives(names: Sequence[str], prune: bool) -> None:
    """Raises InputError where what is to be lowered is unknown or cannot be pruned by."""
    if not names or names[0] != "kid" or not OBJECTIVES.keys() >= set(names) or len(set(names)) < len(names):
        raise InputError(
            "A search lowers kid, and with it cost or copies; give --objectives kid,cost, kid,copies or "
            "kid,cost,copies."
        )
    if prune and len(names) > 1:
        raise InputError("Trials are given up early by their KID alone; leave --prune out, or --objectives.")


def objectives_of(record: TrialRecord, names: Sequence[str]) -> list[float]:
    """What a trial that is done reached."""
    return [float(getattr(record.scores, OBJECTIVES[name])) for name in names]


def front(records: Sequence[TrialRecord], names: Sequence[str]) -> list[TrialRecord]:
    """Those of the trials that are done of which none is as good in everything and better in something (Pareto)."""
    reached = {record.trial.name: objectives_of(record, names) for record in records if record.scores}

    def beaten(own: list[float]) -> bool:
        return any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True))
            for other in reached.values()
        )

    return [record for record in records if record.scores and not beaten(reached[record.trial.name])]


def next_settings(
    choices: Mapping[str, Choice],
    records: Sequence[TrialRecord],
    seed: int,
    objectives: Sequence[str] = ("kid",),
) -> dict[str, Any]:
    """What to try after these trials: Optuna's tree-structured Parzen estimator (Watanabe 2023).

    Its storage is in memory and made of the records: done, failed, and planned ones as running, which it keeps away
    from. So nothing is lost with a process, and what was killed is neither asked for again nor forgotten.

    Raises:
        InputError: optuna is not installed.
    """
    try:
        import optuna
        from optuna.trial import TrialState, create_trial
    except ImportError:
        raise InputError("Tuning needs optuna; install it with: pip install 'gist-synth[study]'.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {key: _distribution(choice) for key, choice in choices.items()}
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True, n_startup_trials=5)
    study = optuna.create_study(sampler=sampler, directions=["minimize"] * len(objectives))
    states = {
        "done": TrialState.COMPLETE,
        "failed": TrialState.FAIL,
        "planned": TrialState.RUNNING,
        "pruned": TrialState.PRUNED,
    }
    for record in records:
        settings = record.trial.settings
        if settings.keys() == space.keys() and all(
            space[key]._contains(space[key].to_internal_repr(value)) for key, value in settings.items()
        ):
            study.add_trial(
                create_trial(
                    state=states[record.state],
                    params=settings,
                    distributions=space,
                    values=None if record.scores is None else objectives_of(record, objectives),
                    intermediate_values=dict(record.snapshots),
                )
            )
    asked = study.ask(space).params
    return {key: _shortened(asked[key], choice) for key, choice in choices.items()}


def _distribution(choice: Choice) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if choice.low is None or choice.high is None:
        return CategoricalDistribution(choice.values)
    if isinstance(choice.low, int) and isinstance(choice.high, int):
        return IntDistribution(choice.low, choice.high, log=choice.log)
    return FloatDistribution(choice.low, choice.high, log=choice.log)


def _shortened(value: Any, choice: Choice) -> Any:
    """Four digits are more than any setting needs."""
    if not isinstance(value, float) or choice.low is None or choice.high is None:
        return value
    return min(max(float(f"{value:.4g}"), choice.low), choice.high)


def _takes(kind: type, annotation: Any) -> bool:
    return annotation is kind or any(_takes(kind, part) for part in get_args(annotation))
