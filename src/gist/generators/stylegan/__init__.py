"""StyleGAN2 and StyleGAN3, written from Karras et al. 2018 to 2021."""

from __future__ import annotations

from gist.generators.family import Paper
from gist.generators.gan.family import GanFamily
from gist.generators.learning.plan import Fingerprint

_ALIAS_FREE = Paper(
    "Karras T, Aittala M, Laine S, et al. Alias-Free Generative Adversarial Networks. NeurIPS 2021.",
    "10.48550/arXiv.2106.12423",
)
_STYLEGAN2 = Paper(
    "Karras T, Laine S, Aittala M, et al. Analyzing and Improving the Image Quality of StyleGAN. CVPR 2020.",
    "10.48550/arXiv.1912.04958",
)
_ADA = Paper(
    "Karras T, Aittala M, Hellsten J, et al. Training Generative Adversarial Networks with Limited Data. "
    "NeurIPS 2020.",
    "10.48550/arXiv.2006.06676",
)
_OFFICIAL = {".pkl": "gist.generators.stylegan.official.state:official_start"}


def _for_alias_free(data: Fingerprint) -> str | None:
    if data.on_gpu:
        return "radiographs are upright, so stylegan3-r would cost more and gain nothing"
    return None


def _for_stylegan2(_: Fingerprint) -> str | None:
    return "on a CPU it learns in half the time that an alias-free generator takes"


FAMILIES = (
    GanFamily(
        name="stylegan3-t",
        title="StyleGAN3-T",
        summary="translation-equivariant",
        networks="gist.generators.stylegan.stylegan3:NETWORKS",
        mapping_layers=2,
        generator_lr=0.0025,
        discriminator_lr=0.002,
        alias_free=True,
        chosen_for=_for_alias_free,
        papers=(_ALIAS_FREE, _STYLEGAN2, _ADA),
        readers=_OFFICIAL,
    ),
    GanFamily(
        name="stylegan3-r",
        title="StyleGAN3-R",
        summary="rotation too",
        networks="gist.generators.stylegan.stylegan3:NETWORKS",
        mapping_layers=2,
        generator_lr=0.0025,
        discriminator_lr=0.002,
        generator_widening=2,  # Karras et al. 2021, 3.3
        conv_kernel=1,
        alias_free=True,
        radial_filters=True,
        blurs_early=True,
        papers=(_ALIAS_FREE, _STYLEGAN2, _ADA),
        readers=_OFFICIAL,
    ),
    GanFamily(
        name="stylegan2",
        title="StyleGAN2",
        summary="quickest",
        networks="gist.generators.stylegan.stylegan2:NETWORKS",
        mapping_layers=8,
        generator_lr=0.0025,
        discriminator_lr=0.0025,
        gamma_per_pixel=0.0002,
        channel_max_on_cpu=64,
        regularises_path_length=True,
        chosen_for=_for_stylegan2,
        papers=(_STYLEGAN2, _ADA),
        readers=_OFFICIAL,
    ),
)
