"""Which processor runs the networks, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from gist.config import Config
from gist.errors import InputError


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
    """Applies `device` and `threads` of the settings to this process.

    Raises:
        InputError: CUDA is asked for and there is none.
    """
    threads = _usable_processors() if config.threads == "auto" else config.threads
    torch.set_num_threads(threads)
    if config.device == "cpu":
        return Device(torch.device("cpu"), "CPU, as the settings ask", threads)
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        return Device(torch.device("cuda", 0), f"GPU ({name}), the first that was found", threads)
    why = "no usable GPU was found" if torch.version.cuda else "this PyTorch was built without CUDA"
    if config.device == "cuda":
        raise InputError(
            f"device: cuda is asked for, but {why}; set device=cpu or install a matching driver."
        )
    return Device(torch.device("cpu"), f"CPU with {threads} threads, since {why}", threads)


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
