"""What stops a training step: numbers that are not finite."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from gist.errors import StageError


class NotFiniteError(StageError):
    """A loss, gradient or weight is no longer a number: what is in memory is lost, the last checkpoint is not."""

    def __init__(self, where: str, images: int, advice: str) -> None:
        super().__init__(
            f"Training broke down at {images / 1000:.2f} kimg: {where} is not finite. The last good checkpoint is "
            f"kept; {advice} and run again."
        )
        self.where = where


@dataclass
class StepReadings:
    """Numbers of one step that stay on the device until its end, so that the step waits for the device once."""

    advice: str
    """What to change where a number is not finite, such as `lower the learning rate`."""
    norms: list[torch.Tensor] = field(default_factory=list)
    sources: list[tuple[str, list[str]]] = field(default_factory=list)

    def check(self, what: str, layers: list[str], norms: list[torch.Tensor]) -> None:
        """Norms [] that must be finite: `what`, such as the weights of D, in each of `layers`."""
        self.sources.append((what, layers))
        self.norms.extend(norms)

    def read(self, means: dict[str, torch.Tensor], images: int) -> dict[str, float]:
        """Waits for the device and returns the means [] by name; `images` were seen before this step.

        Raises:
            NotFiniteError: naming what is not finite first, and the layer nearest to the network's output.
        """
        numbers = torch.stack([value.float() for value in (*self.norms, *means.values())]).cpu().tolist()
        found = dict(zip(means, numbers[len(self.norms) :], strict=True))
        broken = [name for name, value in found.items() if not math.isfinite(value)]
        position = 0
        for what, layers in self.sources:
            norms = numbers[position : position + len(layers)]
            position += len(layers)
            bad = [layer for layer, norm in zip(layers, norms, strict=True) if not math.isfinite(norm)]
            if bad:
                # Backwards from the output, everything before the layer that broke is not finite either.
                losses = f"{' and '.join(broken)} and " if broken else ""
                raise NotFiniteError(
                    f"{losses}{what} at {bad[-1]} ({len(bad)} of {len(layers)} tensors)", images, self.advice
                )
        if broken:
            raise NotFiniteError(" and ".join(broken), images, self.advice)
        return found
