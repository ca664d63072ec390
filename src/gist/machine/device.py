"""Which processor runs the networks, and why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from gist.errors import InputError
from gist.machine.processes import place, usual_threads
from gist.ops import Backend, chosen_backend, set_backend


@dataclass(frozen=True)
class Device:
    """A chosen device with the reason in words."""

    torch_device: torch.device
    reason: str
    threads: int

    @property
    def on_gpu(self) -> bool:
        return self.torch_device.type == "cuda"


class DeviceWish(Protocol):
    """What the settings say of device, threads and operations."""

    @property
    def device(self) -> Literal["auto", "cpu", "cuda"]: ...
    @property
    def threads(self) -> Literal["auto"] | int: ...
    @property
    def operations(self) -> Backend: ...


def choose_device(wish: DeviceWish) -> Device:
    """The device that the settings ask for, and why; changes nothing in this process.

    Raises:
        InputError: CUDA is asked for and no GPU computes.
    """
    here = place()
    threads = usual_threads() if wish.threads == "auto" else wish.threads
    if wish.device == "cpu":
        return Device(torch.device("cpu"), "CPU, as the settings ask", threads)
    why = _why_no_gpu(here.local_rank)
    if why is None:
        number = here.local_rank % torch.cuda.device_count()
        which = "the first that was found" if here.count == 1 else f"one for each of {here.count} processes"
        return Device(
            torch.device("cuda", number), f"GPU ({torch.cuda.get_device_name(number)}), {which}", threads
        )
    if wish.device == "cuda":
        raise InputError(
            f"device: cuda is asked for, but {why}; set device=cpu, or install a driver and a PyTorch that match "
            "this GPU."
        )
    return Device(
        torch.device("cpu"), f"CPU with {threads} thread{'s' * (threads > 1)}, since {why}", threads
    )


@contextmanager
def computing(wish: DeviceWish, *, same_shapes: bool = False) -> Iterator[Device]:
    """Inside it the process computes as the settings ask; afterwards its threads, its implementation of operations, its
    GPU and its rounding are again those of the caller.

    `same_shapes`: shapes stay the same for thousands of steps, so that trying all of cuDNN's algorithms pays.

    Raises:
        InputError: CUDA is asked for and no GPU computes.
    """
    device = choose_device(wish)
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    threads, backend, benchmark = torch.get_num_threads(), chosen_backend(), cudnn.benchmark
    rounding = cudnn.allow_tf32, matmul.allow_tf32
    current = torch.cuda.current_device() if device.on_gpu else None
    torch.set_num_threads(device.threads)
    set_backend(wish.operations)
    round_convolutions(to_tf32=False)
    cudnn.benchmark = same_shapes and device.on_gpu
    if device.on_gpu:
        torch.cuda.set_device(device.torch_device)
    try:
        yield device
    finally:
        torch.set_num_threads(threads)
        set_backend(backend)
        cudnn.benchmark = benchmark
        cudnn.allow_tf32, matmul.allow_tf32 = rounding
        if current is not None:
            torch.cuda.set_device(current)


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
