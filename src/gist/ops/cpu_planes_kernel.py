"""Loops over whole planes (one channel of one sample), compiled by numba; import it only when it is needed."""

from gist.ops.cpu_vectors import compile_loop


def _scale_backward(grad_PK, x_PK, scale_P, grad_x_PK, grad_scale_P, first, last):  # type: ignore[no-untyped-def]
    """Both gradients of x * scale in one pass."""
    for plane in range(first, last):
        scale, total = scale_P[plane], scale_P.dtype.type(0)
        for k in range(x_PK.shape[1]):
            total += grad_PK[plane, k] * x_PK[plane, k]
        for k in range(x_PK.shape[1]):
            grad_x_PK[plane, k] = grad_PK[plane, k] * scale
        grad_scale_P[plane] = total


def _activate(x_PK, bias_C, out_PK, gain, negative_gain, clamp, first, last):  # type: ignore[no-untyped-def]
    """Bias, leaky ReLU, gain and clamp; what is not a number stays so."""
    for plane in range(first, last):
        bias = bias_C[plane % len(bias_C)]
        for k in range(x_PK.shape[1]):
            value = x_PK[plane, k] + bias
            value *= gain if value > 0 else negative_gain
            limited = clamp if value > clamp else value
            out_PK[plane, k] = -clamp if value < -clamp else limited


def _activate_backward(  # type: ignore[no-untyped-def]
    grad_PK, out_PK, grad_x_PK, sums_P, gain, negative_gain, clamp, first, last
):
    """Gradient with respect to x, and its sum over each plane; slopes are read off the result."""
    nothing = sums_P.dtype.type(0)
    for plane in range(first, last):
        total = nothing
        for k in range(out_PK.shape[1]):
            value = out_PK[plane, k]
            slope = gain if value > 0 else negative_gain
            grad_x_PK[plane, k] = grad_PK[plane, k] * (slope if abs(value) < clamp else nothing)
        for k in range(out_PK.shape[1]):
            total += grad_x_PK[plane, k]
        sums_P[plane] = total


def _activate_noisy(  # type: ignore[no-untyped-def]
    x_PK, scale_P, noise_SK, bias_C, out_PK, gain, negative_gain, clamp, first, last
):
    """Scale, noise, bias, leaky ReLU, gain and clamp."""
    channels = len(bias_C)
    for plane in range(first, last):
        scale, bias = scale_P[plane], bias_C[plane % channels]
        sample = plane // channels % len(noise_SK)
        for k in range(x_PK.shape[1]):
            value = x_PK[plane, k] * scale + noise_SK[sample, k] + bias
            value *= gain if value > 0 else negative_gain
            limited = clamp if value > clamp else value
            out_PK[plane, k] = -clamp if value < -clamp else limited


def _activate_noisy_backward(  # type: ignore[no-untyped-def]
    grad_PK, x_PK, scale_P, out_PK, grad_x_PK, grad_scale_P, grad_noise_NK, sums_P,
    gain, negative_gain, clamp, first, last,
):  # fmt: skip
    """The gradients of samples first to last, with the sums of what passes the activation over each plane."""
    nothing = scale_P.dtype.type(0)
    channels = len(scale_P) // len(grad_noise_NK)
    for sample in range(first, last):
        grad_noise_NK[sample] = nothing
        for plane in range(sample * channels, (sample + 1) * channels):
            scale, total, total_scale = scale_P[plane], nothing, nothing
            for k in range(out_PK.shape[1]):
                value = out_PK[plane, k]
                slope = gain if value > 0 else negative_gain
                grad_x_PK[plane, k] = grad_PK[plane, k] * (slope if abs(value) < clamp else nothing)
            for k in range(out_PK.shape[1]):
                total += grad_x_PK[plane, k]
                total_scale += grad_x_PK[plane, k] * x_PK[plane, k]
            for k in range(out_PK.shape[1]):
                grad_noise_NK[sample, k] += grad_x_PK[plane, k]
                grad_x_PK[plane, k] *= scale
            sums_P[plane], grad_scale_P[plane] = total, total_scale


# Sums may be taken in any order, which lets them use vectors. Loops that sum write nothing: where one also writes, the
# compiled code decides by addresses whether to use vectors, and the order of the sum would be left to chance.
scale_backward = compile_loop(_scale_backward, fastmath={"reassoc", "contract"})
activate = compile_loop(_activate)
activate_backward = compile_loop(_activate_backward, fastmath={"reassoc", "contract"})
activate_noisy = compile_loop(_activate_noisy, fastmath={"contract"})
activate_noisy_backward = compile_loop(_activate_noisy_backward, fastmath={"reassoc", "contract"})
