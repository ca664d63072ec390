"""Studies: many runs that answer one question, each trial an ordinary run folder."""

from gist.studies.verbs import (
    architectures,
    config_of,
    folder_of,
    resume,
    size,
    submit,
    transfer,
    trial,
    tune,
)

__all__ = [
    "architectures",
    "config_of",
    "folder_of",
    "resume",
    "size",
    "submit",
    "transfer",
    "trial",
    "tune",
]
