"""Equalised-learning-rate building blocks (Karras 2018, section 4.1) shared by all networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from gist import ops

Activation = Literal["linear", "lrelu"]


class FullyConnected(nn.Module):
    """Linear layer with weights of unit variance, scaled at run time by 1 / sqrt(inputs).

    `lr_multiplier` scales the effective learning rate of weight and bias without changing the function
    at initialisation. Input [N, inputs], output [N, outputs].
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: Activation = "linear",
        lr_multiplier: float = 1.0,
        weight_init: float = 1.0,
        bias_init: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * (weight_init / lr_multiplier))
        bias = torch.as_tensor(bias_init, dtype=torch.float32).expand(outputs) / lr_multiplier
        self.bias = nn.Parameter(bias.clone())
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier

    def forward(self, x_NI: Tensor) -> Tensor:
        weight_IO, bias_O = self.weight.to(x_NI.dtype).t(), self.bias.to(x_NI.dtype)
        y_NO = torch.addmm(bias_O, x_NI, weight_IO, beta=self.bias_gain, alpha=self.weight_gain)
        return y_NO if self.activation == "linear" else ops.bias_act(y_NO, activation=self.activation)


class Conv2d(nn.Module):
    """Convolution, bias and activation, optionally after blurring and followed by halving the size.

    A frozen layer keeps its tensors as buffers under the same names, so that neither an optimiser nor
    `requires_grad_` reaches them.
    """

    weight: Tensor
    bias: Tensor | None
    blur: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        down: int = 1,
        bias: bool = True,
        activation: Activation = "lrelu",
        clamp: float | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.down = down
        self.activation: Activation = activation
        self.clamp = clamp
        weight = torch.randn(outputs, inputs, kernel, kernel)
        if frozen:
            self.register_buffer("weight", weight)
            self.register_buffer("bias", torch.zeros(outputs) if bias else None)
        else:
            self.weight = nn.Parameter(weight)
            self.register_parameter("bias", nn.Parameter(torch.zeros(outputs)) if bias else None)
        self.register_buffer("blur", binomial_filter(), persistent=False)
        self.weight_gain = 1.0 / math.sqrt(inputs * kernel * kernel)

    def forward(self, x_NCHW: Tensor, gain: float = 1.0) -> Tensor:
        """Output scaled by `gain`, the clamp likewise."""
        if self.down == 1:
            padding, stride = self.kernel // 2, 1
        elif self.kernel == 1:
            # Only every second blurred value is needed, so the blur itself can skip the others.
            x_NCHW, padding, stride = blurred(x_NCHW, self.blur, padding=1, stride=2), 0, 1
        else:
            x_NCHW, padding, stride = blurred(x_NCHW, self.blur, padding=2, stride=1), 0, 2
        # Leaky ReLU commutes with positive factors: its gain costs nothing inside the weight.
        act_gain = gain * (math.sqrt(2.0) if self.activation == "lrelu" else 1.0)
        weight = (self.weight * (self.weight_gain * act_gain)).to(x_NCHW.dtype)
        bias = None if self.bias is None else (self.bias * act_gain).to(x_NCHW.dtype)
        return ops.activated_conv2d(
            x_NCHW,
            weight,
            bias,
            stride=stride,
            padding=padding,
            slope=0.2 if self.activation == "lrelu" else 1.0,
            clamp=None if self.clamp is None else self.clamp * gain,
        )


def blurred(x_NCHW: Tensor, taps: Tensor, *, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
    """Low-pass with separable `taps`, keeping every `stride`-th sample."""
    return ops.upfirdn2d(x_NCHW, taps, down=stride, padding=(padding,) * 4, gain=gain)


def binomial_filter() -> Tensor:
    """The [1, 3, 3, 1] low-pass filter of Karras et al. 2020 with sum 1, separable (1-D)."""
    return torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0


def normalize_second_moment(x_NI: Tensor) -> Tensor:
    """x scaled to mean square 1 over its last axis."""
    return x_NI * (x_NI.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt()


class AveragedInput(nn.Module):
    """A layer that keeps a running average of its input's magnitude, which moves once per step of training."""

    def move_magnitude(self, magnitude: Tensor) -> None:
        """Moves the average by that of a batch []."""
        raise NotImplementedError
