"""Memory allocation on CPU: the C library's defaults cost half of the training time."""

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def tune_memory_allocator() -> bool:
    """Keep freed memory inside the process instead of returning it; True where it took effect.

    By default glibc maps every large tensor afresh and the kernel zeroes it page by page at first touch.
    Costs up to a third more peak memory. Does nothing where the C library is not glibc. Idempotent.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
