"""Which synthetic images look wrong, where, and how sure that is; no labels needed."""

from gist.metrics.artifacts.defects import DEFECTS, Severity, inject
from gist.metrics.artifacts.judge import ArtifactJudge, Judgement
from gist.metrics.artifacts.p_values import benjamini_hochberg, conformal_p_values
from gist.metrics.artifacts.pictures import Pictures

__all__ = [
    "DEFECTS",
    "ArtifactJudge",
    "Judgement",
    "Pictures",
    "Severity",
    "benjamini_hochberg",
    "conformal_p_values",
    "inject",
]
