"""Whether a set is kept in colour, where the user leaves it to gist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from gist.intake.decode_job import Accepted, JobSettings
from gist.intake.decoding import look_at_sample
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import Labelled
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

_FEW = 24
_SMALL = 32
_COLOURED = 0.1
"""Share of a picture; writing and frames in colour on a grey one cover less."""


class Looked:
    """Files of a source, some of each class, as far as anybody asks."""

    def __init__(self, labelled: Labelled, settings: JobSettings, crew: Crew) -> None:
        self.labelled = labelled
        self._settings = settings
        self._crew = crew

    @cached_property
    def at_many(self) -> list[Accepted | Reason]:
        """The headers of up to 400."""
        return [found for _, found in look_at_sample(self.labelled, self._settings, self._crew)]

    @cached_property
    def at_few(self) -> list[Accepted | Reason]:
        """The headers of up to 24."""
        return [found for _, found in look_at_sample(self.labelled, self._settings, self._crew, most=_FEW)]

    @cached_property
    def decoded(self) -> list[Accepted | Reason]:
        """The same, decoded in colour and small."""
        small = replace(
            self._settings,
            resolution=_SMALL,
            colour=True,
            allow_upsampling=True,
            burned_in_text="ignore",
            crop_borders=False,
            mm_per_pixel=None,
        )
        sample = look_at_sample(self.labelled, small, self._crew, most=_FEW, task="decode")
        return [found for _, found in sample]


def keeps_colour(config: PrepareConfig, looked: Looked) -> bool:
    """What `prepare.colour` says; auto: whether most of a few pictures are clearly coloured.

    Where headers say that most are grey none is decoded.
    """
    if config.colour != "auto" or config.bits > 8:
        return config.colour == "rgb"
    headers = _kept(looked.at_few)
    if 2 * sum(one.may_be_coloured for one in headers) <= len(headers):
        return False
    pictures = _kept(looked.decoded)
    return 2 * sum(one.coloured >= _COLOURED for one in pictures) > len(pictures)


def _kept(found: Sequence[Accepted | Reason]) -> list[Accepted]:
    return [one for one in found if isinstance(one, Accepted) and one.kept]
