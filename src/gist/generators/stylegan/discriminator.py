"""Residual discriminator with projection conditioning (Karras 2020, StyleGAN2 and ADA)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gist.generators.gan.discriminator import Discriminator
from gist.generators.gan.layers import Conv2d, FullyConnected
from gist.generators.gan.mapping import MappingNetwork, adopt_embedding
from gist.generators.gan.spec import NetworkSpec
from gist.generators.stylegan.bands import HaarBands
from gist.images.colour import LUMA


class ResidualDiscriminator(Discriminator):
    """The discriminator of StyleGAN2 and StyleGAN3, which sees pixels, or with `d_detail` Haar bands of half the size.

    The first `freeze_layers` layers, counted from the image in the order fromrgb, then per block conv0,
    conv1, skip, keep their weights (Mo 2020, freeze-D).
    """

    inner_dtype: torch.dtype = torch.float32
    """In which the four highest resolutions compute; the head and the logits stay float32."""

    def __init__(self, spec: NetworkSpec, freeze_layers: int = 0) -> None:
        super().__init__(spec)
        self.bands = HaarBands(spec.channels, spec.d_detail) if spec.d_detail else None
        self.seen_resolution = spec.resolution // 2 if self.bands else spec.resolution
        widths = {
            2**power: min(spec.d_channel_base // 2**power, spec.d_channel_max)
            for power in range(2, self.seen_resolution.bit_length())
        }
        clamp = spec.d_conv_clamp
        seen_channels = spec.channels * (4 if self.bands else 1)
        self.fromrgb = Conv2d(
            seen_channels, widths[self.seen_resolution], 1, clamp=clamp, frozen=freeze_layers > 0
        )
        self.sizes = [size for size in sorted(widths, reverse=True) if size > 4]
        self.blocks = nn.ModuleList(
            ResidualBlock(widths[size], widths[size // 2], clamp, freeze_layers - 1 - 3 * index)
            for index, size in enumerate(self.sizes)
        )
        self.mapping: MappingNetwork | None = None
        if spec.classes > 0:
            self.mapping = MappingNetwork(
                z_dim=0, c_dim=spec.classes, w_dim=widths[4], num_ws=0, layers=spec.d_mapping_layers
            )
        self.head = Head(widths[4], spec.mbstd_group, clamp, features=widths[4] if spec.classes else 1)

    def features(self, image_NCHW: Tensor) -> Tensor:
        """Features [N, C, 4, 4]."""
        image_NCHW = super().features(image_NCHW)
        x_NCHW: Tensor = self.fromrgb(self.bands(image_NCHW) if self.bands else image_NCHW)
        for block, size in zip(self.blocks, self.sizes, strict=True):
            lowered = size * 2**4 > self.seen_resolution
            x_NCHW = block(x_NCHW.to(self.inner_dtype if lowered else torch.float32))
        return x_NCHW.to(torch.float32)

    def judge(self, features_NCHW: Tensor, c_NK: Tensor | None = None) -> Tensor:
        """Logits [N, 1] of images of these features."""
        features_NF: Tensor = self.head(features_NCHW)
        if self.mapping is None:
            return features_NF
        # Projection of the features on the class embedding (Miyato 2018, equation 3).
        class_NF = self.mapping(None, c_NK)
        logits_N1: Tensor = (features_NF * class_NF).sum(dim=1, keepdim=True)
        return logits_N1 / math.sqrt(features_NF.shape[1])

    def gradient_seen(self, gradient_NCHW: Tensor) -> Tensor:
        """Of details as of brightness: a step that D sees `d_detail` times as large may change the logit as little.

        By pixels the penalty would weigh d_detail squared times as much on details, and keep D from using them.
        """
        return self.bands.gradient(gradient_NCHW) if self.bands else gradient_NCHW

    def adopt(self, source: Discriminator, class_origins: Sequence[int]) -> list[str]:
        """Classes and colours of another one: where mathematics allows it, the first logits are the old ones."""
        assert isinstance(source, ResidualDiscriminator)
        return self._adopt_classes(source, class_origins) + self._adopt_colours(source)

    def _adopt_classes(self, source: ResidualDiscriminator, origins: Sequence[int]) -> list[str]:
        if source.head.fc.bias.shape != self.head.fc.bias.shape:
            return []
        if source.mapping and self.mapping:
            assert source.mapping.embed
            assert self.mapping.embed
            changed = adopt_embedding(self.mapping.embed, source.mapping.embed, origins)
            return ["mapping.embed.weight"] if changed else []
        if source.c_dim == self.c_dim:
            return []
        old, new = source.head.out, self.head.out
        if self.mapping:
            assert self.mapping.embed
            # All classes start as one direction m, along which the output is the old logit.
            self.mapping.embed.weight.zero_()
            self.mapping.embed.bias.normal_()
            m_F = self.mapping(None, torch.zeros(1, self.c_dim))[0]
            direction_F = m_F * (math.sqrt(len(m_F)) / m_F.square().sum())
            new.weight.copy_(direction_F[:, None] * old.weight)
            new.bias.copy_(direction_F * old.bias)
        else:
            assert source.mapping is not None
            mean_F = source.mapping(None, torch.eye(source.c_dim)).mean(dim=0)
            direction_F = mean_F / math.sqrt(len(mean_F))
            new.weight.copy_(direction_F[None] @ old.weight)
            new.bias.copy_((direction_F @ old.bias)[None])
        return ["head.out.weight", "head.out.bias"]

    def _adopt_colours(self, source: ResidualDiscriminator) -> list[str]:
        """A grey image counts as one with three equal colours, an RGB image as its luma."""
        old, new = source.fromrgb.weight, self.fromrgb.weight
        if source.img_channels == self.img_channels or old.shape[0] != new.shape[0]:
            return []
        scale = source.fromrgb.weight_gain / self.fromrgb.weight_gain
        of_colour = (
            old.reshape(len(old), source.img_channels, -1, 1, 1) * scale
        )  # pixels, or a colour's four bands
        if self.img_channels == 1:
            new.copy_(of_colour.sum(dim=1))
        else:
            new.copy_((of_colour * torch.tensor(LUMA).reshape(1, 3, 1, 1, 1)).flatten(1, 2))
        return ["fromrgb.weight"]


class ResidualBlock(nn.Module):
    """Two convolutions and a linear skip, both halving the size (Karras 2020, figure 7c).

    `frozen` is how many of conv0, conv1, skip are frozen.
    """

    def __init__(self, inputs: int, outputs: int, clamp: float | None, frozen: int) -> None:
        super().__init__()
        self.conv0 = Conv2d(inputs, inputs, 3, clamp=clamp, frozen=frozen > 0)
        self.conv1 = Conv2d(inputs, outputs, 3, down=2, clamp=clamp, frozen=frozen > 1)
        self.skip = Conv2d(inputs, outputs, 1, down=2, bias=False, activation="linear", frozen=frozen > 2)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        # sqrt(1/2) on both branches keeps the variance of their sum.
        skip_NCHW: Tensor = self.skip(x_NCHW, gain=math.sqrt(0.5))
        residual_NCHW: Tensor = self.conv1(self.conv0(x_NCHW), gain=math.sqrt(0.5))
        return residual_NCHW + skip_NCHW


class Head(nn.Module):
    """4x4 features to `features` numbers per image, with minibatch standard deviation."""

    def __init__(self, channels: int, group: int, clamp: float | None, features: int) -> None:
        super().__init__()
        self.group = group
        self.conv = Conv2d(channels + 1, channels, 3, clamp=clamp)
        self.fc = FullyConnected(channels * 16, channels, activation="lrelu")
        self.out = FullyConnected(channels, features)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        x_NCHW = torch.cat([x_NCHW, minibatch_std(x_NCHW, self.group)], dim=1)
        x_NCHW = self.conv(x_NCHW)
        features_NF: Tensor = self.out(self.fc(x_NCHW.flatten(1)))
        return features_NF


def minibatch_std(x_NCHW: Tensor, group: int) -> Tensor:
    """Mean standard deviation over groups of images, as one channel [N, 1, H, W] (Karras 2018, section 3).

    Image i shares its group with i + N/group, i + 2N/group, ...; where `group` does not divide N, the
    largest smaller number that does is used.
    """
    count, _, height, width = x_NCHW.shape
    group = next(size for size in range(min(group, count), 0, -1) if count % size == 0)
    y_GMCHW = x_NCHW.reshape(group, -1, *x_NCHW.shape[1:])
    variance_MCHW = (y_GMCHW - y_GMCHW.mean(dim=0)).square().mean(dim=0)
    std_M = (variance_MCHW + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return std_M.repeat(group).reshape(count, 1, 1, 1).expand(-1, 1, height, width)
