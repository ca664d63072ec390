"""The prepare stage: radiographs on disk to square, labelled archives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gist.numerals import counted
from gist.stages.promise import Auto, Promise, Result, StageSettings

RESOLUTIONS = (32, 64, 128, 256, 512, 1024)


class PrepareResult(Result):
    resolution: int
    class_names: tuple[str, ...]
    """In label order; empty where the images carry no labels."""
    train_archive: str
    test_archive: str | None
    """None where nothing is held out."""
    train_images: int
    test_images: int
    class_counts: dict[str, dict[str, int]]
    """Class name -> {"train": n, "test": n}, and "val" where there is such a part."""
    patients: int | None
    """Number of patients, None where no patient id is known (then the split is by image)."""
    rejected: dict[str, int]
    """Reason -> number of files set aside."""
    rejected_table: str
    """CSV of salted file id and reason."""
    val_archive: str | None = None
    """None where nothing is kept for choosing between settings."""
    val_images: int = 0
    source_digest: str
    """SHA-256 over the sorted SHA-256 of all accepted pictures, as they stand in the archives."""
    upsampled: int
    notes: tuple[str, ...]
    """Sentences worth the reader's attention, such as class imbalance or a missing patient id."""
    data_page: str | None = None
    """The data report; None in runs from before there was one."""
    loss: str | None = None
    """What of the source did not arrive and why, where it is more than a hundredth or a whole class."""
    text_search: Literal["none", "strokes", "words"] = "strokes"
    """How text in the pixels was looked for: by its strokes, or by reading words, too."""
    body_part: str | None = None
    """What all images show, as a code of DICOM such as KNEE; None where the files do not say, or not all the same."""
    channels: Literal[1, 3] = 1
    """1: grey; 3: colour."""
    kind: Literal["radiograph", "image"] = "radiograph"
    """What one of the images is called; image: in colour, or most files declare a modality other than radiography."""
    phantoms: bool | None = None
    """Whether gist drew the images itself; None in runs from before this was noted."""

    def in_one_line(self) -> str:
        classes = ", ".join(f"{name} {sum(parts.values())}" for name, parts in self.class_counts.items())
        aside = sum(self.rejected.values())
        return (
            f"{counted(self.train_images, 'image')} to learn from and {self.test_images:,} held out at "
            f"{self.resolution}x{self.resolution}"
            + (" in colour" if self.channels == 3 else "")
            + (f" ({classes})" if self.class_names else "")
            + (f", {counted(aside, 'file')} set aside" if aside else "")
        )


class PrepareConfig(StageSettings):
    """Radiographs on disk -> square, power-of-two, labelled archives."""

    promise: ClassVar[Promise] = Promise(
        work="gist.intake.stage:prepare",
        shard="gist.intake.preparation:prepare_shard",
        result=PrepareResult,
        files=("*.zip", "*.csv", "*.json"),
        takes=(
            "DICOM, PNG, JPEG, TIFF, BMP, WebP, NIfTI in folders or a zip; classes from sub-folders, a "
            "CSV or a DICOM attribute"
        ),
        gives=(
            "square archives, grey or in colour (the StyleGAN zip), split by patient, a data page; tags, names "
            "and file names stay behind; text burned into the pixels is searched for and flagged, "
            "and painted over or left out only on request (`--burned-in-text mask`, `reject`)"
        ),
        inputs="gist.intake.check:source_inputs",
        private_inputs={"source": "the source folder changed"},
        check="gist.intake.check:check_prepare",
        page="gist.intake.page:prepare_page",
        foretells="gist.intake.check:source_class_names",
        command=False,  # it takes the folder of radiographs, and makes the run folder
    )

    source: Path | None = Field(None, json_schema_extra={"private": "the source folder"})
    """Folder or zip archive with DICOM, PNG, TIFF, JPEG, BMP, WebP or NIfTI files, to any depth."""
    held_out: Path | None = Field(None, json_schema_extra={"private": "the folder of held-out images"})
    """Another one, of images to hold out; then nothing else is, and a relative path of `labels` means one in each."""
    labels: Path | None = Field(None, json_schema_extra={"private": "the label table", "inside": "source"})
    """CSV file of labels; a relative path is looked up in `source` first."""
    label_source: Literal["auto", "folders", "pattern", "table", "tag", "dataset.json", "none"] = "auto"
    """none: no classes. auto: from `label_tag`, `label_pattern`, `labels`, dataset.json or sub-folders."""
    label_tag: str | None = None
    """DICOM attribute whose value is the class, such as BodyPartExamined or ViewPosition."""
    label_pattern: str | None = None
    """Regular expression on the path below `source` that finds the class: its first group, or all that it fits."""
    file_column: str = "file"
    """Column of `labels` that holds each image's path relative to `source`, or the folder of several images."""
    label_column: str = "label"
    """Column of `labels` that holds the class."""
    patient_column: str | None = None
    """Column of `labels` that identifies the patient, so that one patient never crosses the split."""
    patient_pattern: str | None = None
    """Regular expression whose first group identifies the patient, in the file's name or else in its path."""
    split_column: str | None = None
    """Column of `labels` with a ready-made split: train, val or test."""
    parts: dict[str, Literal["train", "val", "test", "none"]] | None = None
    """Further names of parts in `split_column` and among folders: {fold1: test, spare: none}. none: left out."""
    side_column: str | None = None
    """Column of `labels` with the side of the body (L or R), for `flip_to_side`. Default: the laterality tag."""
    subgroup_columns: tuple[str, ...] = ()
    """Columns of `labels` with short categories (sex, age band, device, site), by which the audit is told apart."""
    classes: tuple[str, ...] | None = None
    """Classes to keep; others are left out. Default: all."""
    where: str | None = None
    """Images to keep, by columns of `labels` and DICOM attributes: body_part == "ELBOW" and view == "LATERAL"."""
    resolution: Auto | Literal[32, 64, 128, 256, 512, 1024] = "auto"
    """Side of the square images in pixels. auto: the largest that the images and this device carry."""
    fit: Literal["pad", "crop", "stretch"] = "pad"
    """How an oblong image becomes square: black borders, centre crop, or stretching."""
    colour: Literal["auto", "grey", "rgb"] = "auto"
    """auto: rgb where most of a few images are clearly coloured. rgb: profiles are applied, grey images become three
    equal colours."""
    bits: Literal[8, 16] = 8
    """Bits per pixel of the archives. Training works with either; 16, for grey, keeps what fine levels there are."""
    frame: Literal["first", "middle", "last"] | Annotated[int, Field(ge=1)] = "first"
    """Frame to take of files with several; a number counts from 1. Of a volume first takes the middle slice."""
    every: Annotated[int, Field(ge=1)] | None = None
    """Take every so-manieth frame or slice of files with several, instead of one; those of one file stay together."""
    plane: Literal["axial", "coronal", "sagittal"] = "axial"
    """Direction of the slices of NIfTI volumes; `frame` says which one, counted from the feet, the back or the left."""
    crop_borders: bool = False
    """Cut off black bars and collimation borders, also those that stand askew, before anything else."""
    mm_per_pixel: Annotated[float, Field(gt=0)] | None = None
    """Bring all images of known pixel spacing to this scale, padded or cropped around their centre."""
    flip_to_side: Literal["left", "right"] | None = None
    """Mirror images of the other side of the body, so that all look like this side."""
    window: Literal["auto", "tag", "percentile", "full", "bone", "lung", "soft-tissue", "brain"] = "auto"
    """Grey window of DICOM and 16-bit images. auto: the file's VOI LUT or window, else percentiles. From bone on: of CT
    in Hounsfield units; other files are set aside."""
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
    masks: Literal["keep", "remove"] = "keep"
    """Masks of a segmentation, by few greys and a name such as a_mask.png beside a.png. keep: kept and counted."""
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

    @field_validator("patient_pattern", "label_pattern")
    @classmethod
    def _has_a_group(cls, value: str | None, about: ValidationInfo) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"is not a regular expression ({error})") from None
            if groups != 1 and (groups or about.field_name == "patient_pattern"):
                raise ValueError("needs exactly one group in parentheses, such as '^([0-9]+)'")
        return value

    @model_validator(mode="after")
    def _columns_need_a_table(self) -> PrepareConfig:
        # A run folder keeps neither path, so only a source without a table is a contradiction.
        without_table = self.labels is None and self.source is not None
        for name in ("patient_column", "split_column", "side_column"):
            if getattr(self, name) is not None and without_table:
                raise ValueError(f"{name} names a column, so prepare.labels must name the CSV file")
        if self.subgroup_columns and without_table:
            raise ValueError("subgroup_columns names columns, so prepare.labels must name the CSV file")
        if self.label_source == "table" and without_table:
            raise ValueError("label_source is table, so prepare.labels must name the CSV file")
        for source, name in (("tag", "label_tag"), ("pattern", "label_pattern")):
            if self.label_source == source and getattr(self, name) is None:
                raise ValueError(f"label_source is {source}, so prepare.{name} must say which")
        if self.bits == 16 and self.colour == "rgb":
            raise ValueError("bits is 16, which only grey images keep; set bits=8 or colour=grey")
        if self.test_fraction + self.val_fraction >= 0.9:
            raise ValueError("test_fraction and val_fraction together leave too little for training")
        return self
