"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it.

A stage is one line here; those that other packages add (`gist.addresses`) follow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from gist.addresses import added_by_packages
from gist.config.families import TrainConfig
from gist.config.inspection import InspectConfig
from gist.stages.evaluate import EvaluateConfig
from gist.stages.generate import GenerateConfig
from gist.stages.prepare import PrepareConfig
from gist.stages.privacy import PrivacyConfig
from gist.stages.promise import Auto, Section, private
from gist.stages.report import ReportConfig
from gist.stages.utility import UtilityConfig


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
    # Constructed, not validated: checking them here would build each branch's schema, and then the tree's once more.
    prepare: PrepareConfig = PrepareConfig.model_construct()
    train: TrainConfig = TrainConfig.model_construct()
    generate: GenerateConfig = GenerateConfig.model_construct()
    evaluate: EvaluateConfig = EvaluateConfig.model_construct()
    utility: UtilityConfig = UtilityConfig.model_construct()
    privacy: PrivacyConfig = PrivacyConfig.model_construct()
    report: ReportConfig = ReportConfig.model_construct()
    inspect: InspectConfig = InspectConfig.model_construct()

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

    def kept_path(self, path: Path) -> Path:
        """A path as the run folder keeps it: from that folder, so the same wherever gist is called."""
        try:
            # From where the folder really is: `..` after a link would lead elsewhere.
            place = path.expanduser().parent.resolve() / path.name
            return Path(os.path.relpath(place, self.run_folder.resolve()))
        except ValueError:  # on another drive
            return path.absolute()


if not TYPE_CHECKING:
    _added = {
        name: (settings, settings.model_construct())
        for name, settings in added_by_packages("gist.stages").items()
    }
    if _added:
        Config = create_model("Config", __base__=Config, __doc__=Config.__doc__, **_added)


def type_of(key: str) -> Any:
    """The type of the setting or section of this dotted name, None where there is none."""
    kind: Any = Config
    for name in key.split("."):
        fields = getattr(kind, "model_fields", {})
        if name not in fields:
            return None
        kind = fields[name].annotation
    return kind


def is_private(key: str) -> bool:
    """Whether the setting of this dotted name is a path of the user's disk that is told nowhere."""
    section, _, name = key.partition(".")
    kind = type_of(section)
    return isinstance(kind, type) and issubclass(kind, Section) and name in private(kind)


def sections(config: Config) -> dict[str, Section]:
    """The groups of settings by name, in the order of the tree."""
    found = {name: getattr(config, name) for name in type(config).model_fields}
    return {name: value for name, value in found.items() if isinstance(value, Section)}
