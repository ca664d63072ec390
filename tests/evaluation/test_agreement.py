"""Our numbers beside those of torch-fidelity, torchmetrics and prdc, where these are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_images import textured
from numpy.typing import NDArray
from random_weights import write_inception

from gist.errors import InputError
from gist.evaluation.inception_score import inception_score
from gist.metrics.extractors import extractor_named
from gist.metrics.extractors.fidelity import Inception
from gist.metrics.frechet import frechet_distance
from gist.metrics.kid import kernel_distance, subset_kernel_distance
from gist.metrics.manifold import manifold

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def features() -> tuple[Array, Array]:
    """Two samples with the steep spectrum and the positive values of network features."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(96, 96)))
    spread = 1 / np.sqrt(np.arange(1, 97))
    x = np.abs((rng.normal(size=(400, 96)) * spread) @ turn)
    y = np.abs((rng.normal(size=(400, 96)) * spread) @ turn + 0.05)
    return x, y


@pytest.fixture(scope="module")
def torch_fidelity() -> Any:
    return pytest.importorskip("torch_fidelity", reason="the package torch-fidelity is not installed")


@pytest.mark.usefixtures("torch_fidelity")
def test_frechet_and_kid_agree_with_torch_fidelity(features: tuple[Array, Array]) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = (torch.from_numpy(side) for side in features)
    fid = fid_statistics_to_metric(
        fid_features_to_statistics(x), fid_features_to_statistics(y), verbose=False
    )["frechet_inception_distance"]
    assert frechet_distance(*features) == pytest.approx(fid, rel=1e-5)
    whole = kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=400, verbose=False)
    assert kernel_distance(*features).value == pytest.approx(
        whole["kernel_inception_distance_mean"], rel=1e-5
    )
    subsets = kid_features_to_metric(x, y, kid_subsets=20, kid_subset_size=100, verbose=False)
    mean, std = subset_kernel_distance(*features, subsets=20, size=100)
    assert mean == pytest.approx(subsets["kernel_inception_distance_mean"], rel=1e-5)
    assert std == pytest.approx(subsets["kernel_inception_distance_std"], rel=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_frechet_and_kid_agree_with_torchmetrics(features: tuple[Array, Array]) -> None:
    pytest.importorskip("torchmetrics", reason="the package torchmetrics is not installed")
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import poly_mmd

    class AsTheyAre(torch.nn.Module):
        num_features = 96

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    fid = FrechetInceptionDistance(feature=AsTheyAre()).set_dtype(torch.float64)
    x, y = (torch.from_numpy(side) for side in features)
    fid.update(x, real=True)
    fid.update(y, real=False)
    assert frechet_distance(*features) == pytest.approx(float(fid.compute()), rel=1e-5)
    assert kernel_distance(*features).value == pytest.approx(float(poly_mmd(x, y)), rel=1e-5)


@pytest.mark.usefixtures("torch_fidelity")
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_agree_with_torch_fidelity_and_prdc(
    features: tuple[Array, Array], k: int
) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, synthetic = features
    closed = manifold(real, synthetic, k, closed_balls=True)
    theirs = prc_features_to_metric(
        torch.from_numpy(synthetic), torch.from_numpy(real), prc_neighborhood=k, verbose=False
    )
    # They average in float32.
    assert closed.precision == pytest.approx(theirs["precision"], abs=1e-7)
    assert closed.recall == pytest.approx(theirs["recall"], abs=1e-7)
    prdc = pytest.importorskip("prdc", reason="the package prdc is not installed")
    opened = manifold(real, synthetic, k)
    for name, value in prdc.compute_prdc(real, synthetic, nearest_k=k).items():
        assert getattr(opened, name) == pytest.approx(value, abs=1e-12)


def test_the_two_conventions_differ_at_the_rim_only() -> None:
    real = np.array([[0.0], [1.0], [2.0], [3.0]])
    synthetic = np.array([[4.0], [5.0], [6.0], [7.0]])
    assert manifold(real, synthetic, 1).precision == 0.0
    assert manifold(real, synthetic, 1, closed_balls=True).precision == 0.25


@pytest.mark.usefixtures("torch_fidelity")
def test_the_inception_score_agrees_with_torch_fidelity() -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = np.random.default_rng(0).normal(size=(250, 30)) * 3
    theirs = isc_features_to_metric(torch.from_numpy(logits))
    mean, std = inception_score(logits)
    assert mean == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    assert std == pytest.approx(theirs["inception_score_std"], rel=1e-9)
    assert inception_score(np.zeros((20, 5)))[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match="at least 10 images"):
        inception_score(logits[:9])


class Pictures(torch.utils.data.Dataset[torch.Tensor]):
    """Grey images as torch-fidelity takes them: uint8, three channels."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self.images = torch.from_numpy(images)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index].expand(3, -1, -1).contiguous()


@pytest.mark.filterwarnings("ignore")
def test_images_to_fid_agrees_with_torch_fidelity_on_one_file_of_weights(
    folder: Path, torch_fidelity: Any
) -> None:
    file = write_inception(folder / "random.pth")
    first, second = textured(10, 0), textured(10, 1, smoothing=2.0)
    extractor = extractor_named("inception", 32, weights=file)
    assert isinstance(extractor, Inception)
    ours = [extractor.features(side.astype(np.float32) / 255) for side in (first, second)]
    theirs = torch_fidelity.calculate_metrics(
        input1=Pictures(first),
        input2=Pictures(second),
        fid=True,
        isc=True,
        isc_splits=2,
        cuda=False,
        cache=False,
        verbose=False,
        batch_size=10,
        feature_extractor_weights_path=str(file),
        save_cpu_ram=True,
    )
    assert frechet_distance(*ours) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-3)
    logits = extractor.class_scores(ours[0])
    assert inception_score(logits, splits=2)[0] == pytest.approx(theirs["inception_score_mean"], rel=1e-3)
    assert "inception-" in extractor.identity
    assert "resize=tf1-bilinear-299" in extractor.identity
