"""Means over a whole batch, gathered micro-batch by micro-batch and process by process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from gist.networks import Generator


@dataclass
class BatchMeans:
    """Weighted sums of named values; once every part is in, each is the mean over the batch."""

    sums: dict[str, torch.Tensor] = field(default_factory=dict)
    """Numbers [] worth logging."""
    activations: dict[str, torch.Tensor] = field(default_factory=dict)
    """What the running averages of G move by."""

    def add(self, name: str, mean: torch.Tensor, share: float) -> None:
        """Adds the mean over a part that is `share` of the batch."""
        _add(self.sums, name, mean, share)

    def add_activation(self, name: str, mean: torch.Tensor, share: float) -> None:
        """The same for an activation's mean, of any shape."""
        _add(self.activations, name, mean, share)

    def tensors(self) -> list[torch.Tensor]:
        """All sums, in the order in which they came first."""
        return [*self.sums.values(), *self.activations.values()]


def _add(sums: dict[str, torch.Tensor], name: str, mean: torch.Tensor, share: float) -> None:
    weighted = mean.detach().float() * share
    sums[name] = sums[name] + weighted if name in sums else weighted


class RunningAverages:
    """Averages that G keeps of its own activations: w, and the magnitude of every alias-free layer's input.

    They move once per step by the mean over the whole batch (Karras et al. 2019, appendix B; 2021, appendix B), so
    that micro-batches and processes do not change them; a step uses those of the step before.
    """

    def __init__(self, G: Generator) -> None:
        self.G = G
        self._layers: dict[str, Any] = {
            name: module for name, module in G.named_modules() if hasattr(module, "magnitude_ema")
        }
        self.others = not self._layers
        """Whether G may keep averages of another kind, which it moves by itself in a forward pass."""

    @contextmanager
    def gathered(self, means: BatchMeans, w_NW: torch.Tensor, share: float) -> Iterator[None]:
        """Gathers w, and the magnitudes of the forward pass inside, of `share` of the batch."""
        means.add_activation("w", w_NW.mean(dim=0), share)

        def note(name: str, _layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            means.add_activation(name, inputs[0].detach().float().square().mean(), share)

        hooks = [layer.register_forward_pre_hook(partial(note, name)) for name, layer in self._layers.items()]
        try:
            yield
        finally:
            for each in hooks:
                each.remove()

    def move(self, means: BatchMeans) -> None:
        """Moves the averages by what was gathered over the whole batch."""
        mapping = self.G.mapping
        with torch.no_grad():
            mapping.w_avg.copy_(means.activations["w"].lerp(mapping.w_avg, mapping.w_avg_beta))
            for name, layer in self._layers.items():
                magnitude = layer.magnitude_ema
                magnitude.copy_(means.activations[name].lerp(magnitude, layer.magnitude_beta))
