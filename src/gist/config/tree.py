"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it.

A field's docstring is its only documentation. Two marks go with fields: `restarts=False`, a setting that may
change without throwing finished work away (the stage continues with the new value), and `private=True`, a path
of the user's disk that may hold names and so never enters the run folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Auto = Literal["auto"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
RESOLUTIONS = (32, 64, 128, 256, 512, 1024)


class Section(BaseModel):
    """A frozen group of settings in which unknown keys are errors; where text is asked for, 4 means "4"."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
        defer_build=True,  # the whole tree at its first use, not each branch again when imported
    )


class PrepareConfig(Section):
    """Radiographs on disk -> square, power-of-two, labelled archives."""

    source: Path | None = Field(None, json_schema_extra={"private": True})
    """Folder or zip archive with DICOM, PNG, TIFF, JPEG, BMP or WebP files, to any depth."""
    labels: Path | None = Field(None, json_schema_extra={"private": True})
    """CSV file of labels; relative paths are looked up in `source` first."""
    label_source: Literal["auto", "folders", "table", "tag", "dataset.json"] = "auto"
    """Where classes come from. auto: `label_tag`, else `labels`, else dataset.json in `source`, else sub-folders."""
    label_tag: str | None = None
    """DICOM attribute whose value is the class, such as BodyPartExamined or ViewPosition."""
    file_column: str = "file"
    """Column of `labels` that holds each image's path relative to `source`."""
    label_column: str = "label"
    """Column of `labels` that holds the class."""
    patient_column: str | None = None
    """Column of `labels` that identifies the patient, so that one patient never crosses the split."""
    patient_pattern: str | None = None
    """Regular expression on the file name whose first group identifies the patient."""
    split_column: str | None = None
    """Column of `labels` with a ready-made split: train, val or test."""
    side_column: str | None = None
    """Column of `labels` with the side of the body (L or R), for `flip_to_side`. Default: the laterality tag."""
    classes: tuple[str, ...] | None = None
    """Classes to keep; others are left out. Default: all."""
    where: str | None = None
    """Images to keep, by columns of `labels` and DICOM attributes: body_part == "ELBOW" and view == "LATERAL"."""
    resolution: Auto | Literal[32, 64, 128, 256, 512, 1024] = "auto"
    """Side of the square images in pixels. auto: the largest that the images and this device carry."""
    fit: Literal["pad", "crop", "stretch"] = "pad"
    """How an oblong image becomes square: black borders, centre crop, or stretching."""
    bits: Literal[8, 16] = 8
    """Bits per pixel of the archives. Training works with either; 16 keeps what fine grey levels there are."""
    frame: Literal["first", "middle", "last"] | Annotated[int, Field(ge=1)] = "first"
    """Frame to take of files with several; a number counts from 1."""
    crop_borders: bool = False
    """Cut off black bars and collimation borders, also those that stand askew, before anything else."""
    mm_per_pixel: Annotated[float, Field(gt=0)] | None = None
    """Bring all images of known pixel spacing to this scale, padded or cropped around their centre."""
    flip_to_side: Literal["left", "right"] | None = None
    """Mirror images of the other side of the body, so that all look like this side."""
    window: Literal["auto", "tag", "percentile", "full"] = "auto"
    """Grey window of DICOM and 16-bit images. auto: the file's VOI LUT or window, else percentiles."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Lower and upper percentile that become black and white where a percentile window is used."""
    test_fraction: Annotated[float, Field(ge=0.0, lt=0.9)] = 0.2
    """Share of patients held out for evaluation; the generator never sees them."""
    val_fraction: Annotated[float, Field(ge=0.0, lt=0.9)] = 0.0
    """Share of patients for choosing between settings; in neither training nor evaluation."""
    burned_in_text: Literal["flag", "mask", "reject", "ignore"] = "flag"
    """Images with text in their pixels. flag: kept and listed; mask: text painted over; ignore: no search."""
    burned_in_text_ocr: Literal["auto", "off"] = "auto"
    """auto: words are also read by the program tesseract, where it is installed; what it reads is not kept."""
    near_duplicates: Literal["list", "remove", "ignore"] = "list"
    """list: kept and listed within one part, never across parts; remove: one of each chain kept; ignore: no search."""
    allow_upsampling: bool = False
    """Accept images smaller than `resolution` by enlarging them (flagged in the report)."""
    max_pixels: Annotated[int, Field(gt=0)] = 64_000_000
    """Images with more pixels than this are set aside."""
    max_file_mebibytes: Annotated[int, Field(gt=0)] = 512
    """Files larger than this are set aside."""

    @field_validator("percentiles")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] < value[1] <= 100:
            raise ValueError("needs two percentiles in order between 0 and 100, such as [0.5, 99.5]")
        return value

    @field_validator("patient_pattern")
    @classmethod
    def _has_a_group(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"is not a regular expression ({error})") from None
            if groups != 1:
                raise ValueError("needs exactly one group in parentheses, such as '^([0-9]+)'")
        return value

    @model_validator(mode="after")
    def _columns_need_a_table(self) -> PrepareConfig:
        # A run folder keeps neither path, so only a source without a table is a contradiction.
        without_table = self.labels is None and self.source is not None
        for name in ("patient_column", "split_column", "side_column"):
            if getattr(self, name) is not None and without_table:
                raise ValueError(f"{name} names a column, so prepare.labels must name the CSV file")
        if self.label_source == "table" and without_table:
            raise ValueError("label_source is table, so prepare.labels must name the CSV file")
        if self.label_source == "tag" and self.label_tag is None:
            raise ValueError("label_source is tag, so prepare.label_tag must name the DICOM attribute")
        if self.test_fraction + self.val_fraction >= 0.9:
            raise ValueError("test_fraction and val_fraction together leave too little for training")
        return self


class TrainConfig(Section):
    """Training of the generator."""

    architecture: Auto | Literal["stylegan3-t", "stylegan3-r", "stylegan2", "dcgan"] = "auto"
    """stylegan3-t: translation-equivariant; stylegan3-r: rotation too; stylegan2: quickest; dcgan: simple baseline."""
    conditional: Auto | bool = "auto"
    """Learn one generator that draws any class on request. auto: yes with two classes or more."""
    start_from: str | None = None
    """Network to continue from: a network file, an official .pkl, or `phantom-knee-64`, which ships with gist."""
    kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """Training length in thousands of real images shown to the discriminator."""
    hours: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Stop after this many hours of training even if `kimg` is not reached."""
    batch: Auto | Annotated[int, Field(ge=2, le=4096)] = "auto"
    """Images per step."""
    micro_batch: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Images per forward pass; smaller needs less memory. Must divide `batch`."""
    gamma: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Weight of the R1 penalty on the discriminator's gradient at real images."""
    generator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the generator. auto: 0.0025, for dcgan 0.0002."""
    discriminator_lr: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Adam learning rate of the discriminator. auto: 0.002 for stylegan3, 0.0025 for stylegan2, 0.0002 for dcgan."""
    channel_base: Auto | Annotated[int, Field(ge=256)] = "auto"
    """Network capacity: channels at a resolution are channel_base / resolution, up to channel_max."""
    channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the generator."""
    discriminator_channel_max: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Largest number of channels of any layer of the discriminator."""
    z_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the latent vector z."""
    w_dim: Auto | Annotated[int, Field(ge=8, le=2048)] = "auto"
    """Length of the intermediate latent vector w."""
    mapping_layers: Auto | Annotated[int, Field(ge=1, le=16)] = "auto"
    """Layers of the mapping network. auto: 2 for stylegan3, 8 for stylegan2, 1 for dcgan."""
    ema_kimg: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Half-life of the averaged generator G_ema in thousands of images. auto: batch * 10 / 32."""
    generator_waits_kimg: Auto | Annotated[float, Field(ge=0)] = "auto"
    """Thousands of images for which only the discriminator learns. auto: 1 where a start has no discriminator."""
    early_blur: Auto | bool = "auto"
    """Blur what the discriminator sees at first, less and less over 6250 batches. auto: stylegan3-r from scratch."""
    augment: Literal["radiograph", "bgc", "none"] = "radiograph"
    """Adaptive discriminator augmentation: radiograph never mirrors, inverts or turns by 90 degrees."""
    augment_target: Fraction = 0.6
    """Share of positive discriminator outputs on real images that the augmentation strength is steered to."""
    augment_p_max: Fraction = 0.85
    """Upper bound of the augmentation probability, against leaking augmentations into the images."""
    allow_mirror: bool = False
    """Allow left-right mirroring; only sound where laterality does not matter."""
    freeze_discriminator_layers: Annotated[int, Field(ge=0, le=20)] = 0
    """Highest-resolution layers of the discriminator kept fixed in transfer learning (Freeze-D)."""
    snapshot_kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """A snapshot and a picture grid are written every so many thousand images."""
    best_by: Literal["auto", "kid", "none"] = Field("auto", json_schema_extra={"restarts": False})
    """How the best snapshot is told. kid: KID[radiomics] of 200 images to held-out ones. auto: kid if it is cheap."""
    patience_kimg: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Stop when no snapshot has been better than the best one for so many thousand images; needs `best_by`."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = Field(5.0, json_schema_extra={"restarts": False})
    """A resumable checkpoint is written at least this often."""
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        "auto", json_schema_extra={"restarts": False}
    )
    """Precision of the inner layers. auto: bfloat16 or float16 on a GPU, float32 on a CPU."""
    checkpointing: bool = Field(False, json_schema_extra={"restarts": False})
    """Compute the generator's inner values again instead of keeping them: a third to half the memory, third slower."""
    tensorboard: bool = Field(False, json_schema_extra={"restarts": False})
    """Also write TensorBoard events (needs `pip install gist-synth[tensorboard]`)."""

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> TrainConfig:
        if self.batch != "auto" and self.micro_batch != "auto" and self.batch % self.micro_batch:
            raise ValueError(f"micro_batch {self.micro_batch} does not divide batch {self.batch}")
        return self


class GenerateConfig(Section):
    """Synthetic images from a snapshot."""

    network: str = "latest"
    """`latest`, `best` (see `train.best_by`), the name of a snapshot in the run folder, or a network file."""
    count: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    """How many images, shared among the classes as in the training set unless `per_class` is given."""
    per_class: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """Images per class by class name, instead of `count`."""
    first_seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the first image; image i has seed first_seed + i and depends on nothing else."""
    truncation_psi: Annotated[float, Field(ge=-2, le=2)] = 1.0
    """1: full variety; below 1: closer to the average radiograph, fewer failures, less variety."""
    truncation_cutoff: Annotated[int, Field(ge=0)] | None = None
    """Number of layers that truncation applies to. Default: all."""
    reject_artifacts: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Replace pictures that look odder than all but this share of held-out real ones, such as 0.05. Default: keep."""


class EvaluateConfig(Section):
    """Real held-out images against synthetic ones."""

    extractor: Literal[
        "radiomics",
        "auto",
        "inception",
        "dinov2",
        "swav",
        "squeezenet",
        "resnet50",
        "resnet101",
        "inception_v3",
        "vgg16",
        "vgg19",
    ] = "radiomics"
    """Image features to compare. radiomics needs no weights; the others do (`gist weights`), and only inception gives
    FID; auto: the best whose weights are found, else radiomics."""
    weights: Path | None = Field(None, json_schema_extra={"private": True})
    """File with the extractor's weights. Default: looked for in $GIST_WEIGHTS_DIR and the user's cache."""
    literature: bool = False
    """Also fid50k_full, kid50k_full and pr50k3_full as papers report them: 50,000 new images, all training images."""
    max_images: Annotated[int, Field(ge=10)] = 5000
    """At most this many images of each side are compared."""
    neighbours: Annotated[int, Field(ge=1, le=50)] = 3
    """Neighbourhood size k of precision, recall, density and coverage."""
    permutations: Annotated[int, Field(ge=0, le=100_000)] = 500
    """Permutations behind the p-value of KID."""
    shown: Annotated[int, Field(ge=1, le=200)] = 24
    """Synthetic images shown with their nearest training image."""


class UtilityConfig(Section):
    """What a classifier learns from the synthetic images: GAN-train and GAN-test."""

    classifiers: tuple[Literal["small", "inception_v3", "resnet101", "vgg19"], ...] = Field(
        ("small",), json_schema_extra={"restarts": False}
    )
    """Networks to train: small is quick on a CPU, the others want a GPU. An empty list leaves the stage out."""
    seeds: Annotated[int, Field(ge=1, le=100)] = Field(5, json_schema_extra={"restarts": False})
    """Every arm is trained this often; with fewer than 5 no verdict is given."""
    steps: Auto | Annotated[int, Field(ge=1)] = Field("auto", json_schema_extra={"restarts": False})
    """Steps of every training, the same in all arms. auto: 250 for small, 1000 for the others."""
    max_per_class: Annotated[int, Field(ge=4)] = Field(500, json_schema_extra={"restarts": False})
    """At most this many images of a class are learned from, real and synthetic alike."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.9)] = Field(
        0.2, json_schema_extra={"restarts": False}
    )
    """Share of training patients by whose images each training chooses its best step, if prepare kept none for it."""
    pretrained: bool = Field(True, json_schema_extra={"restarts": False})
    """Start torchvision's networks from ImageNet weights where these are found (`gist weights`)."""
    weights_folder: Path | None = Field(None, json_schema_extra={"private": True})
    """Folder with torchvision's weight files. Default: $GIST_WEIGHTS_DIR and the user's cache."""


class ReportConfig(Section):
    """The page a clinician reads."""

    title: str | None = None
    """Heading of the report. Default: the run's name."""
    licence: str | None = None
    """Licence that the model card and the data card state. Default: a place for you to fill in."""
    samples_per_class: Annotated[int, Field(ge=1, le=64)] = 12
    """Images per class on the sheet of real beside synthetic."""


class Config(Section):
    """All settings of one run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "run"
    """Name of the run: letters, digits, dot, dash and underscore."""
    folder: Path | None = None
    """Run folder. Default: runs/<name>."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Every random choice of the run follows from this number."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks run. auto: CUDA where a usable GPU is found, else CPU."""
    operations: Literal["auto", "reference", "cpu", "triton"] = "auto"
    """Implementation of the networks' inner loops. auto: the fastest; reference: plain torch, for comparison."""
    threads: Auto | Annotated[int, Field(ge=1)] = "auto"
    """CPU threads. auto: as many as this process may use."""
    prepare: PrepareConfig = PrepareConfig()
    train: TrainConfig = TrainConfig()
    generate: GenerateConfig = GenerateConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    utility: UtilityConfig = UtilityConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _mirroring_fits_the_data(self) -> Config:
        if self.train.allow_mirror and self.prepare.flip_to_side is not None:
            raise ValueError(
                f"prepare.flip_to_side makes all images {self.prepare.flip_to_side} ones, and train.allow_mirror would "
                "show them as the other side; leave out one of the two"
            )
        return self

    @property
    def run_folder(self) -> Path:
        return self.folder if self.folder is not None else Path("runs") / self.name


def restarting_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change makes finished work stale, as plain JSON values."""
    left_out = marked(type(section), "restarts", False) | marked(type(section), "private", True)
    return {name: value for name, value in section.model_dump(mode="json").items() if name not in left_out}


def continued_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change continues finished work, as plain JSON values."""
    return section.model_dump(mode="json", include=marked(type(section), "restarts", False))


def unusual_settings(section: Section) -> dict[str, Any]:
    """The settings of a section that differ from their defaults and are kept with the run, as plain JSON values."""
    private = marked(type(section), "private", True)
    return section.model_dump(mode="json", exclude_defaults=True, exclude=private)


def is_setting(key: str) -> bool:
    """Whether there is a setting or a section of this dotted name."""
    model: Any = Config
    for name in key.split("."):
        fields = getattr(model, "model_fields", {})
        if name not in fields:
            return False
        model = fields[name].annotation
    return True


def marked(section: type[Section], mark: str, value: bool) -> set[str]:
    """Names of the settings that carry a mark with this value."""
    found = set()
    for name, field in section.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(mark) is value:
            found.add(name)
    return found
