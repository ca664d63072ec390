"""Numbers drawn on the host, on their way to the device."""

import torch


def sent(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`x` on `device`, without waiting until that has done what it was given, as `x.to(device)` does on a GPU."""
    if x.device.type == "cpu" and device.type == "cuda":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)
