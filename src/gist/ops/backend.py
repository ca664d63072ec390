"""Which implementation runs where: chosen automatically, forced by a setting, never a reason to stop."""

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Literal, get_args

import torch

from gist.ops import cpu, cpu_planes, cpu_sampling, triton_path, triton_planes, winograd

Backend = Literal["auto", "reference", "cpu", "triton"]

_choice: Backend = "auto"


def set_backend(backend: Backend) -> None:
    """Force one implementation wherever it can run, or "auto". Raises ValueError for an unknown name."""
    global _choice
    if backend not in get_args(Backend):
        raise ValueError(f"unknown backend {backend!r}: use one of {', '.join(get_args(Backend))}")
    _choice = backend


def chosen_backend() -> Backend:
    """What `set_backend` was last called with."""
    return _choice


@cache
def _cpu_path_failure() -> str | None:
    """Why the fast CPU loops cannot run on this machine, or None; compiles them if no cache has them."""
    if find_spec("numba") is None:
        return "numba is not installed"
    try:
        cpu.filtered_lrelu(
            torch.zeros(1, 1, 2, 2), None, None, None,
            up=2, down=1, padding=(0, 0, 0, 0), gain=1.0, slope=0.2, clamp=None,
        )  # fmt: skip
        # The caller may be generating, where gradients are switched off, or count what is saved for checkpoints.
        unseen = torch.autograd.graph.saved_tensors_hooks(lambda saved: saved, lambda saved: saved)
        with torch.inference_mode(False), torch.enable_grad(), unseen:
            x, weight = torch.zeros(1, 16, 16, 16), torch.zeros(16, 16, 3, 3, requires_grad=True)
            torch.autograd.grad(winograd.conv2d(x, weight, 1).sum(), weight)
        cpu_planes.compile_loops()
        for sampling in (cpu_sampling.sample, cpu_sampling.spread):
            sampling(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 3), 2, 2)
    except Exception as error:  # whatever a compiler may raise on an unknown machine, plain torch still works
        return f"numba could not compile ({type(error).__name__})"
    return None


def runs_on_cpu_path(x: torch.Tensor, *filters: torch.Tensor | None) -> bool:
    """Whether the fast CPU loops are to compute this."""
    return _choice in ("auto", "cpu") and cpu.supports(x, *filters) and _cpu_path_failure() is None


def convolves_by_winograd(x_NCHW: torch.Tensor, weight_OIkk: torch.Tensor, stride: int, padding: int) -> bool:
    """Whether the fast CPU convolution is to compute this."""
    return stride == 1 and winograd.supports(x_NCHW, weight_OIkk, padding) and runs_on_cpu_path(x_NCHW)


def samples_by_loops(x_NCHW: torch.Tensor, height: int, width: int) -> bool:
    """Whether the fast CPU loops are to sample images of this size, or to spread these values over such images."""
    return cpu_sampling.supports(x_NCHW, height, width) and runs_on_cpu_path(x_NCHW)


@cache
def _triton_failure(kind: str) -> str | None:
    """Why the Triton kernels cannot run on this kind of device, or None; compiles them if no cache has them."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    # Triton's interpreter runs kernels on CPU: slowly, for tests.
    if kind != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return "Triton runs on GPUs only"
    try:
        if kind == "cuda" and torch.cuda.get_device_capability() < (8, 0):
            return "the GPU is older than compute capability 8.0"
        triton_path.compile_kernel(torch.device(kind))
        triton_planes.compile_kernels(torch.device(kind))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        # Triton builds its launcher with the machine's C compiler, which slim containers lack.
        return (
            f"Triton could not compile ({type(error).__name__}: {_first_line(error)}); it needs a C compiler and "
            "Python's headers (packages gcc and python3-dev) and a folder for its cache (TRITON_CACHE_DIR)"
        )
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]


def runs_on_triton_path(x: torch.Tensor, *filters: torch.Tensor | None) -> bool:
    """Whether the Triton kernels are to compute this."""
    kind = x.device.type
    wanted = _choice == "triton" or (_choice == "auto" and kind == "cuda")
    return wanted and triton_path.supports(x, *filters) and _triton_failure(kind) is None


def active_backend(device: torch.device | str) -> str:
    """One line for `gist status`: the implementation that runs on `device`, and why. Compiles nothing."""
    kind = torch.device(device).type
    if _choice == "reference":
        return "reference: plain torch, as set"
    if _choice == "triton" or (_choice == "auto" and kind == "cuda"):
        triton_failure = (
            _triton_failure(kind) if kind != "cuda" or _triton_failure.cache_info().currsize else None
        )
        if triton_failure is None and find_spec("triton") is None:
            triton_failure = "Triton is not installed"
        if triton_failure:
            return f"reference: plain torch, because {triton_failure}"
        refused = triton_path.failures
        but = f", {len(refused)} of them by plain torch ({refused[0]})" if refused else ""
        return f"triton: fused filters compiled by Triton{but}"
    if kind != "cpu":
        return f"reference: plain torch, no faster path for {kind}"
    failure = _cpu_path_failure() if _cpu_path_failure.cache_info().currsize else None
    if failure is None and find_spec("numba") is None:
        failure = "numba is not installed"
    return (
        f"reference: plain torch, because {failure}"
        if failure
        else "cpu: fused filters and Winograd convolutions compiled by numba"
    )


def prepare(device: torch.device | str = "cpu", progress: Callable[[str], None] | None = None) -> None:
    """Compile what `device` needs, so that no later call waits; `progress` is told before the first wait.

    The compiled code is kept on disk (in NUMBA_CACHE_DIR, beside the sources, or in the user's cache folder;
    Triton's in TRITON_CACHE_DIR), so only the first run on a machine waits: about twenty seconds on CPU; on
    CUDA each layer's kernels are compiled at their first use.
    """
    kind = torch.device(device).type
    trial = _cpu_path_failure if kind == "cpu" else _triton_failure
    if kind not in ("cpu", "cuda") or _choice == "reference" or trial.cache_info().currsize:
        return
    if progress is not None:
        progress(
            "preparing the fast CPU operations: one second, or about twenty where gist runs for the first time"
            if kind == "cpu"
            else "preparing the fast GPU operations: the first steps on a machine compile them, in a minute or two"
        )
    failure = _cpu_path_failure() if kind == "cpu" else _triton_failure(kind)
    if failure is not None and progress is not None:
        progress(f"plain torch is used, which is slower, because {failure}")
