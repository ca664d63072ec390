"""How a batch is divided: every image once, groups of the minibatch deviation whole, shares even."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gist.errors import InputError
from gist.generators.learning.batches import group_size, micro_batch_size, micro_batches
from gist.generators.stylegan.discriminator import minibatch_std


@settings(deadline=None, max_examples=60)
@given(batch=st.integers(1, 48), wanted=st.integers(0, 50), group=st.integers(1, 5), data=st.data())
def test_every_image_is_in_one_part_and_is_compared_with_the_same_images(
    batch: int, wanted: int, group: int, data: st.DataObject
) -> None:
    processes = data.draw(st.sampled_from([1, 2, 3]))
    if processes > 1 and batch % (group * processes):
        with pytest.raises(InputError, match=f"multiple of {group * processes}"):
            micro_batch_size(batch, wanted, group, processes)
        return
    size = micro_batch_size(batch, wanted, group, processes)
    parts = [
        part for process in range(processes) for part in micro_batches(batch, size, group, process, processes)
    ]
    assert sorted(torch.cat(parts).tolist()) == list(range(batch))
    assert {len(part) for part in parts} == {size}
    assert size <= max(wanted, group_size(batch, group))
    x_NCHW = torch.randn(batch, 2, 3, 3, dtype=torch.float64)
    whole = minibatch_std(x_NCHW, group)
    for part in parts:
        torch.testing.assert_close(minibatch_std(x_NCHW[part], group), whole[part])


def test_a_batch_that_cannot_be_shared_names_one_that_can() -> None:
    with pytest.raises(InputError, match=r"train\.batch to a multiple of 8"):
        micro_batch_size(4, 4, 4, processes=2)
