"""The settings of training with those of every kind of generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field, create_model

from gist.errors import InputError
from gist.generators.registry import families
from gist.stages.promise import Section
from gist.stages.train import TrainSettings


def _composed() -> type[TrainSettings]:
    """`TrainSettings`, then what the families add, each class of settings once."""
    known = families()
    added = _settings_of_families()
    names: Any = Literal[("auto", *known)]
    summaries = "; ".join(f"{name}: {family.summary}" for name, family in known.items())
    architecture: Any = (names, Field("auto", description=f"Kind of generator. {summaries}."))
    # pydantic lists the fields of the last base first.
    composed: Any = create_model
    return cast(
        type[TrainSettings],
        composed(
            "TrainConfig",
            __base__=(*reversed(added), TrainSettings),
            __doc__="Train a generator on the prepared data of a run folder.",
            architecture=architecture,
        ),
    )


def _settings_of_families() -> list[type[Section]]:
    """The classes of settings to compose, without those that another one extends.

    Raises:
        InputError: one name has two meanings.
    """
    meaning = dict.fromkeys(TrainSettings.model_fields, ("any", TrainSettings))
    for family in families().values():
        for name in family.settings.model_fields:
            defined_in: Any = next(c for c in family.settings.__mro__ if name in c.__annotations__)
            known = meaning.setdefault(name, (family.name, defined_in))
            if known[1] is not defined_in:
                raise InputError(
                    f"The setting train.{name} of the kind of generator '{family.name}' has another meaning for "
                    f"{'every training' if known[0] == 'any' else known[0]}; rename it in {defined_in.__module__}."
                )
    classes = dict.fromkeys(family.settings for family in families().values() if family.settings.model_fields)
    return [
        one for one in classes if not any(issubclass(other, one) for other in classes if other is not one)
    ]


if TYPE_CHECKING:
    TrainConfig = TrainSettings
else:
    TrainConfig = _composed()
