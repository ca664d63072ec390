"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it.

A field's docstring is its only documentation. Two marks go with fields: `restarts=False`, a setting that may
change without throwing finished work away (the stage continues with the new value), and `private=True`, a path
of the user's disk that may hold names and so never enters the run folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gist.stages.evaluate import EvaluateConfig
from gist.stages.generate import GenerateConfig
from gist.stages.prepare import PrepareConfig
from gist.stages.promise import Auto, Section
from gist.stages.report import ReportConfig
from gist.stages.train import TrainConfig
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


def is_setting(key: str) -> bool:
    """Whether there is a setting or a section of this dotted name."""
    model: Any = Config
    for name in key.split("."):
        fields = getattr(model, "model_fields", {})
        if name not in fields:
            return False
        model = fields[name].annotation
    return True
