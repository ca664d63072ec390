"""The settings of training with those of every kind of generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field, create_model

from gist.generators.registry import families
from gist.stages.train import TrainSettings


def _composed() -> type[TrainSettings]:
    """`TrainSettings`, then what the families add, each class of settings once."""
    known = families()
    added = dict.fromkeys(family.settings for family in known.values() if family.settings.model_fields)
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


if TYPE_CHECKING:
    TrainConfig = TrainSettings
else:
    TrainConfig = _composed()
