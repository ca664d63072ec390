"""Answers of the inspection page, counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gist.errors import InputError
from gist.files import write_json
from gist.inspection.kinds import KNEE, NONE, OTHER
from gist.inspection.result import (
    LIST_FILE,
    RESULT_FILE,
    Comment,
    InspectionResult,
    PageItem,
    PageList,
    Rate,
)
from gist.metrics.intervals import wilson
from gist.runs.folder import RunFolder

MOST_WORDS = 300


class Answer(BaseModel):
    """What a reader said of one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Annotated[tuple[str, ...], Field(min_length=1)]
    """Or `none` alone."""
    comment: Annotated[str, Field(max_length=MOST_WORDS)] = ""
    hinted: bool = False
    """Whether it was given, or given anew, after hints had been seen."""


class Answers(BaseModel):
    """The file that the page's button saves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["gist-inspection/3"]
    page: str
    saved: str
    kinds: tuple[str, ...]
    """That the page asked for."""
    answers: dict[str, Answer]
    """SHA-256 of the picture -> answer; pictures without one are absent."""


class NamedAnswers(BaseModel):
    """The same as earlier pages saved it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["gist-inspection/2"]
    page: str
    saved: str
    answers: dict[str, tuple[str, ...]]
    """Image name -> kinds, or `none` alone."""
    hinted: frozenset[str]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(KNEE)


def count_answers(run: RunFolder, file: Path) -> InspectionResult:
    """Counts a file of answers and writes `inspect/result.json`.

    Answers belong to pictures: they count on any page that shows these, whatever their scores were when it was built.

    Raises:
        InputError: no page was built, or the file holds no answers to it.
    """
    page = read_page(run)
    if page is None:
        raise InputError(
            f"There is no inspection page in {run.path}; build it with `{run.command('inspect')}`."
        )
    saved = _saved(file)
    given = _by_key(saved, file)
    for kinds in (answer.kinds for answer in given.values()):
        if not set(kinds) <= {*saved.kinds, NONE, OTHER} or (NONE in kinds and len(kinds) > 1):
            raise InputError(f"{file} holds an answer that the page cannot give; save it again there.")
    if not saved.answers:
        raise InputError(f"{file} holds no answer yet; tick at least one image and save again.")
    if isinstance(saved, NamedAnswers) and saved.page not in (page.page, *page.earlier):
        raise InputError(
            f"{file} answers another page than the one in {run.path}, or one from before the images changed; "
            "inspect the page that `gist inspect` builds now."
        )
    keys = {
        item.image: item.image if isinstance(saved, NamedAnswers) else item.picture for item in page.items
    }
    on_page = {image: given[key] for image, key in keys.items() if key in given}
    known = {*page.kinds, NONE, OTHER}
    answers = {
        image: answer.model_copy(update={"kinds": tuple(kind for kind in answer.kinds if kind in known)})
        for image, answer in on_page.items()
        if not known.isdisjoint(answer.kinds)
    }
    if not answers:
        raise InputError(
            f"{file} answers none of the pictures, or none of the kinds, on the page in {run.path}; inspect the page "
            "that `gist inspect` builds now."
        )
    counted = {keys[image] for image in answers}
    result = _counted(page, answers, left_out=len(given.keys() - counted))
    write_json(run.place / RESULT_FILE, result.model_dump(mode="json"))
    return result


def _by_key(saved: Answers | NamedAnswers, file: Path) -> dict[str, Answer]:
    """Answers by the picture's SHA-256, those of earlier pages by its name."""
    if isinstance(saved, Answers):
        return saved.answers
    if not saved.hinted <= set(saved.answers):
        raise InputError(f"{file} notes hints for images without an answer; save it again on the page.")
    return {
        image: Answer.model_construct(kinds=kinds, hinted=image in saved.hinted)
        for image, kinds in saved.answers.items()
    }


def _counted(page: PageList, answers: Mapping[str, Answer], left_out: int) -> InspectionResult:
    found = {image: set(answer.kinds) - {NONE} for image, answer in answers.items()}
    hinted = {image for image, answer in answers.items() if answer.hinted}
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
        archive_sha256=page.archive_sha256,
        random_asked=sum(item.random for item in page.items) - len(random_after),
        overall=_rate(random, wrong) if random else None,
        kinds={
            kind: _rate(random, {image for image, kinds in found.items() if kind in kinds})
            for kind in (*page.kinds, OTHER)
        }
        if random
        else {},
        classes={name: _rate([item for item in random if item.class_name == name], wrong) for name in names},
        hinted=_rate(random_after, wrong) if random_after else None,
        worst_asked=sum(item.worst for item in page.items) - len(worst_after),
        worst_answered=len(worst),
        worst_with_artifact=sum(item.image in wrong for item in worst),
        worst_hinted=len(worst_after),
        worst_hinted_with_artifact=sum(item.image in wrong for item in worst_after),
        comments=tuple(
            Comment(image=item.image, text=text)
            for item in answered
            if OTHER in found[item.image] and (text := _in_one_line(answers[item.image].comment))
        ),
        left_out=left_out,
    )


def _rate(items: Collection[PageItem], wrong: Collection[str]) -> Rate:
    count = sum(item.image in wrong for item in items)
    low, high = wilson(count / len(items), len(items))
    return Rate(count=count, n=len(items), share=count / len(items), low=low, high=high)


def _in_one_line(text: str) -> str:
    """A comment without line breaks and control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def read_page(run: RunFolder) -> PageList | None:
    """What the run's page asked about; None where there is none."""
    try:
        return PageList.model_validate_json((run.place / LIST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _saved(file: Path) -> Answers | NamedAnswers:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        return _FORMATS.validate_python(read)
    except FileNotFoundError:
        raise InputError(f"There is no file {file}; check where the browser saved the answers.") from None
    except (OSError, UnicodeDecodeError, ValueError, ValidationError):
        raise InputError(f"{file} is not a file of answers that the inspection page saved.") from None


_FORMATS: TypeAdapter[Answers | NamedAnswers] = TypeAdapter(
    Annotated[Answers | NamedAnswers, Field(discriminator="format")]
)
