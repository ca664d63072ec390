"""What the report reads beside the results of stages: the table of snapshots, reader tests, sets with a name."""

from __future__ import annotations

import hashlib
import json

from gist.config import STAGES, Config
from gist.files import sha256_of
from gist.runs.folder import RunFolder
from gist.runs.standing import stage_inputs


def report_inputs(config: Config, run: RunFolder) -> dict[str, str]:
    """Digests of the table of snapshots, which is about the training, and of every other set with its own report."""
    table = run.path / "evaluate" / "snapshots.json"
    found = {"snapshots": sha256_of(table)} if table.is_file() else {}
    scores = sorted(run.place.glob("reader/*/score.json"))
    found |= {f"reader test {score.parent.name}": sha256_of(score) for score in scores}
    if run.set_name is not None:
        return found
    return found | {f"synthetic set {other.set_name}": _digest(config, other) for other in run.sets()}


def _digest(config: Config, run: RunFolder) -> str:
    record = run.record("report")
    read = stage_inputs(STAGES["report"], config, run) | {"report": "" if record is None else record.digest}
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()
