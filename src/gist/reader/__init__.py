"""The blind reader test: can people tell synthetic images from real ones? Planned, made, read and scored."""

from gist.reader.planning import READERS, ReaderPlan, plan, variance_of
from gist.reader.result import Score
from gist.reader.scoring import MARGIN, score

__all__ = ["MARGIN", "READERS", "ReaderPlan", "Score", "plan", "score", "variance_of"]
