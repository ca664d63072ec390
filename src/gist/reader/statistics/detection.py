"""Signal detection: how far apart the two kinds of images look to a reader, and to which side the reader leans."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.stats import norm


@dataclass(frozen=True)
class Detection:
    """In standard deviations of the equal-variance normal model (Green and Swets 1966)."""

    d_prime: float
    low: float
    high: float
    """95 % interval of d' (Gourevitch and Galanter 1967)."""
    criterion: float
    """Above zero: leans to the answer that is not the signal."""


def detection(hits: int, signals: int, false_alarms: int, noises: int, *, choices: int = 1) -> Detection:
    """d' and criterion with the log-linear correction: a half added to each count, one to each total (Hautus 1995).

    It keeps both finite where a reader is right in all or in none. `choices` is 2 where two images are compared,
    which makes the task easier by the square root of 2 (Macmillan and Creelman 2005).
    """
    hit, false = (hits + 0.5) / (signals + 1), (false_alarms + 0.5) / (noises + 1)
    z_hit, z_false = float(norm.ppf(hit)), float(norm.ppf(false))
    scale = sqrt(choices)
    variance = sum(
        share * (1 - share) / (n * norm.pdf(z) ** 2)
        for share, n, z in ((hit, signals, z_hit), (false, noises, z_false))
    )
    d_prime, reach = (z_hit - z_false) / scale, 1.959964 * sqrt(variance) / scale
    return Detection(d_prime, d_prime - reach, d_prime + reach, -(z_hit + z_false) / 2)
