"""Means over a whole batch, gathered micro-batch by micro-batch and process by process."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from gist.generators.gan.generator import Generator
from gist.generators.gan.layers import AveragedInput


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
        self._layers = {name: layer for name, layer in G.named_modules() if isinstance(layer, AveragedInput)}
        self.others = not self._layers
        """Whether G may keep averages of another kind, which it moves by itself in a forward pass."""

    def gather(self, means: BatchMeans, magnitudes: list[torch.Tensor], share: float) -> None:
        """Gathers the magnitudes [] of the layers' inputs over `share` of the batch, layer by layer."""
        for name, magnitude in zip(self._layers, magnitudes, strict=True):
            means.add_activation(name, magnitude, share)

    def move(self, means: BatchMeans) -> None:
        """Moves the averages by what was gathered over the whole batch; "w" is the mean of w."""
        mapping = self.G.mapping
        with torch.no_grad():
            mapping.w_avg.copy_(means.activations["w"].lerp(mapping.w_avg, mapping.w_avg_beta))
            for name, layer in self._layers.items():
                layer.move_magnitude(means.activations[name])
