"""Alias-safe affine resampling of image batches, differentiable as often as wanted.

As in Karras et al. 2020 (Training GANs with Limited Data, appendix B) an image is low-pass interpolated to
twice its size, sampled bilinearly under the inverse transform, and low-pass filtered back to its own size.

Departures from the paper:
- the filter has 12 taps like the paper's sym6 but is symmetric, so that content is not displaced, with a
  lower stop band (-31 dB from 0.75 of the doubled grid's Nyquist frequency against -26 dB);
- reflection is at the pixel edge, at the image's border for the filter and by folding positions for the samples,
  so the doubled image needs no surroundings and no shift is too large.
"""

import torch
from torch import Tensor

from gist import ops

# Half of a symmetric near-orthonormal low-pass: minimises stop-band energy above 0.75 pi plus 100 times the
# squared deviation of its even autocorrelation lags from (1, 0, 0, ...). With its mirror sums to sqrt(2).
_HALF_FILTER = (-0.0059109, 0.02761848, -0.00430646, -0.12124697, 0.12668886, 0.6842637711865476)
_FILTER = torch.tensor((*_HALF_FILTER, *reversed(_HALF_FILTER)), dtype=torch.float64)
_SURROUNDINGS = len(_HALF_FILTER) // 2
"""Pixels beyond each edge that the interpolating filter reaches."""
_MARGIN = len(_HALF_FILTER) - 1
"""Samples of the doubled grid beyond each edge that the low-pass on the way back reaches."""


def affine_resample(x_NCHW: Tensor, inverse_N23: Tensor) -> Tensor:
    """Images under affine maps: output at position q (pixels, origin at the image centre, x then y) is the
    input at `inverse @ (q, 1)`, low-pass filtered, reflected beyond the edges.

    `x_NCHW` float32 or float64, three pixels or more each way; `inverse_N23` float64, no gradient flows to it. Any
    number of derivatives with respect to the images. Karras et al. 2020, appendix B.
    """
    height, width = x_NCHW.shape[2:]
    surrounded = _reflected(_reflected(x_NCHW, 2), 3)
    fine = ops.upfirdn2d(surrounded, _FILTER * 2**0.5, up=2, padding=(0, -1, 0, -1))
    doubled = _on_doubled_grid(inverse_N23, height, width)
    sampled = ops.affine_sample(fine, doubled, 2 * (height + _MARGIN), 2 * (width + _MARGIN))
    return ops.upfirdn2d(sampled, _FILTER / 2**0.5, down=2)


def _reflected(x_NCHW: Tensor, axis: int) -> Tensor:
    """With as many pixels more at both ends as the filter reaches, the image continued by its mirror image."""
    size = x_NCHW.shape[axis]
    first = x_NCHW.narrow(axis, 0, _SURROUNDINGS).flip(axis)
    last = x_NCHW.narrow(axis, size - _SURROUNDINGS, _SURROUNDINGS).flip(axis)
    return torch.cat([first, x_NCHW, last], axis)


def _on_doubled_grid(inverse_N23: Tensor, height: int, width: int) -> Tensor:
    """The maps in samples of the doubled grid from the upper left corner, columns and rows counted from its margin."""
    linear_N22, shift_N2 = inverse_N23[:, :, :2], inverse_N23[:, :, 2]
    centre = inverse_N23.new_tensor([width, height])
    first = 0.5 - _MARGIN - centre
    start_N2 = linear_N22 @ first + 2 * shift_N2 + centre
    return torch.cat([linear_N22, start_N2[:, :, None]], 2)
