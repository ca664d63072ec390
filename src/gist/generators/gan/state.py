"""Everything that changes during training, and how it is saved."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from gist.generators.augment import AdaController
from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.plan import GanPlan

R1_INTERVAL = 16
"""Steps between R1 penalties (lazy regularisation, Karras et al. 2020, 3.1)."""
PATH_LENGTH_INTERVAL = 4
"""Steps between path-length penalties, where the architecture has them."""


@dataclass
class GanState:
    """Networks, optimizers and counters; together with the settings and the data they define all that follows."""

    G: Generator
    D: Discriminator
    G_ema: Generator
    G_optimizer: torch.optim.Adam
    D_optimizer: torch.optim.Adam
    ada: AdaController
    path_length_mean: torch.Tensor
    images: int = 0
    """Real images shown so far."""
    micro_batch: int = 0
    """Images per forward pass; falls when memory runs out."""

    def facts(self) -> dict[str, Any]:
        """All that is no tensor, ready for JSON."""
        return {"ada": self.ada.state(), "micro_batch": self.micro_batch}

    def restore_facts(self, facts: Mapping[str, Any]) -> None:
        """Takes over the facts of a checkpoint; `images` is among them."""
        self.images = facts["images"]
        self.ada.restore(facts["ada"])
        self.micro_batch = facts.get("micro_batch", self.micro_batch)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors of the state by name, Adam's moments included."""
        named: dict[str, torch.Tensor] = {"path_length_mean": self.path_length_mean}
        for prefix, module in (("G", self.G), ("D", self.D), ("G_ema", self.G_ema)):
            named |= {f"{prefix}/{name}": value for name, value in module.state_dict().items()}
        for prefix, network, optimizer in self._optimizers():
            for name, parameter in network.named_parameters():
                for moment, value in optimizer.state.get(parameter, {}).items():
                    named[f"{prefix}_adam/{name}/{moment}"] = value
        return named

    def restore(self, named: dict[str, torch.Tensor]) -> None:
        """Puts tensors from `tensors` back in place."""
        self.path_length_mean = named["path_length_mean"].to(self.path_length_mean.device)
        for prefix, module in (("G", self.G), ("D", self.D), ("G_ema", self.G_ema)):
            own = {
                name.split("/", 1)[1]: value for name, value in named.items() if name.startswith(f"{prefix}/")
            }
            module.load_state_dict(own)
        for prefix, network, optimizer in self._optimizers():
            moments: dict[str, dict[str, torch.Tensor]] = {}
            for key, value in named.items():
                if key.startswith(f"{prefix}_adam/"):
                    _, name, moment = key.split("/")
                    moments.setdefault(name, {})[moment] = value
            for name, parameter in network.named_parameters():
                if name in moments:
                    optimizer.state[parameter] = {
                        moment: value.to(parameter.device) for moment, value in moments[name].items()
                    }

    def _optimizers(self) -> tuple[tuple[str, nn.Module, torch.optim.Adam], ...]:
        return (("G", self.G, self.G_optimizer), ("D", self.D, self.D_optimizer))

    def update_average(self, batch: int, half_life_images: float) -> None:
        """Moves G_ema towards G; the half-life grows with the images seen, so that it starts quickly."""
        half_life = min(half_life_images, max(self.images, batch) * 0.05)
        decay = 0.5 ** (batch / half_life)
        with torch.no_grad():
            averages: list[torch.Tensor] = list(self.G_ema.parameters())
            currents: list[torch.Tensor] = list(self.G.parameters())
            torch._foreach_lerp_(averages, currents, 1 - decay)
            for average, current in zip(self.G_ema.buffers(), self.G.buffers(), strict=True):
                average.copy_(current)


def lazy_adam(module: nn.Module, learning_rate: float, interval: int | None) -> torch.optim.Adam:
    """Adam with betas (0, 0.99), corrected for a regularisation step every `interval` steps (Karras et al. 2020, B)."""
    ratio = interval / (interval + 1) if interval else 1.0
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return torch.optim.Adam(
        parameters, lr=learning_rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8, fused=True
    )


def new_state(G: Generator, D: Discriminator, plan: GanPlan, ada: AdaController) -> GanState:
    """A state before the first step."""
    G_interval = PATH_LENGTH_INTERVAL if G.spec.family.regularises_path_length else None
    return GanState(
        G=G.train().requires_grad_(True),
        D=D.train(),
        G_ema=copy.deepcopy(G).eval().requires_grad_(False),
        G_optimizer=lazy_adam(G, plan.generator_lr, G_interval),
        D_optimizer=lazy_adam(D, plan.discriminator_lr, R1_INTERVAL),
        ada=ada,
        path_length_mean=torch.zeros((), device=next(G.parameters()).device),
        micro_batch=plan.micro_batch,
    )
