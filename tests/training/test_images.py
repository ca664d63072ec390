"""Training images that do not fit into memory decoded: the same batches, decoded while the step before computes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from gist.generators.learning.batches import micro_batches
from gist.generators.learning.images import TrainingImages
from gist.images.archive import DataSet
from gist.images.png import encode_png

COUNT, SIDE, BATCH = 37, 16, 8


def _data_set(dtype: type[np.unsignedinteger]) -> DataSet:
    random = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    pngs = tuple(encode_png(random.integers(0, top, (SIDE, SIDE), dtype)) for _ in range(COUNT))
    return DataSet(tuple(map(str, range(COUNT))), np.arange(COUNT) % 2, ("a", "b"), SIDE, pngs)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_batches_decoded_ahead_are_those_held_in_memory(dtype: type[np.unsignedinteger]) -> None:
    held, ahead = (
        TrainingImages(_data_set(dtype), conditional=True, seed=3, held_bytes=size) for size in (2**30, 0)
    )
    for step in range(12):
        for part in micro_batches(BATCH, 4, 4) + micro_batches(BATCH, 8, 4):  # R1 takes the batch again
            for ours, expected in zip(
                ahead.batch(step * BATCH, BATCH, part, torch.device("cpu")),
                held.batch(step * BATCH, BATCH, part, torch.device("cpu")),
                strict=True,
            ):
                assert ours is not None
                assert expected is not None
                assert torch.equal(ours, expected)
    chosen = torch.tensor([5, 5, 36])
    assert torch.equal(ahead.select(chosen, torch.device("cpu")), held.select(chosen, torch.device("cpu")))


def test_the_next_batch_is_decoded_in_other_threads_before_it_is_asked_for() -> None:
    decoders: dict[int, str] = {}
    decoded = threading.Condition()

    class Watched(DataSet):
        def image(self, index: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
            image = super().image(index)
            with decoded:
                decoders[index] = threading.current_thread().name
                decoded.notify_all()
            return image  # type: ignore[return-value]

    images = TrainingImages(Watched(**vars(_data_set(np.uint8))), conditional=False, seed=3, held_bytes=0)
    images.batch(0, BATCH, torch.arange(BATCH), torch.device("cpu"))
    following = set(images.order.at(BATCH, BATCH).tolist())
    with decoded:
        assert decoded.wait_for(lambda: following <= decoders.keys(), timeout=30)
    assert {decoders[index].split("_")[0] for index in following} == {"decode"}
