"""The blind reader test: can people tell synthetic images from real ones? Planned, made, read and scored."""

from gist.reader.planning import READERS, ReaderPlan, plan, variance_of
from gist.reader.result import Score
from gist.reader.scoring import MARGIN, score
from gist.reader.study_scoring import PROTOCOL_FILE, score_study

__all__ = [
    "MARGIN",
    "PROTOCOL_FILE",
    "READERS",
    "ReaderPlan",
    "Score",
    "plan",
    "score",
    "score_study",
    "variance_of",
]
