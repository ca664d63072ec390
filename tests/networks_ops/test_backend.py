"""Which path runs, what is reported, and what first use costs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gist import ops


@pytest.fixture(autouse=True)
def _any_backend_is_reset() -> Iterator[None]:
    yield
    ops.set_backend("auto")


def _blur(x: torch.Tensor) -> torch.Tensor:
    return ops.upfirdn2d(x, torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8)


def test_the_cpu_path_is_the_default_and_reference_can_be_forced() -> None:
    assert ops.active_backend("cpu").startswith("cpu: ")
    x = torch.randn(1, 1, 8, 8, requires_grad=True)
    assert "Filtered" in type(_blur(x).grad_fn).__name__
    ops.set_backend("reference")
    assert ops.active_backend("cpu") == "reference: plain torch, as set"
    assert "Filtered" not in type(_blur(x).grad_fn).__name__


def test_an_unknown_backend_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown backend 'nvcc'"):
        ops.set_backend("nvcc")  # type: ignore[arg-type]


def test_a_device_without_a_fast_path_reports_plain_torch() -> None:
    assert ops.active_backend("meta").startswith("reference: ")


def test_what_is_reported_is_what_runs_where_the_forced_path_is_missing() -> None:
    ops.set_backend("triton")
    assert ops.active_backend("cpu").startswith("reference: ")
    assert "Filtered" not in type(_blur(torch.randn(1, 1, 8, 8, requires_grad=True)).grad_fn).__name__


def _in_a_new_process(code: str, **environment: str) -> str:
    source = str(Path(ops.__file__).parents[3])
    completed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": source, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return completed.stdout.strip()


def test_a_wait_is_announced_once_before_it_starts() -> None:
    code = (
        "from gist import ops\n"
        "told = []\n"
        "for _ in range(2): ops.prepare('cpu', told.append)\n"
        "print(len(told), 'first time' in told[0])"
    )
    assert _in_a_new_process(code) == "1 True"


def test_importing_the_operations_does_not_import_numba() -> None:
    code = "import sys, gist.ops; print('numba' in sys.modules)"
    assert _in_a_new_process(code) == "False"


def test_a_machine_where_numba_fails_falls_back_to_plain_torch_and_says_why() -> None:
    code = (
        "import sys; sys.modules['llvmlite'] = None\n"
        "import torch; from gist import ops\n"
        "said = []; ops.prepare('cpu', said.append)\n"
        "y = ops.upfirdn2d(torch.ones(1, 1, 4, 4), torch.ones(2))\n"
        "print(float(y[0, 0, 0, 0]), ops.active_backend('cpu'))"
    )
    printed = _in_a_new_process(code)
    assert printed.startswith("4.0 reference: plain torch, because numba could not")


@pytest.mark.nightly
def test_compiled_code_is_kept_in_the_chosen_cache_folder(tmp_path: Path) -> None:
    code = (
        "import torch; from gist import ops; ops.prepare()\n"
        "from gist.ops import cpu\n"
        "print(sum(cpu.kernel().filter_planes.stats.cache_hits.values()))"
    )
    assert _in_a_new_process(code, NUMBA_CACHE_DIR=str(tmp_path)) == "0"
    assert list(tmp_path.rglob("*.nbi"))
    assert _in_a_new_process(code, NUMBA_CACHE_DIR=str(tmp_path)) == "1"


GLIBC = sys.platform.startswith("linux") and "glibc" in os.confstr("CS_GNU_LIBC_VERSION")  # type: ignore[operator]


def test_the_memory_allocator_is_tuned_where_the_c_library_is_glibc() -> None:
    assert ops.tune_memory_allocator() == GLIBC


@pytest.mark.skipif(not GLIBC, reason="only glibc gives each thread memory of its own")
def test_threads_take_from_one_memory_where_networks_are_alias_free(tmp_path: Path) -> None:
    def memories(one_arena: bool) -> int:
        told = tmp_path / f"memories-{one_arena}.xml"
        code = (
            "import ctypes, threading, torch\nfrom gist import ops\n"
            f"ops.tune_memory_allocator(one_arena={one_arena})\n"
            "thread = threading.Thread(target=lambda: torch.ones(10**6))\nthread.start(), thread.join()\n"
            "C = ctypes.CDLL('libc.so.6')\nC.fopen.restype = ctypes.c_void_p\n"
            f"file = ctypes.c_void_p(C.fopen({str(told)!r}.encode(), b'w'))\n"
            "C.malloc_info(0, file), C.fclose(file)"
        )
        _in_a_new_process(code)
        return told.read_text().count("<heap nr=")

    assert memories(one_arena=True) == 1 < memories(one_arena=False)


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_the_fast_path_is_chosen_where_the_first_use_is_generation(mode: str) -> None:
    code = (
        f"import torch; from gist import ops\nwith torch.{mode}():\n"
        "    ops.upfirdn2d(torch.ones(1, 1, 4, 4), torch.ones(2)); print(ops.active_backend('cpu'))"
    )
    assert _in_a_new_process(code).startswith("cpu: ")
