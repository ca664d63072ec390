"""One step: micro-batches, precision, numbers that are not finite, memory that runs out."""

from __future__ import annotations

import ctypes
import os
import resource
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
from small_trainer import distance, small_trainer

from gist import ops
from gist.generators.gan.learner import GanLearner
from gist.generators.learning.guards import NotFiniteError
from gist.generators.learning.precision import apply_precision
from gist.machine.memory import ran_out_of_memory

_MMAP_THRESHOLD = -3  # of mallopt(3)


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan2"])
def test_micro_batches_change_the_first_step_by_rounding_only(architecture: str) -> None:
    whole = small_trainer(architecture, batch=16)
    parts = small_trainer(architecture, batch=16, micro_batch=4)
    first, other = whole.step(), parts.step()
    assert first == pytest.approx(other, rel=1e-3, abs=1e-5)
    assert distance(whole.state.tensors(), parts.state.tensors()) < 1e-3
    averages = [name for name in whole.state.tensors() if name.endswith(("w_avg", "magnitude_ema"))]
    assert averages
    for name in averages:
        torch.testing.assert_close(
            whole.state.tensors()[name], parts.state.tensors()[name], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan3-r", "stylegan2", "dcgan"])
def test_threads_change_the_first_step_of_every_architecture_by_rounding_only(architecture: str) -> None:
    before = torch.get_num_threads()
    steps = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            steps.append(small_trainer(architecture, batch=8).step())
        finally:
            torch.set_num_threads(before)
    assert steps[1] == pytest.approx(steps[0], rel=1e-3, abs=1e-5)


def test_averages_of_activations_move_once_a_step_towards_the_batch_mean() -> None:
    trainer = small_trainer("stylegan3-t", batch=8, micro_batch=4)
    layer = trainer.state.G.synthesis.get_submodule("layers.0")
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    before = trainer.state.G.mapping.w_avg.clone()
    trainer.step()
    handle.remove()
    in_G_step = torch.cat(seen)[:8]
    beta = float(layer.magnitude_beta)  # type: ignore[arg-type]
    expected = beta * 1 + (1 - beta) * float(in_G_step.square().mean())
    assert float(layer.magnitude_ema) == pytest.approx(expected, rel=1e-5)  # type: ignore[arg-type]
    assert not torch.equal(before, trainer.state.G.mapping.w_avg)


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan2"])
def test_bfloat16_inside_gives_nearly_the_same_step_and_keeps_float32_outside(architecture: str) -> None:
    full, low = (small_trainer(architecture, batch=4) for _ in range(2))
    apply_precision("bfloat16", low.state.G, low.state.D)
    inside: list[torch.dtype] = []
    modules = [m for m in low.state.D.modules() if isinstance(m, torch.nn.Module) and hasattr(m, "conv0")]
    handle = modules[0].register_forward_pre_hook(lambda _, inputs: inside.append(inputs[0].dtype))
    ours, theirs = low.step(), full.step()
    handle.remove()
    assert inside[0] == torch.bfloat16
    assert inside[-1] == torch.float32, "R1 is differentiated twice, in float32"
    for name in ("loss_G", "loss_D", "r1", "real_logit"):
        assert ours[name] == pytest.approx(theirs[name], rel=0.05, abs=0.02), name
    assert ours["loss_D"] != theirs["loss_D"]
    assert {value.dtype for value in low.state.tensors().values()} == {torch.float32}
    z, c = torch.randn(2, 32), torch.eye(3)[:2]
    assert low.state.G(z, c).dtype == low.state.D(torch.zeros(2, 1, 32, 32), c).dtype == torch.float32


def test_a_gradient_that_is_not_finite_is_found_in_its_network_and_layer() -> None:
    trainer = small_trainer("stylegan2", batch=4)
    trainer.step()
    with torch.no_grad():
        trainer.state.D.get_parameter("blocks.1.conv1.bias")[0] = torch.nan
    with pytest.raises(NotFiniteError, match=r"at 0\.00 kimg.*gradient of (G|D) at") as caught:
        trainer.step()
    assert "loss_G" in caught.value.where
    trainer = small_trainer("stylegan2", batch=4)
    weight = trainer.state.G.get_parameter("synthesis.blocks.0.conv1.noise_strength")
    weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(
        NotFiniteError, match=r"gradient of G at synthesis\.blocks\.0\.conv1\.noise_strength \(1 of"
    ):
        trainer.step()


def _step_with_little_memory(connection: Connection, batch: int, spare_bytes: int) -> None:
    # What is freed goes back to the system at once and oneDNN keeps nothing, so that the limit means what it says.
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "0"
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)
    torch.set_num_threads(1)
    ops.set_backend("reference")
    small_trainer("stylegan2", batch=batch, micro_batch=16).step()
    # Parts of 16 images found memory and will again; the whole batch needs more.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmPeak:")[1].split()[0]) * 1024
    notes: list[str] = []
    trainer = small_trainer("stylegan2", batch=batch, on_note=notes.append)
    resource.setrlimit(resource.RLIMIT_AS, (peak + spare_bytes,) * 2)
    numbers = trainer.step()
    connection.send((notes, trainer.state.micro_batch, numbers, trainer.state.G.mapping.w_avg.tolist()))


def test_memory_that_really_runs_out_halves_the_micro_batch_and_the_step_stays_the_same(
    processes: ForkServerContext,
) -> None:
    batch = 128
    here, there = processes.Pipe(duplex=False)
    child = processes.Process(target=_step_with_little_memory, args=(there, batch, 96 * 2**20))
    child.start()
    there.close()
    notes, micro_batch, numbers, w_avg = here.recv()
    child.join()
    assert child.exitcode == 0
    assert micro_batch < batch
    assert f"from {batch} to {batch // 2} images" in notes[0]
    untroubled = _reference_step(batch)
    assert numbers == pytest.approx(untroubled[0], rel=1e-3, abs=1e-5)
    assert w_avg == pytest.approx(untroubled[1].state.G.mapping.w_avg.tolist(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("message", "ran_out"),
    [
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", True),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", True),
        ("GET was unable to find an engine to execute this computation", True),
        ("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`", True),
        ("CUDA error: an illegal memory access was encountered", False),
        ("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", False),
    ],
)
def test_memory_that_a_library_of_cuda_cannot_have_is_told_from_other_errors(
    message: str, ran_out: bool
) -> None:
    assert ran_out_of_memory(RuntimeError(message)) == ran_out


def _reference_step(batch: int) -> tuple[dict[str, float], GanLearner]:
    trainer = small_trainer("stylegan2", batch=batch)
    return trainer.step(), trainer


@pytest.mark.parametrize("architecture", ["stylegan2", "stylegan3-t"])
def test_classes_fade_in_and_the_averaged_generator_always_tells_them_apart(architecture: str) -> None:
    trainer = small_trainer(architecture, batch=4)
    z, every = torch.randn(1, 32), torch.eye(3)

    def apart(images: int) -> tuple[float, float, float]:
        """How far classes lie apart for G, for D and for G_ema after a step at so many images."""
        trainer.state.images = images
        trainer.step()
        state = trainer.state
        with torch.no_grad():
            ws, averaged = (G.mapping(z.expand(3, -1), every)[:, 0] for G in (state.G, state.G_ema))
            features = state.D.features(torch.zeros(3, 1, 32, 32))
            logits = state.D.judge(features, every)
        spread = [float((x - x.mean(dim=0)).abs().max()) for x in (ws, logits, averaged)]
        return spread[0], spread[1], spread[2]

    assert max(apart(0)[:2]) < 1e-6
    half, whole, later = apart(4900), apart(7000), apart(70_000)
    assert 0 < half[0] < whole[0]
    assert half[1] > 0
    assert whole[0] == pytest.approx(whole[2], rel=0.2)
    assert later[0] == pytest.approx(later[2], rel=0.2)
    assert apart(0)[2] > 0.5 * whole[0]
