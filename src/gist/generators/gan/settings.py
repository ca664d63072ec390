"""What adversarial generators add to the settings of training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gist.stages.promise import Auto, Fraction, Section


class GanSettings(Section):
    """Networks, losses and augmentation."""

    gamma: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Weight of the R1 penalty on the discriminator's gradient at real images."""
    generator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the generator. auto: as published for the architecture."""
    discriminator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the discriminator. auto: as published for the architecture."""
    channel_base: Auto | Annotated[int, Field(ge=256)] = "auto"
    """Network capacity: channels at a resolution are channel_base / resolution, up to channel_max."""
    channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the generator."""
    discriminator_channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the discriminator."""
    discriminator_detail: Auto | Annotated[float, Field(ge=0, le=64)] = Field(
        "auto", json_schema_extra={"before": 0.0}
    )
    """The discriminator sees Haar bands of half the size, fine detail enlarged by this; 0: it sees pixels."""
    z_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the latent vector z."""
    w_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the intermediate latent vector w."""
    mapping_layers: Auto | Annotated[int, Field(ge=1, le=16)] = "auto"
    """Layers of the mapping network. auto: as published for the architecture."""
    ema_kimg: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Half-life of the averaged generator G_ema in thousands of images. auto: batch * 10 / 32."""
    generator_waits_kimg: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Thousands of images for which only the discriminator learns. auto: 1 where a start has no discriminator."""
    class_fade_kimg: Auto | Annotated[float, Field(ge=0)] = Field("auto", json_schema_extra={"before": 0.0})
    """Thousands of images over which classes fade in, so that none collapses; 0: they are told apart from the start."""
    early_blur: Auto | bool = "auto"
    """Blur what the discriminator sees at first, less and less over 6250 batches. auto: where the architecture needs it
    and starts from scratch."""
    augment: Literal["radiograph", "colour", "bgc", "none"] = "radiograph"
    """Adaptive discriminator augmentation: radiograph never mirrors, inverts or turns by 90 degrees; colour: the same,
    and changes hue and saturation."""
    augment_target: Fraction = 0.6
    """Share of positive discriminator outputs on real images that the augmentation strength is steered to."""
    augment_p_max: Fraction = 0.85
    """Upper bound of the augmentation probability, against leaking augmentations into the images."""
    freeze_discriminator_layers: Annotated[int, Field(ge=0, le=20)] = 0
    """Highest-resolution layers of the discriminator kept fixed in transfer learning (Freeze-D)."""
    checkpointing: bool = Field(False, json_schema_extra={"restarts": False})
    """Compute the generator's inner values again instead of keeping them: a third to half the memory, third slower."""
