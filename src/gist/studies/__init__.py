"""Studies: many runs that answer one question, each trial an ordinary run folder."""

from gist.studies.verbs import folder_of, size

__all__ = ["folder_of", "size"]
