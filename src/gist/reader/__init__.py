"""The blind reader test: can people tell synthetic images from real ones? Planned, made, read and scored."""

from gist.reader.result import Score
from gist.reader.scoring import MARGIN, score

__all__ = ["MARGIN", "Score", "score"]
