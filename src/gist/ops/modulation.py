"""Modulated convolution (Karras et al. 2020, section 2.2) by scaling activations or weights."""

import torch

from gist.ops.convolution import conv2d
from gist.ops.planes import layout_for_convolution, scaled


def modulated_conv2d(
    x_NCHW: torch.Tensor,
    weight_OIkk: torch.Tensor,
    styles_NI: torch.Tensor,
    *,
    demodulate: bool = True,
    padding: int = 0,
    input_gain: torch.Tensor | float | None = None,
    pre_normalize: bool = True,
) -> torch.Tensor:
    """Convolve each sample with the shared weight scaled by that sample's styles; differentiable twice.

    Scaling the input channels before and the output channels after one shared convolution equals a weight
    per sample (equation 1) exactly, and demodulation (equation 3) needs only styles^2 @ sum(weight^2)^T.
    1x1 convolutions take the weight per sample where it is small beside the image.

    `input_gain`: factor on the input after demodulation, a scalar or a tensor that broadcasts to [N, I]
    (StyleGAN3, appendix B: 1 / root of the tracked mean square). `pre_normalize` brings each output
    channel's weight and each sample's styles to unit root mean square first, which keeps half precision in
    range and changes the result only through the 1e-8 of demodulation; it applies with `demodulate` only.
    A sample's result does not depend on the others in its batch.
    """
    if demodulate and pre_normalize:
        weight_OIkk, styles_NI = of_unit_power(weight_OIkk, styles_NI)
    scale_NI = styles_NI if input_gain is None else styles_NI * input_gain
    demodulation_NO = demodulation(weight_OIkk, styles_NI) if demodulate else None
    if padding == 0 and _weights_are_small(x_NCHW, weight_OIkk):
        weight_NOI = weight_OIkk[:, :, 0, 0] * scale_NI[:, None]
        if demodulation_NO is not None:
            weight_NOI = weight_NOI * demodulation_NO[:, :, None]
        x_NOK = torch.bmm(weight_NOI.to(x_NCHW.dtype), x_NCHW.flatten(2))
        return x_NOK.view(*x_NOK.shape[:2], *x_NCHW.shape[2:])
    x = scaled(x_NCHW, scale_NI, layout_for_convolution(x_NCHW))
    x = conv2d(x, weight_OIkk.to(x.dtype), padding=padding)
    return x if demodulation_NO is None else scaled(x, demodulation_NO)


def of_unit_power(weight_OIkk: torch.Tensor, styles_NI: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each output channel's weight and each sample's styles brought to unit root mean square."""
    return (
        weight_OIkk * weight_OIkk.square().mean([1, 2, 3], keepdim=True).rsqrt(),
        styles_NI * styles_NI.square().mean(1, keepdim=True).rsqrt(),
    )


def demodulation(weight_OIkk: torch.Tensor, styles_NI: torch.Tensor) -> torch.Tensor:
    """Factors [N, O] that bring a modulated convolution's outputs back to unit variance (equation 3)."""
    power_OI = weight_OIkk.square().sum([2, 3])
    return (styles_NI.square() @ power_OI.T + 1e-8).rsqrt()


def _weights_are_small(x_NCHW: torch.Tensor, weight_OIkk: torch.Tensor) -> bool:
    """Whether scaling a 1x1 weight for each sample passes over much less memory than scaling its image."""
    outputs, inputs, *kernel = weight_OIkk.shape
    pixels = x_NCHW.shape[2] * x_NCHW.shape[3]
    return kernel == [1, 1] and 4 * inputs * outputs < pixels * (inputs + outputs)
