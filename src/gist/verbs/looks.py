"""Looking at what is there: data before a run, images after it, weights on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gist.config import build_config, with_changes
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.runs.pipeline import open_run

if TYPE_CHECKING:
    from gist.inspection import InspectionResult
    from gist.runs.results import RunResult
    from gist.verbs.export import ExportResult
    from gist.verbs.planning import Plan


def plan(
    source: Path | str, changes: Mapping[str, Any] | None = None, *, write: Path | str | None = None
) -> Plan:
    """What is in a folder of radiographs and which settings gist would choose; `write` is a settings file to make.

    Raises:
        InputError: no run can be made of the source, or the settings file is there already.
    """
    from gist.verbs.planning import plan_run
    from gist.verbs.settings_file import write_settings

    config = build_config({"prepare": {"source": str(source)}}, changes, where="plan")
    made = plan_run(config)
    if write is not None and not made.source.impossible:
        write_settings(made, config, Path(write))
    return made


def demo(
    folder: Path | str = "runs/demo",
    *,
    from_scratch: bool = False,
    kimg: float | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """The whole pipeline on built-in phantom radiographs."""
    from gist.verbs.demonstration import demo_config, run_demo

    config = with_changes(demo_config(Path(folder), from_scratch=from_scratch, kimg=kimg), changes)
    return run_demo(config, progress or Silent())


def inspect(
    folder: Path | str,
    *,
    name: str | None = None,
    worst: int = 50,
    random: int = 50,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Builds the page on which people tick the artifacts of a run's worst and of random synthetic images.

    `name` is that of one of several synthetic sets. `changes` may hold `inspect.body_part` and `inspect.kinds`, which
    say what there is to tick. Returns the page's file, which opens in any browser without a server.
    """
    from gist.inspection import write_page

    run, config = open_run(folder, name)
    with run.locked():
        return write_page(
            with_changes(config, changes), run, progress or Silent(), worst=worst, random=random
        )


def count_answers(folder: Path | str, answers: Path | str, *, name: str | None = None) -> InspectionResult:
    """Counts a file of answers that the inspection page saved: rates of artifacts with intervals."""
    from gist.inspection import count_answers as count

    run, _ = open_run(folder, name)
    with run.locked():
        return count(run, Path(answers))


def export_images(
    folder: Path | str,
    to: Literal["folder", "dicom"],
    out: Path | str,
    *,
    name: str | None = None,
    body_part: str | None = None,
    side: Literal["left", "right", "both"] | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Copies the synthetic images of a run folder into `out`: class folders of PNG or DICOM files, and labels.csv.

    `name` is that of one of several synthetic sets. `body_part` (such as KNEE) and `side` are what the DICOM files say
    of all images.
    """
    from gist.verbs.export import export_images as export

    run, config = open_run(folder, name)
    with run.locked():
        return export(run, config, to, Path(out), progress or Silent(), body_part, side)


@dataclass(frozen=True)
class WeightsState:
    """One file of pretrained weights."""

    name: str
    state: Literal["here", "missing", "damaged"]
    path: Path | None
    """Where it lies, if it is here."""
    mebibytes: float
    licence: str
    url: str
    """Where its publisher offers it."""


def weights() -> list[WeightsState]:
    """Which pretrained weights of feature extractors are on this machine; opens no connection."""
    from gist.metrics.weights import CATALOGUE, Unavailable, find_weights

    found = []
    for entry in CATALOGUE.values():
        state: Literal["here", "missing", "damaged"] = "here"
        path = None
        try:
            path = find_weights(entry.name).path
        except Unavailable:
            state = "missing"
        except InputError:
            state = "damaged"
        found.append(WeightsState(entry.name, state, path, entry.mebibytes, entry.licence, entry.url))
    return found
