"""How much memory networks take and how much there is, on CPU and GPU, and how to tell that it ran out."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from pathlib import Path

import torch

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
GIBIBYTE = 2**30
_MEMORY_MESSAGES = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    # oneDNN's words where its scratch memory cannot be had.
    "could not create a primitive",
    "could not execute a primitive",
    "could not create a memory object",
    # CUDA's libraries where their handles or scratch memory cannot be had.
    "STATUS_ALLOC_FAILED",
    "STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "STATUS_NOT_INITIALIZED",
    "unable to find an engine",
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation failed, on CPU or GPU; torch says so only in words on a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(message in text for message in _MEMORY_MESSAGES)


def peak_bytes(device: torch.device) -> int | None:
    """Most memory in use so far: by tensors on a GPU, by the process on a CPU; None where nobody counts."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def used_bytes(device: torch.device) -> int | None:
    """Memory in use now, counted as in `peak_bytes`; None where nobody counts."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGESIZE")


def available_bytes(device: torch.device) -> int | None:
    """Memory that this process may still take; None where it cannot be told."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    free_bytes = _free_on_linux()
    limits = [limit for limit in (free_bytes, _process_limit(), _group_limit()) if limit is not None]
    return min(limits, default=None)


def release(device: torch.device) -> None:
    """Gives memory that is kept for later back to the GPU or, where the C library can, to the system."""
    gc.collect()  # an exception's frames, and the tensors in them, may hang on each other in a circle
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _free_on_linux() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] * 1024 if found else None


def _process_limit() -> int | None:
    """What `ulimit -v` leaves beyond the address space in use."""
    if not sys.platform.startswith("linux"):
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return max(0, limit - pages * resource.getpagesize())


def _group_limit() -> int | None:
    """What a container or a SLURM job may take in all, less what it takes now."""
    for name in _CGROUP_LIMITS:
        file = Path(name)
        try:
            limit = int(file.read_text(encoding="ascii"))
            used_file = "memory.current" if file.name == "memory.max" else "memory.usage_in_bytes"
            return max(0, limit - int((file.parent / used_file).read_text(encoding="ascii")))
        except (OSError, ValueError):  # absent, or "max": no limit
            continue
    return None
