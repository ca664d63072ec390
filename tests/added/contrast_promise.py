"""What a stage that a package adds promises: the contrast of the synthetic images."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gist.stages.promise import Promise, Result, StageSettings


class ContrastResult(Result):
    images: int
    contrast: float
    """Mean distance between a dark and a bright percentile, 0 to 1."""


class ContrastConfig(StageSettings):
    """Measure the contrast of the synthetic images."""

    promise: ClassVar[Promise] = Promise(
        work="contrast_stage:measure",
        result=ContrastResult,
        files=("contrast.json",),
        needs=("generate",),
        page="contrast_stage:contrast_page",
        dear=("done/*.json",),
    )

    percentile: Annotated[float, Field(gt=0, lt=50)] = 5.0
    """Percentile that counts as dark; as many are bright."""
    seconds_each: Annotated[float, Field(ge=0)] = Field(0.0, json_schema_extra={"restarts": False})
    """Time to spend on each image."""
