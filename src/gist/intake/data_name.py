"""What a run of a data set is called: as its folder is, unless that might be the name of a patient."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from gist.intake.decode_job import Accepted
from gist.intake.decoding import look_at_sample
from gist.intake.deidentify import read_or_make_salt
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import label_source
from gist.intake.patient_names import Naming
from gist.intake.preparation import job_settings
from gist.intake.survey import SourceSummary
from gist.machine.processes import usual_threads
from gist.stages.prepare import PrepareConfig

NEUTRAL = "radiographs"
_OF_ONE_PERSON = 200
"""So many radiographs are hardly one person's, and a folder of several persons is not called after a patient."""
_LONG_NUMBER = re.compile(r"\d(?:[\W_]?\d){4,}")
"""A date or the number of a patient or an examination."""


def data_name(config: PrepareConfig, found: SourceSummary) -> str:
    """The name of the source folder or archive in ASCII letters, digits and dashes, or `NEUTRAL`.

    The folder's own name serves only where it holds several persons' images, as the files or a table tell or their
    number does, and none of the headers looked at tells a patient of that name. Long numbers are left out.
    """
    if config.source is None or ((found.patients or 1) < 2 and found.images < _OF_ONE_PERSON):
        return NEUTRAL
    place = config.source.resolve()
    name = place.stem if place.is_file() else place.name
    letters = unicodedata.normalize("NFKD", _LONG_NUMBER.sub(" ", name)).encode("ascii", "ignore").decode()
    plain = "-".join(re.findall("[A-Za-z0-9]+", letters))[:48]
    return NEUTRAL if not plain or _is_patient(config, name) else plain


def _is_patient(config: PrepareConfig, name: str) -> bool:
    """Whether any of the files looked at would be one of a patient who is called so."""
    salt = read_or_make_salt()
    with Crew(usual_threads()) as crew:
        labelled = label_source(config, 0, salt)
        in_one_class = [replace(candidate, class_name=name) for candidate in labelled.candidates]
        asked = replace(labelled, candidates=tuple(in_one_class), label_tag=None)
        looked = list(look_at_sample(asked, job_settings(config, asked, 0, salt, 0), crew))
    return any(isinstance(one, Accepted) and one.naming >= Naming.PERHAPS for _, one in looked)
