"""StyleGAN2 synthesis network with skip connections to the image (Karras 2020, figures 2 and 7b)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gist import ops
from gist.errors import InputError
from gist.generators.gan.generator import NoiseMode, Synthesis
from gist.generators.gan.layers import FullyConnected, binomial_filter, blurred
from gist.generators.gan.networks import Networks
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.discriminator import ResidualDiscriminator


class NoisyLayer(nn.Module):
    """Modulated 3x3 convolution, optionally doubling the size, with noise, bias and leaky ReLU."""

    blur: Tensor
    noise_const: Tensor

    def __init__(self, spec: NetworkSpec, inputs: int, outputs: int, size: int, *, up: int) -> None:
        super().__init__()
        self.size = size
        self.up = up
        self.clamp = spec.conv_clamp
        self.affine = FullyConnected(spec.w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(size, size))
        self.register_buffer("blur", binomial_filter(), persistent=False)

    def forward(self, x_NCHW: Tensor, w_NW: Tensor, noise_mode: NoiseMode) -> Tensor:
        """Features [N, outputs, size, size]."""
        weight_OIkk: Tensor = self.weight
        styles_NI = self.affine(w_NW)
        if x_NCHW.dtype == torch.float16:
            weight_OIkk, styles_NI = ops.of_unit_power(weight_OIkk, styles_NI)
        # Modulation scales the input and demodulation the output, so one weight serves the whole batch.
        x_NCHW = ops.scaled(x_NCHW, styles_NI, ops.layout_for_convolution(x_NCHW))
        weight = weight_OIkk.to(x_NCHW.dtype)
        if self.up == 2:
            y_NCHW = nn.functional.conv_transpose2d(x_NCHW, weight.transpose(0, 1), stride=2)
            y_NCHW = blurred(y_NCHW, self.blur, padding=1, gain=4.0)  # removes the images of the spectrum
        else:
            y_NCHW = ops.conv2d(x_NCHW, weight, padding=1)
        demodulation_NO = ops.demodulation(weight_OIkk, styles_NI)
        noise_S1HW = self._noise(y_NCHW, noise_mode)
        if noise_S1HW is None:
            y_NCHW, bias = ops.scaled(y_NCHW, demodulation_NO), self.bias.to(y_NCHW.dtype)
            return ops.bias_act(y_NCHW, bias, activation="lrelu", clamp=self.clamp)
        return ops.noisy_act(y_NCHW, demodulation_NO, noise_S1HW, self.bias, clamp=self.clamp)

    def _noise(self, y_NCHW: Tensor, noise_mode: NoiseMode) -> Tensor | None:
        """One plane for each image of `y_NCHW`, or one for all."""
        if noise_mode == "none":
            return None
        if callable(noise_mode):
            noise_S1HW = noise_mode(self.size)
        elif noise_mode == "const":
            noise_S1HW = self.noise_const[None, None]
        else:
            noise_S1HW = torch.randn(
                y_NCHW.shape[0], 1, self.size, self.size, device=y_NCHW.device, dtype=y_NCHW.dtype
            )
        return noise_S1HW * self.noise_strength


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to the image's channels, without demodulation."""

    def __init__(self, spec: NetworkSpec, inputs: int) -> None:
        super().__init__()
        self.clamp = spec.conv_clamp
        self.affine = FullyConnected(spec.w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(spec.channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(spec.channels))
        self.weight_gain = 1.0 / math.sqrt(inputs)

    def forward(self, x_NCHW: Tensor, w_NW: Tensor) -> Tensor:
        styles_NI = self.affine(w_NW) * self.weight_gain
        y_NCHW = ops.modulated_conv2d(x_NCHW, self.weight, styles_NI, demodulate=False)
        return ops.bias_act(
            y_NCHW, self.bias.to(y_NCHW.dtype), dim=1, activation="linear", gain=1.0, clamp=self.clamp
        )


class SynthesisBlock(nn.Module):
    """The layers of one resolution; the image so far is upsampled and this block's ToRGB added."""

    blur: Tensor

    def __init__(self, spec: NetworkSpec, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.lowered = size * 2**4 > spec.resolution
        self.const: nn.Parameter | None = None
        self.conv0: NoisyLayer | None = None
        if inputs == 0:
            self.const = nn.Parameter(torch.randn(outputs, size, size))
        else:
            self.conv0 = NoisyLayer(spec, inputs, outputs, size, up=2)
        self.conv1 = NoisyLayer(spec, outputs, outputs, size, up=1)
        self.torgb = ToRGB(spec, outputs)
        self.register_buffer("blur", binomial_filter(), persistent=False)

    def forward(
        self,
        x_NCHW: Tensor | None,
        image_NCHW: Tensor | None,
        w_N: list[Tensor],
        noise_mode: NoiseMode,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        """Features and image; one w per convolution, then one for ToRGB; convolutions compute in `dtype`."""
        if x_NCHW is None or self.conv0 is None:
            assert self.const is not None
            x_NCHW = self.const.to(dtype).expand(w_N[0].shape[0], -1, -1, -1)
        else:
            x_NCHW = self.conv0(x_NCHW.to(dtype), w_N[0], noise_mode)
        x_NCHW = self.conv1(x_NCHW, w_N[-2], noise_mode)
        rgb_NCHW: Tensor = self.torgb(x_NCHW.to(torch.float32), w_N[-1])
        if image_NCHW is not None:
            upsampled_NCHW = ops.upfirdn2d(image_NCHW, self.blur, up=2, padding=(2, 1, 2, 1), gain=4.0)
            rgb_NCHW = upsampled_NCHW + rgb_NCHW
        assert x_NCHW is not None
        return x_NCHW, rgb_NCHW


class StyleGAN2Synthesis(Synthesis):
    """Learned 4x4 constant, then one block per doubling of the size."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        sizes = [2**power for power in range(2, spec.resolution.bit_length())]
        widths = [min(spec.channel_base // size, spec.channel_max) for size in sizes]
        self.blocks = nn.ModuleList(
            SynthesisBlock(spec, inputs, outputs, size)
            for inputs, outputs, size in zip([0, *widths], widths, sizes, strict=False)
        )
        self.num_ws = 2 * len(sizes)
        self.to_rgb = tuple(f"blocks.{index}.torgb" for index in range(len(sizes)))

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        """Images [N, channels, resolution, resolution]; only the mapping network keeps an average."""
        del update_emas, magnitudes
        if not callable(noise_mode) and noise_mode not in ("const", "random", "none"):
            raise InputError(f"noise_mode must be const, random or none, not '{noise_mode}'.")
        w_N = list(ws_NLW.to(torch.float32).unbind(dim=1))
        x_NCHW: Tensor | None = None
        image_NCHW: Tensor | None = None
        for index, block in enumerate(self.blocks):
            # The w of a block's ToRGB is also the w of the next block's first convolution.
            block_w = w_N[max(2 * index - 1, 0) : 2 * index + 2]
            dtype = self.inner_dtype if block.lowered else torch.float32
            x_NCHW, image_NCHW = block(x_NCHW, image_NCHW, block_w, noise_mode, dtype)
        assert image_NCHW is not None
        return image_NCHW


NETWORKS = Networks(StyleGAN2Synthesis, ResidualDiscriminator)
