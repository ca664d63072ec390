"""What a training step asks of a GPU, seen on a pretended device: one wait per step, no mixed devices, same numbers.

The device is made for a whole process, so one of its own takes the steps; it runs this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from gist.generators.learning.precision import apply_precision

ARCHITECTURES = ("stylegan3-t", "stylegan3-r", "stylegan2", "dcgan")


@pytest.fixture(scope="module")
def steps() -> dict[str, Any]:
    completed = subprocess.run(
        [sys.executable, __file__], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=300
    )
    assert completed.returncode == 0, completed.stderr[-2000:]
    found: dict[str, Any] = json.loads(completed.stdout)
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_step_waits_for_the_device_once_to_read_its_results(
    steps: dict[str, Any], architecture: str
) -> None:
    for waits in steps[architecture]["waits"]:
        assert len(waits) == 1, waits
        assert waits[0].startswith("aten._to_copy")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_operation_mixes_tensors_of_the_device_and_the_host(
    steps: dict[str, Any], architecture: str
) -> None:
    assert steps[architecture]["mixed"] == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_first_step_reads_as_on_the_cpu(steps: dict[str, Any], architecture: str) -> None:
    there, here = steps[architecture]["there"], steps[architecture]["here"]
    assert there == pytest.approx(here, rel=1e-4, abs=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_real_gpu_takes_the_first_step_of_the_cpu(architecture: str) -> None:
    from small_trainer import small_trainer

    here = small_trainer(architecture, batch=8).step()
    there = small_trainer(architecture, batch=8, device="cuda")
    apply_precision("float32", there.state.G, there.state.D)
    with _NoiseOfTheHost():
        assert there.step() == pytest.approx(here, rel=1e-3, abs=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_real_gpu_is_waited_for_once_a_step(architecture: str) -> None:
    from small_trainer import small_trainer

    from gist.generators.gan.state import R1_INTERVAL

    trainer = small_trainer(architecture, batch=8, micro_batch=4, device="cuda")
    apply_precision("bfloat16", trainer.state.G, trainer.state.D)
    trainer.step()  # compiles
    trainer.step()
    for number in (R1_INTERVAL, R1_INTERVAL + 1):
        trainer.state.images = number * 8
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                trainer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        waits = [str(warning.message) for warning in told if "synchroniz" in str(warning.message)]
        assert len(waits) == 1, waits


class _NoiseOfTheHost(TorchFunctionMode):
    """Draws on the CPU what is drawn on a GPU, whose generator gives other numbers for the same seed."""

    def __init__(self) -> None:
        super().__init__()
        self._generators: dict[torch.Generator, torch.Generator] = {}

    def __torch_function__(
        self, function: Any, _types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        generator = kwargs.get("generator")
        if generator is None or generator.device.type == "cpu":
            return function(*args, **kwargs)
        if generator not in self._generators:
            self._generators[generator] = torch.Generator().manual_seed(generator.initial_seed())
        drawn = function(*args, **kwargs | {"generator": self._generators[generator], "device": "cpu"})
        return drawn.to(generator.device)


def _steps(architecture: str, accelerator: Any, device: torch.device) -> dict[str, Any]:
    """The first step regularises all it can, the second nothing."""
    from small_trainer import small_trainer

    here = small_trainer(architecture, batch=8, micro_batch=4).step()
    with accelerator:
        trainer = small_trainer(architecture, batch=8, micro_batch=4, device=device)
        readings, waits = [], []
        for _ in range(2):
            accelerator.waits.clear()
            readings.append(trainer.step())
            waits.append(list(accelerator.waits))
    mixed, accelerator.mixed = accelerator.mixed, []
    return {"there": readings[0], "here": here, "waits": waits, "mixed": mixed}


def _main() -> None:
    from pretended_accelerator import DEVICE, Accelerator

    from gist import ops

    torch.set_num_threads(1)
    ops.set_backend("reference")
    accelerator = Accelerator()
    print(json.dumps({name: _steps(name, accelerator, DEVICE) for name in ARCHITECTURES}))


if __name__ == "__main__":
    _main()
