"""Which synthetic images look wrong, where, and how sure that is; no labels needed."""

from gist.evaluation.artifacts.assessment import Sample, assess_artifacts, judge_of_run
from gist.evaluation.artifacts.defects import DEFECTS, Severity, inject
from gist.evaluation.artifacts.judge import ArtifactJudge, Judgement
from gist.evaluation.artifacts.p_values import benjamini_hochberg, conformal_p_values
from gist.evaluation.artifacts.pictures import Pictures

__all__ = [
    "DEFECTS",
    "ArtifactJudge",
    "Judgement",
    "Pictures",
    "Sample",
    "Severity",
    "assess_artifacts",
    "benjamini_hochberg",
    "conformal_p_values",
    "inject",
    "judge_of_run",
]
