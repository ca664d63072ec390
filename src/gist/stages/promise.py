"""What a stage promises: its settings, its result, what it needs and what it leaves. Light: no stage's code is here.

A field's docstring is a setting's only documentation. Two marks go with fields: `restarts=False`, a setting that may
change without throwing finished work away (the stage continues with the new value), and `private="the label table"`, a
path of the user's disk that may hold names: it never enters the run folder, and in messages that are kept these
words stand in its place. `before=VALUE` is what trainings had that began when there was no such setting.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

StageName = str
Auto = Literal["auto"]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


@cache
def _documented(module: str) -> dict[str, dict[str, str]]:
    """Class -> attribute -> the docstring below it, of the classes at the top of a module's source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):  # without source, as in some bundles
        return {}
    return {
        node.name: {
            first.target.id: inspect.cleandoc(second.value.value)
            for first, second in pairwise(node.body)
            if isinstance(first, ast.AnnAssign)
            and isinstance(first.target, ast.Name)
            and isinstance(second, ast.Expr)
            and isinstance(second.value, ast.Constant)
            and isinstance(second.value.value, str)
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


class Section(BaseModel):
    """A frozen group of settings in which unknown keys are errors; where text is asked for, 4 means "4"."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        allow_inf_nan=False,  # no JSON: a setting of infinity would never again equal the one that was recorded
        defer_build=True,  # the whole tree at its first use, not each branch again when imported
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        # What `use_attribute_docstrings` does, each source read once: it takes a third of the time of importing all.
        for name, text in _documented(cls.__module__).get(cls.__name__, {}).items():
            if name in cls.__annotations__ and cls.model_fields[name].description is None:
                cls.model_fields[name].description = text


class Result(BaseModel):
    """A frozen, JSON-friendly record; its paths are relative to the run folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def in_one_line(self) -> str:
        """What came of a stage, in words for the terminal and `gist status`; without a full stop, empty for nothing."""
        return ""


@dataclass(frozen=True)
class Promise:
    """All that the rest of gist asks of a stage. Addresses are `module:name`, imported when they are needed."""

    work: str
    """Address of the function that does it: (config, run, progress) -> result."""
    result: type[Result]
    files: tuple[str, ...]
    """Patterns, in the stage's folder, of the final files: the manifest lists them, later stages depend on them."""
    counted: tuple[str, ...] = ()
    """Patterns of files so many that only their number is noted: where some are gone, the stage continues."""
    takes: str = ""
    """What goes in, for the table in the documents (`Stage.documented`)."""
    gives: str = ""
    """What comes out; `{generators}` stands for all kinds of them."""
    needs: tuple[StageName, ...] = ()
    """Stages that must be finished."""
    uses: tuple[StageName, ...] | Literal["all before"] = ()
    """Stages whose results are read where they exist. `all before`: the stage stands behind all others."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Name -> file that no stage answers for, and that makes the result stale when it changes; its path is that from
    the run folder, or the folder of the set."""
    inputs: str | None = None
    """Address of (config, run) -> name and digest of whatever else is read."""
    private_inputs: Mapping[str, str] = field(default_factory=dict)
    """Those of `inputs` at private paths, which only some commands know -> what to say when they differ."""
    check: str | None = None
    """Address of (config, run, ahead), which raises InputError where the settings cannot work. Called before anything
    is written; `ahead` are the stages that the same command renews first, so that nothing can be known of them."""
    page: str | None = None
    """Address of (findings) -> StagePage, the stage's part of the report."""
    foretells: str | None = None
    """Address of (config, run) -> what can be told of the result before the stage has run: of prepare, the names of
    the classes, or None where only the files themselves tell."""
    command: bool = True
    """Whether `gist <stage> RUN` is made from the settings; else the command line has one of its own."""
    dear: tuple[str, ...] = ()
    """Patterns of the files that show that work has begun which must not be thrown away; empty for cheap stages."""
    kept: bool = False
    """Whether an old result is kept under `previous/` for when its settings return; else until the new one begins."""
    stays: tuple[str, ...] = ()
    """Names in the stage's folder that outlive its result, being known by their content."""
    belongings: tuple[str, ...] = ()
    """Files elsewhere, by paths as in `reads`, that are about this result and are kept with it."""
    remarks: tuple[str, tuple[str, ...]] | None = None
    """A JSON file in the stage's folder, and the keys in it that `gist status` shows."""
    per_set: bool = False
    """Whether every synthetic set has a result of its own, beside the sets of other names (`RunFolder.folder_of`)."""
    lengthy: bool = False
    """Whether a report without this stage is worth having while it works."""
    shard: str | None = None
    """Address of (config, run, folder, shard, progress), which does a shard of the work in a folder of its own and goes
    on with what lies there; `work` takes from the finished ones (`runs/shards.py`)."""
    shared: bool = False
    """Whether all processes that torchrun started take part; `work` then also takes `team`."""


class StageSettings(Section):
    """The settings of a stage."""

    promise: ClassVar[Promise]


def restarting_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change makes finished work stale, as plain JSON values."""
    left_out = continuing(type(section)) | private(type(section)).keys()
    return {name: value for name, value in section.model_dump(mode="json").items() if name not in left_out}


def continued_settings(section: Section) -> dict[str, Any]:
    """The settings of a section whose change continues finished work, as plain JSON values."""
    return section.model_dump(mode="json", include=continuing(type(section)))


def unusual_settings(section: Section) -> dict[str, Any]:
    """The settings of a section that differ from their defaults and are kept with the run, as plain JSON values."""
    return section.model_dump(mode="json", exclude_defaults=True, exclude=set(private(type(section))))


def kept_settings(section: Section) -> dict[str, Any]:
    """All settings of a section that may be kept, as plain JSON values."""
    return section.model_dump(mode="json", exclude=set(private(type(section))))


def continuing(section: type[Section]) -> set[str]:
    """Names of the settings whose change continues finished work."""
    return {name for name, mark in _marked(section, "restarts").items() if mark is False}


def private(section: type[Section]) -> dict[str, str]:
    """The private settings of a section, and the words that stand in their place."""
    return {name: str(words) for name, words in _marked(section, "private").items() if words}


def inside(section: type[Section]) -> dict[str, str]:
    """The paths that are looked for in another place first, and the setting that is this place."""
    return {name: str(place) for name, place in _marked(section, "inside").items()}


def each_path(value: Any, change: Callable[[Path], Path]) -> Any:
    """A value with every path in it changed, also those in lists and mappings."""
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, dict):
        return {key: each_path(part, change) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(each_path(part, change) for part in value)
    return value


def _marked(section: type[Section], mark: str) -> dict[str, Any]:
    extras = {name: field.json_schema_extra for name, field in section.model_fields.items()}
    return {name: extra[mark] for name, extra in extras.items() if isinstance(extra, dict) and mark in extra}
