"""What is known of a training beside what its learner knows: time, snapshots, precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TrainingRecord:
    """Grows through all sittings; saved with every checkpoint."""

    seconds: float = 0.0
    """Training time over all sittings."""
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    """File and kimg of the snapshots written so far, with kid and kid_error of those that were scored."""
    float32_only: bool = False
    """Whether a number has left the range of the lower precision, so that float32 took over."""

    @property
    def best(self) -> dict[str, Any] | None:
        """The scored snapshot with the lowest KID, None before the first score."""
        return min(self._scored, key=lambda entry: float(entry["kid"]), default=None)

    @property
    def kimg_since_best(self) -> float:
        """Thousands of images between the best snapshot and the last one that was scored."""
        best = self.best
        return 0.0 if best is None else max(entry["kimg"] for entry in self._scored) - best["kimg"]

    @property
    def varieties(self) -> list[float]:
        """Of all snapshots, oldest first, as shares of the real images' variety."""
        return [entry["variety"] for entry in self.snapshots if entry.get("variety") is not None]

    def facts(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {"seconds": self.seconds, "snapshots": self.snapshots, "float32_only": self.float32_only}

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Takes over the facts of a checkpoint."""
        self.seconds, self.snapshots = facts["seconds"], facts["snapshots"]
        self.float32_only = facts.get("float32_only", False)

    @property
    def _scored(self) -> list[dict[str, Any]]:
        return [entry for entry in self.snapshots if entry.get("kid") is not None]
