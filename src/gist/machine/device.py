"""Which processor runs the networks, and why."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from gist.config import Config
from gist.errors import InputError
from gist.machine.processes import place, usable_processors
from gist.ops import set_backend


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
        InputError: CUDA is asked for and no GPU computes.
    """
    here = place()
    threads = max(1, usable_processors() // here.local_count) if config.threads == "auto" else config.threads
    torch.set_num_threads(threads)
    set_backend(config.operations)
    # What a stage before may have set: exact, and the same algorithms every time.
    round_convolutions(to_tf32=False)
    torch.backends.cudnn.benchmark = False
    if config.device == "cpu":
        return Device(torch.device("cpu"), "CPU, as the settings ask", threads)
    why = _why_no_gpu(here.local_rank)
    if why is None:
        number = here.local_rank % torch.cuda.device_count()
        torch.cuda.set_device(number)
        which = "the first that was found" if here.count == 1 else f"one for each of {here.count} processes"
        return Device(
            torch.device("cuda", number), f"GPU ({torch.cuda.get_device_name(number)}), {which}", threads
        )
    if config.device == "cuda":
        raise InputError(
            f"device: cuda is asked for, but {why}; set device=cpu, or install a driver and a PyTorch that match "
            "this GPU."
        )
    return Device(
        torch.device("cpu"), f"CPU with {threads} thread{'s' * (threads > 1)}, since {why}", threads
    )


def round_convolutions(*, to_tf32: bool) -> None:
    """Whether float32 convolutions on a GPU keep ten bits of their factors (TF32), several times faster.

    Products of matrices never do: they move the phases of StyleGAN3's input, and styles.
    """
    torch.backends.cudnn.allow_tf32 = to_tf32
    torch.backends.cuda.matmul.allow_tf32 = False


def _why_no_gpu(local_rank: int) -> str | None:
    """Why this process cannot compute on a GPU, or None; tries it, for a GPU that is listed may still refuse."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = torch.cuda.is_available()
    if not found:
        if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
            return "this PyTorch was built without CUDA"
        # PyTorch says here that a driver is too old.
        words = f" ({_first_sentence(str(told[0].message))})" if told else ""
        return f"no usable GPU was found{words}"
    try:
        number = local_rank % torch.cuda.device_count()
        torch.zeros(1, device=torch.device("cuda", number)).add_(1).item()
    except RuntimeError as error:
        return f"the GPU that was found does not compute ({_first_sentence(str(error))})"
    return None


def _first_sentence(text: str) -> str:
    return text.strip().split("\n")[0].split(". ")[0].rstrip(".")
