"""A reader study on disk: pictures, sealed key, and what each reader sees in which order."""

from gist.reader.study.create import create_study
from gist.reader.study.folder import Study, read_study

__all__ = ["Study", "create_study", "read_study"]
