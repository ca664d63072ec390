"""Which processor runs the networks, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from gist.config import Config
from gist.errors import InputError
from gist.networks.ops import set_backend
from gist.processes import place


@dataclass(frozen=True)
class Device:
    """A chosen device with the reason in words."""

    torch_device: torch.device
    reason: str
    threads: int

    @property
    def on_gpu(self) -> bool:
        return self.torch_device.type == "cuda"


def choose_device(config: Config) -> Device:
    """Applies `device`, `threads` and `operations` of the settings to this process.

    Raises:
        InputError: CUDA is asked for and there is none.
    """
    here = place()
    threads = max(1, _usable_processors() // here.local_count) if config.threads == "auto" else config.threads
    torch.set_num_threads(threads)
    set_backend(config.operations)
    if config.device == "cpu":
        return Device(torch.device("cpu"), "CPU, as the settings ask", threads)
    if torch.cuda.is_available():
        number = here.local_rank % torch.cuda.device_count()
        torch.cuda.set_device(number)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        which = "the first that was found" if here.count == 1 else f"one for each of {here.count} processes"
        return Device(
            torch.device("cuda", number), f"GPU ({torch.cuda.get_device_name(number)}), {which}", threads
        )
    why = "no usable GPU was found" if torch.version.cuda else "this PyTorch was built without CUDA"
    if config.device == "cuda":
        raise InputError(
            f"device: cuda is asked for, but {why}; set device=cpu or install a matching driver."
        )
    return Device(
        torch.device("cpu"), f"CPU with {threads} thread{'s' * (threads > 1)}, since {why}", threads
    )


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
