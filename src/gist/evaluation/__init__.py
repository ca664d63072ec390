"""How good the synthetic images are, with n, interval and yardsticks beside every number."""

from gist.evaluation.fingerprint import compare
from gist.evaluation.snapshots import evaluate_snapshots, read_snapshot_curve
from gist.evaluation.stage import evaluate

__all__ = ["compare", "evaluate", "evaluate_snapshots", "read_snapshot_curve"]
