"""From settings, data and device to the plan of a training, whatever kind of generator it is."""

from __future__ import annotations

from gist.errors import InputError
from gist.generators.family import Family
from gist.generators.learning.plan import Fingerprint, TrainingPlan
from gist.generators.model import Start
from gist.generators.registry import family_named, suitable_family
from gist.stages.train import TrainSettings


def plan_training(settings: TrainSettings, data: Fingerprint, start: Start | None = None) -> TrainingPlan:
    """Resolves every `auto` of the training settings.

    Raises:
        InputError: a setting contradicts the data or the start, such as classes asked for where there are none, or
            belongs to another kind of generator.
    """
    if start is not None:
        family, why = family_named(start.model.family), "that of the starting network"
    elif settings.architecture == "auto":
        family, why = suitable_family(data)
    else:
        family, why = family_named(settings.architecture), "given in the settings"
    _check_settings(settings, family)
    return family.plan(settings, data, start, why)


def _check_settings(settings: TrainSettings, family: Family) -> None:
    common = TrainSettings.model_fields.keys() | family.settings.model_fields.keys()
    for name, field in type(settings).model_fields.items():
        if name not in common and getattr(settings, name) != field.default:
            raise InputError(
                f"train.{name} is {getattr(settings, name)}, but a {family.title} generator has no such setting; "
                "leave it out, or choose another train.architecture."
            )
