"""A GPU that is listed but does not compute is told in words and never starts a training that dies."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch

from gist.config import build_config
from gist.errors import InputError
from gist.machine.device import choose_device

NO_GPU = not torch.cuda.is_available()


def _config(folder: str, device: str) -> dict[str, object]:
    return {"folder": folder, "device": device, "threads": 1}


@pytest.fixture(autouse=True)
def _threads_stay() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _old_driver() -> bool:
    warnings.warn(
        "CUDA initialization: The NVIDIA driver on your system is too old. Update it.", stacklevel=1
    )
    return False


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this PyTorch was built without CUDA")
def test_a_driver_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", _old_driver)
    device = choose_device(build_config(_config(str(tmp_path), "auto")))
    assert device.torch_device.type == "cpu"
    assert "driver on your system is too old" in device.reason
    with pytest.raises(InputError, match=r"cuda is asked for.*driver on your system is too old"):
        choose_device(build_config(_config(str(tmp_path), "cuda")))


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this PyTorch was built without CUDA")
@pytest.mark.skipif(not NO_GPU, reason="there is a GPU that computes")
def test_a_gpu_that_refuses_to_compute_is_left_alone_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    device = choose_device(build_config(_config(str(tmp_path), "auto")))
    assert device.torch_device.type == "cpu"
    assert "the GPU that was found does not compute" in device.reason
    with pytest.raises(InputError, match="does not compute"):
        choose_device(build_config(_config(str(tmp_path), "cuda")))
