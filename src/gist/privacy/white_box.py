"""What the discriminator betrays of who was in the training: the reason why it and the checkpoints never leave."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from gist.generators.network_file import load_network
from gist.generators.registry import family_named
from gist.images.archive import DataSet
from gist.images.png import as_unit
from gist.images.tensors import tensor_of_unit
from gist.privacy.measures import auc
from gist.runs.checkpoint import load_newest
from gist.runs.folder import RunFolder
from gist.runs.results import read_what_is_there
from gist.stages.privacy import PrivacyMeasure

IMAGES = 500
"""Of each side."""
_BATCH = 32


def told_by_the_judge(
    run: RunFolder, training: DataSet, hold_out: DataSet | None, device: torch.device, seed: int
) -> list[PrivacyMeasure]:
    """Members told from hold-out images by the discriminator of the newest checkpoint; empty where there is none.

    Raises:
        InputError: checkpoint and snapshot are of different networks.
    """
    found = _judge(run, device)
    if found is None or hold_out is None:
        return []
    judge, classes = found
    rng = np.random.default_rng([seed, 4])
    n = min(IMAGES, len(training), len(hold_out))
    asked = [(data, int(row)) for data in (training, hold_out) for row in rng.permutation(len(data))[:n]]
    logits = np.empty(2 * n)
    # In mixed batches, as a discriminator compares what it sees together.
    order = rng.permutation(2 * n)
    for start in range(0, 2 * n, _BATCH):
        batch = order[start : start + _BATCH]
        x = tensor_of_unit(np.stack([as_unit(asked[i][0].image(asked[i][1])) for i in batch]))
        labels = torch.tensor([asked[i][0].labels[asked[i][1]] for i in batch])
        c = F.one_hot(labels, classes).float().to(device) if classes else None
        with torch.no_grad():
            logits[batch] = judge(x.to(device), c).flatten().cpu().numpy()
    members, others = logits[:n], logits[n:]
    return [
        PrivacyMeasure(
            name="white-box membership inference AUC",
            value=auc(members, others),
            beside=auc(members[: n // 2], members[n // 2 :]),
            meaning="members told from hold-out images by the discriminator of the newest checkpoint, which is why "
            "discriminator and checkpoints never leave; beside it members from members",
        )
    ]


def _judge(run: RunFolder, device: torch.device) -> tuple[torch.nn.Module, int] | None:
    """The discriminator of the newest checkpoint and its classes, if it saw the images that are prepared now."""
    snapshots = sorted((run.path / "train" / "snapshots").glob("network-*.safetensors"))
    found = load_newest(run.path / "train" / "checkpoints")
    if not snapshots or found is None or not read_what_is_there(run, "train"):
        return None
    model, _ = load_network(snapshots[-1])
    judge = family_named(model.family).judge_in(model, found[0])
    return None if judge is None else (judge.to(device).eval(), model.c_dim)
