"""Which weights the evaluate stage reads; light, since every look at a run asks."""

from __future__ import annotations

from gist.config import Config
from gist.files import sha256_of
from gist.runs.folder import RunFolder


def weights_inputs(config: Config, _run: RunFolder) -> dict[str, str]:
    """Digest of the file of weights, where one is named."""
    weights = config.evaluate.weights and config.evaluate.weights.expanduser()
    return {} if weights is None else {"weights": sha256_of(weights) if weights.is_file() else ""}
