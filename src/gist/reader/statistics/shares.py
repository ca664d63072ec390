"""Is a share of right answers chance, and is it as good as chance? Exact tests of the binomial distribution."""

from __future__ import annotations

from scipy.stats import binomtest

CHANCE = 0.5
LEVEL = 0.05
"""Of every test: p-values below count as shown."""


def difference_p(right: int, n: int) -> float:
    """Two-sided exact binomial p-value of `right` of n answers against chance (Clopper and Pearson 1934)."""
    return float(binomtest(right, n, CHANCE).pvalue)


def equivalence_p(right: int, n: int, margin: float) -> float:
    """p-value of two one-sided exact tests that the share lies outside chance ± margin (Schuirmann 1987).

    Below .05 the share is shown to lie within; the error is at most that for any n.
    """
    above = binomtest(right, n, CHANCE - margin, alternative="greater").pvalue
    below = binomtest(right, n, CHANCE + margin, alternative="less").pvalue
    return float(max(above, below))


def interval_90(right: int, n: int) -> tuple[float, float]:
    """90 % Clopper-Pearson interval, which lies within chance ± margin exactly where `equivalence_p` is below .05."""
    interval = binomtest(right, n).proportion_ci(0.9, "exact")
    return float(interval.low), float(interval.high)
