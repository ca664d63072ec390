"""Inception score: are the images of clear and varied kinds, in the eyes of a classifier of everyday objects?

Given for completeness. Radiographs are none of the classifier's 1008 kinds, so read it against that of real images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from gist.errors import InputError
from gist.metrics.extractors import Extractor
from gist.metrics.features import FeatureSet
from gist.stages.evaluate import Score

SPLITS = 10
_ORDER = 2020  # torch-fidelity's seed, so that both cut the images into the same splits


def inception_score(logits_NK: NDArray[np.float64], splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over splits of exp(mean KL(p(class | image) || p(class))) (Salimans 2016).

    Raises:
        InputError: fewer images than splits.
    """
    n = len(logits_NK)
    if n < splits:
        raise InputError(f"The inception score needs at least {splits} images and got {n}; add images.")
    log_p = log_softmax(logits_NK[np.random.RandomState(_ORDER).permutation(n)], axis=1)
    scores = []
    for split in range(splits):
        part = log_p[split * n // splits : (split + 1) * n // splits]
        p = np.exp(part)
        scores.append(float(np.exp((p * (part - np.log(p.mean(axis=0)))).sum(axis=1).mean())))
    return float(np.mean(scores)), float(np.std(scores))


def inception_score_of(extractor: Extractor, synthetic: FeatureSet, real: FeatureSet) -> list[Score]:
    """The score of the synthetic images beside that of real ones; nothing without FID's Inception network."""
    from gist.metrics.extractors.fidelity import Inception

    n = min(len(synthetic), len(real))
    if not isinstance(extractor, Inception) or n < SPLITS:
        return []
    # Evenly spaced, as archives are sorted by class.
    some, some_real = (np.linspace(0, len(side) - 1, n).astype(np.int64) for side in (synthetic, real))
    mean, std = inception_score(extractor.class_scores(synthetic.features[some]))
    baseline, _ = inception_score(extractor.class_scores(real.features[some_real]))
    reach = 1.96 * std / SPLITS**0.5
    suffix = "" if extractor.name == "inception" else f"[{extractor.name}]"
    return [
        Score(
            name=f"inception score{suffix}",
            group="overall",
            value=mean,
            low=mean - reach,
            high=mean + reach,
            baseline=baseline,
            n_real=n,
            n_synthetic=n,
            fingerprint=f"{extractor.identity} n={n} splits={SPLITS} classes=1008",
            better="higher",
            meaning=(
                "How clear and varied the images are to a classifier of everyday objects, from 1 upwards; real "
                f"images reach {baseline:.3g}. It says little about radiographs and is given for completeness."
            ),
            verdict="unknown",
        )
    ]
