"""Alias-free synthesis networks, configurations T and R (Karras 2021)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gist import ops
from gist.generators.gan.generator import NoiseMode, Synthesis
from gist.generators.gan.layers import AveragedInput, FullyConnected
from gist.generators.gan.networks import Networks
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.discriminator import ResidualDiscriminator
from gist.generators.stylegan.filters import LayerPlan, design_lowpass, plan_layers


class FourierInput(nn.Module):
    """The spatially infinite input: sinusoids of random frequency and phase, mixed by a learned matrix.

    w chooses a rotation and translation (Karras 2021, appendix F); the 3x3 buffer `transform` lets the
    user add one of their own, as the inverse of the wanted image transform, in units of image sides
    (identity by default).
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, w_dim: int, plan: LayerPlan) -> None:
        super().__init__()
        self.plan = plan
        channels = plan.channels
        # A Gaussian spectrum squashed to a uniform disc of radius `cutoff`.
        freqs_C2 = torch.randn(channels, 2)
        squared_radius_C1 = freqs_C2.square().sum(dim=1, keepdim=True)
        freqs_C2 /= squared_radius_C1.sqrt() * (squared_radius_C1 / 4).exp()
        self.register_buffer("freqs", freqs_C2 * plan.cutoff)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = FullyConnected(w_dim, 4, weight_init=0.0, bias_init=[1.0, 0.0, 0.0, 0.0])

    def forward(self, w_NW: Tensor) -> Tensor:
        """Features [N, channels, size, size] for w [N, w_dim]."""
        matrix_N33 = self._learned_transform(w_NW) @ self.transform
        freqs_NC2 = self.freqs @ matrix_N33[:, :2, :2]
        phases_NC = self.phases + (self.freqs @ matrix_N33[:, :2, 2:]).squeeze(2)
        # Frequencies that the transform moved towards or beyond Nyquist fade out before they alias.
        room = self.plan.sampling_rate / 2 - self.plan.cutoff
        fade_NC = (1 - (freqs_NC2.norm(dim=2) - self.plan.cutoff) / room).clamp(0, 1)
        grid_S = self._grid()
        angle_NCyx = (
            freqs_NC2[:, :, 1, None, None] * grid_S[:, None]
            + freqs_NC2[:, :, 0, None, None] * grid_S[None, :]
            + phases_NC[:, :, None, None]
        )
        x_NCyx = torch.sin(angle_NCyx * (2 * math.pi)) * fade_NC[:, :, None, None]
        mixing = self.weight / math.sqrt(self.plan.channels)
        return nn.functional.conv2d(x_NCyx, mixing[:, :, None, None])

    def _grid(self) -> Tensor:
        """Sample positions along one side, in image sides from the image's centre."""
        size = self.plan.size
        index = torch.arange(size, device=self.freqs.device, dtype=self.freqs.dtype)
        return (index - (size - 1) / 2) / self.plan.sampling_rate

    def _learned_transform(self, w_NW: Tensor) -> Tensor:
        """Rotation by the unit vector (t0, t1) after translation by -(t2, t3), as [N, 3, 3]."""
        t_N4 = self.affine(w_NW)
        t_N4 = t_N4 / t_N4[:, :2].norm(dim=1, keepdim=True)
        cos, sin, x, y = t_N4.unbind(dim=1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1)
        translation = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1)
        return rotation.view(-1, 3, 3) @ translation.view(-1, 3, 3)


class AliasFreeLayer(AveragedInput):
    """Modulated convolution and a leaky ReLU that is low-pass filtered before and after.

    The ToRGB layer is the same without filters, demodulation and nonlinearity.
    """

    up_filter: Tensor | None
    down_filter: Tensor | None
    magnitude_ema: Tensor

    def __init__(self, spec: NetworkSpec, source: LayerPlan, target: LayerPlan, *, is_to_rgb: bool) -> None:
        super().__init__()
        self.is_to_rgb = is_to_rgb
        self.clamp = spec.conv_clamp
        self.magnitude_beta = spec.magnitude_ema_beta
        self.kernel = 1 if is_to_rgb else spec.conv_kernel
        self.affine = FullyConnected(spec.w_dim, source.channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(target.channels, source.channels, self.kernel, self.kernel))
        self.bias = nn.Parameter(torch.zeros(target.channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.to_rgb_gain = 1.0 / math.sqrt(source.channels * self.kernel**2)

        highest = max(source.sampling_rate, target.sampling_rate)
        inner_rate = highest * (1 if is_to_rgb else spec.lrelu_upsampling)
        self.up = inner_rate // source.sampling_rate
        self.down = inner_rate // target.sampling_rate
        up_taps = spec.filter_size * self.up if self.up > 1 and not is_to_rgb else 1
        down_taps = spec.filter_size * self.down if self.down > 1 and not is_to_rgb else 1
        up_filter = design_lowpass(
            taps=up_taps, cutoff=source.cutoff, width=source.half_width * 2, sampling_rate=inner_rate
        )
        down_filter = design_lowpass(
            taps=down_taps,
            cutoff=target.cutoff,
            width=target.half_width * 2,
            sampling_rate=inner_rate,
            radial=spec.family.radial_filters and not target.critically_sampled,
        )
        self.register_buffer("up_filter", up_filter)
        self.register_buffer("down_filter", down_filter)
        self.padding = self._padding(source.size, target.size, up_taps, down_taps)

    def _padding(self, source_size: int, target_size: int, up_taps: int, down_taps: int) -> ops.Padding:
        """Padding at the inner rate that turns the convolved input's size into the target's."""
        before_downsampling = (target_size - 1) * self.down + 1
        after_upsampling = (source_size + self.kernel - 1) * self.up
        total = before_downsampling - after_upsampling + up_taps + down_taps - 2
        # Half a zero-insertion step keeps the sample grid centred on the canvas.
        low = (total + self.up) // 2
        return (low, total - low, low, total - low)

    def magnitude_of(self, x_NCHW: Tensor) -> Tensor:
        """Mean square [] of an input."""
        # By planes: quicker than a mean of squares, which stores them, and one norm of all rounds coarsely.
        # A CPU rounds up first, 10 times as fast; a GPU while it reads.
        x = x_NCHW.detach() if x_NCHW.is_cuda else x_NCHW.detach().to(torch.float32)
        norms_NC = torch.linalg.vector_norm(x, dim=(2, 3), dtype=torch.float32)
        magnitude: Tensor = norms_NC.square().sum() / x_NCHW.numel()
        return magnitude

    def move_magnitude(self, magnitude: Tensor) -> None:
        """Moves the running mean square of the input by that of a batch."""
        self.magnitude_ema.copy_(magnitude.lerp(self.magnitude_ema, self.magnitude_beta))

    def forward(self, x_NCHW: Tensor, w_NW: Tensor) -> Tensor:
        """The next feature map, or the image for ToRGB."""
        styles_NI = self.affine(w_NW)
        if self.is_to_rgb:
            styles_NI = styles_NI * self.to_rgb_gain
        y_NCHW = ops.modulated_conv2d(
            x_NCHW,
            self.weight,
            styles_NI,
            demodulate=not self.is_to_rgb,
            padding=self.kernel - 1,
            input_gain=self.magnitude_ema.rsqrt(),
        )
        bias = self.bias.to(y_NCHW.dtype)
        if self.is_to_rgb:
            return ops.bias_act(y_NCHW, bias, dim=1, activation="linear", gain=1.0, clamp=self.clamp)
        return ops.filtered_lrelu(
            y_NCHW,
            self.up_filter,
            self.down_filter,
            bias,
            up=self.up,
            down=self.down,
            padding=self.padding,
            gain=math.sqrt(2.0),
            slope=0.2,
            clamp=self.clamp,
        )


class StyleGAN3Synthesis(Synthesis):
    """Fourier input, `spec.layers` alias-free layers and ToRGB; each takes its own w."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        plans = plan_layers(spec)
        self.output_scale = spec.output_scale
        self.input = FourierInput(spec.w_dim, plans[0])
        self.layers = nn.ModuleList(
            AliasFreeLayer(spec, source, target, is_to_rgb=index == spec.layers)
            for index, (source, target) in enumerate(pairwise([plans[0], *plans]))
        )
        self.num_ws = len(self.layers) + 1
        self.to_rgb = (f"layers.{spec.layers}",)
        # ToRGB, the last, stays in float32: it makes the image.
        self.lowered = [plan.sampling_rate * 2**4 > spec.resolution for plan in plans[: spec.layers]] + [
            False
        ]

    def forward(
        self,
        ws_NLW: Tensor,
        noise_mode: NoiseMode = "const",
        update_emas: bool = False,
        magnitudes: list[Tensor] | None = None,
    ) -> Tensor:
        """Images [N, channels, resolution, resolution]; there is no noise, `noise_mode` changes nothing."""
        del noise_mode
        w_N = ws_NLW.to(torch.float32).unbind(dim=1)
        x_NCHW = self.input(w_N[0])
        for layer, w_NW, lowered in zip(self.layers, w_N[1:], self.lowered, strict=True):
            x_NCHW = x_NCHW.to(self.inner_dtype if lowered else torch.float32)
            assert isinstance(layer, AliasFreeLayer)
            if update_emas or magnitudes is not None:
                magnitude = layer.magnitude_of(x_NCHW)
                if magnitudes is not None:
                    magnitudes.append(magnitude)
                if update_emas:
                    layer.move_magnitude(magnitude)
            if self.checkpointing and torch.is_grad_enabled():
                x_NCHW = checkpoint(layer, x_NCHW, w_NW, use_reentrant=False, preserve_rng_state=False)
            else:
                x_NCHW = layer(x_NCHW, w_NW)
        image_NCHW: Tensor = x_NCHW.to(torch.float32) * self.output_scale
        return image_NCHW


NETWORKS = Networks(StyleGAN3Synthesis, ResidualDiscriminator)
