"""DCGAN (Radford et al. 2015), the simple baseline."""

from gist.generators.family import Paper
from gist.generators.gan.family import GanFamily

FAMILIES = (
    GanFamily(
        name="dcgan",
        title="DCGAN",
        summary="simple baseline",
        networks="gist.generators.dcgan.networks:NETWORKS",
        mapping_layers=1,  # ours, so that classes and truncation work as elsewhere
        generator_lr=0.0002,
        discriminator_lr=0.0002,
        largest_resolution=256,
        without=frozenset({"discriminator_detail", "class_fade_kimg"}),
        papers=(
            Paper(
                "Radford A, Metz L, Chintala S. Unsupervised Representation Learning with Deep Convolutional "
                "Generative Adversarial Networks. ICLR 2016.",
                "10.48550/arXiv.1511.06434",
            ),
        ),
    ),
)
