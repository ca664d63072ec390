"""From settings, data and device to the plan of a training, whatever kind of generator it is."""

from __future__ import annotations

from gist.errors import InputError
from gist.generators.family import Family
from gist.generators.learning.plan import Fingerprint, TrainingPlan
from gist.generators.learning.precision import Precision, choose_precision
from gist.generators.model import Start
from gist.generators.registry import family_named, suitable_family
from gist.machine.device import Device
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
    _check_family(settings, family, start)
    return family.plan(settings, data, start, why)


def check_without_data(settings: TrainSettings, start: Start | None) -> None:
    """What can be said of the settings, and of a starting network, before the data is known.

    Raises:
        InputError: they contradict each other, or belong to another kind of generator.
    """
    if start is not None:
        _check_family(settings, family_named(start.model.family), start)
    elif settings.architecture != "auto":
        _check_family(settings, family_named(settings.architecture), None)


def settings_of(family: Family) -> frozenset[str]:
    """The names of the settings of training that a kind of generator has."""
    return frozenset(TrainSettings.model_fields.keys() | family.settings.model_fields.keys()) - family.without


def precision_of(settings: TrainSettings, plan: TrainingPlan, device: Device) -> tuple[Precision, str]:
    """Precision of the inner layers, and why."""
    if "precision" in family_named(plan.architecture).without:
        return "float32", "this kind of generator knows no other"
    return choose_precision(settings.precision, device)


def _check_family(settings: TrainSettings, family: Family, start: Start | None) -> None:
    if settings.architecture not in ("auto", family.name):
        raise InputError(
            f"train.architecture is {settings.architecture}, but the starting network has {family.name}; set "
            f"train.architecture={family.name} or auto, or choose another start."
        )
    if start is not None:
        family.check_start(settings, start)
    known = settings_of(family)
    for name, field in type(settings).model_fields.items():
        if name not in known and getattr(settings, name) != field.default:
            raise InputError(
                f"train.{name} is {getattr(settings, name)}, but a {family.title} generator has no such setting; "
                "leave it out, or choose another train.architecture."
            )
