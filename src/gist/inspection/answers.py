"""Answers of the inspection page, counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gist.errors import InputError
from gist.files import write_json
from gist.inspection.result import KINDS, LIST_FILE, RESULT_FILE, InspectionResult, PageItem, PageList, Rate
from gist.metrics.intervals import wilson
from gist.runs.folder import RunFolder

NONE = "none"


class Answers(BaseModel):
    """The file that the page's button saves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["gist-inspection/2"]
    page: str
    saved: str
    answers: dict[str, tuple[str, ...]]
    """Image name -> kinds, or `none` alone; images without an answer are absent."""
    hinted: frozenset[str]
    """Images answered, or answered anew, after hints had been seen."""


def count_answers(run: RunFolder, file: Path) -> InspectionResult:
    """Counts a file of answers and writes `inspect/result.json`.

    Raises:
        InputError: no page was built, or the file holds no answers to it.
    """
    page = _page(run)
    answers = _answers(file)
    if answers.page != page.page:
        raise InputError(
            f"{file} answers another page than the one in {run.path}, or one from before the images changed; "
            "inspect the page that `gist inspect` builds now."
        )
    known = {item.image for item in page.items}
    for image, kinds in answers.answers.items():
        if image not in known:
            raise InputError(
                f"{file} answers for an image '{image}' that is not on the page; save it again there."
            )
        if not kinds or not set(kinds) <= {*KINDS, NONE} or (NONE in kinds and len(kinds) > 1):
            raise InputError(
                f"{file} holds an answer for '{image}' that the page cannot give; save it again there."
            )
    if not answers.hinted <= set(answers.answers):
        raise InputError(f"{file} notes hints for images without an answer; save it again on the page.")
    if not answers.answers:
        raise InputError(f"{file} holds no answer yet; tick at least one image and save again.")
    found = {image: set(kinds) - {NONE} for image, kinds in answers.answers.items()}
    result = _counted(page, found, answers.hinted)
    write_json(run.place / RESULT_FILE, result.model_dump(mode="json"))
    return result


def _counted(page: PageList, found: Mapping[str, set[str]], hinted: Collection[str]) -> InspectionResult:
    answered = [item for item in page.items if item.image in found]
    after_hints = [item for item in answered if item.image in hinted]
    before = [item for item in answered if item.image not in hinted]
    random = [item for item in before if item.random]
    worst = [item for item in before if item.worst]
    random_after = [item for item in after_hints if item.random]
    worst_after = [item for item in after_hints if item.worst]
    wrong = {image for image, kinds in found.items() if kinds}
    names = sorted({item.class_name for item in random if item.class_name})
    return InspectionResult(
        page=page.page,
        table_sha256=page.table_sha256,
        random_asked=sum(item.random for item in page.items) - len(random_after),
        overall=_rate(random, wrong) if random else None,
        kinds={kind: _rate(random, {i for i, kinds in found.items() if kind in kinds}) for kind in KINDS}
        if random
        else {},
        classes={name: _rate([item for item in random if item.class_name == name], wrong) for name in names},
        hinted=_rate(random_after, wrong) if random_after else None,
        worst_asked=sum(item.worst for item in page.items) - len(worst_after),
        worst_answered=len(worst),
        worst_with_artifact=sum(item.image in wrong for item in worst),
        worst_hinted=len(worst_after),
        worst_hinted_with_artifact=sum(item.image in wrong for item in worst_after),
    )


def _rate(items: Collection[PageItem], wrong: Collection[str]) -> Rate:
    count = sum(item.image in wrong for item in items)
    low, high = wilson(count / len(items), len(items))
    return Rate(count=count, n=len(items), share=count / len(items), low=low, high=high)


def _page(run: RunFolder) -> PageList:
    try:
        return PageList.model_validate_json((run.place / LIST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"There is no inspection page in {run.path}; build it with `{run.command('inspect')}`."
        ) from None


def _answers(file: Path) -> Answers:
    try:
        return Answers.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"There is no file {file}; check where the browser saved the answers.") from None
    except (OSError, UnicodeDecodeError, ValueError, ValidationError):
        raise InputError(f"{file} is not a file of answers that the inspection page saved.") from None
