"""What people answered on the inspection page: rates with intervals, as `inspect/result.json` keeps them."""

from __future__ import annotations

from gist.inspection.kinds import KNEE
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.promise import Result

PAGE_FILE = "inspect/inspect.html"
LIST_FILE = "inspect/page.json"
RESULT_FILE = "inspect/result.json"


class PageItem(Result):
    """One image of the page."""

    image: str
    """Name inside the synthetic archive."""
    class_name: str
    worst: bool
    random: bool
    """An image may be in both samples."""
    picture: str = ""
    """SHA-256 of its file, by which answers know it; empty on pages of before these did."""


class PageList(Result):
    """What a page asked about; `page` names it."""

    page: str
    table_sha256: str
    """The evaluation that chose the worst."""
    items: tuple[PageItem, ...]
    archive_sha256: str = ""
    """The images asked about; empty on pages of before this was noted."""
    kinds: tuple[str, ...] = tuple(KNEE)
    earlier: tuple[str, ...] = ()
    """Pages on the same images whose answers know them by name."""


class Rate(Result):
    """A share with its 95 % Wilson interval."""

    count: int
    n: int
    share: float
    low: float
    high: float


class Comment(Result):
    """What a reader wrote to an image."""

    image: str
    text: str


class InspectionResult(Result):
    """Artifacts that people saw; all but `hinted` and `worst_hinted` before they had seen any hint."""

    page: str
    table_sha256: str
    archive_sha256: str = ""
    """The images that were judged; empty in results of before this was noted."""
    random_asked: int
    """Images of the random sample, without those answered after hints."""
    overall: Rate | None
    """Images of the random sample with any artifact; None where none of them was answered."""
    kinds: dict[str, Rate]
    """Random sample, kind -> images with it; an image may have several kinds."""
    classes: dict[str, Rate]
    """Random sample, class -> images with any artifact."""
    hinted: Rate | None
    """Random sample, images with any artifact among those answered after hints, which sway the eye."""
    worst_asked: int
    worst_answered: int
    worst_with_artifact: int
    """Chosen for looking wrong, so this says nothing about the whole set."""
    worst_hinted: int
    worst_hinted_with_artifact: int
    comments: tuple[Comment, ...] = ()
    """In the order of the page, of both samples."""
    left_out: int = 0
    """Answers that were not counted: their image, or every kind ticked, is not on the page now."""


def read_inspection(run: RunFolder) -> InspectionResult | None:
    """The result of `gist inspect RUN --answers`, if its images are those there are now, whatever their scores."""
    try:
        result = InspectionResult.model_validate_json((run.place / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = result.archive_sha256 == archive_digest(run) or result.table_sha256 == judged_table(run)
    return result if known else None


def archive_digest(run: RunFolder) -> str | None:
    """SHA-256 of the synthetic images' archive; None where none were drawn."""
    generated, record = finished_result(run, GenerateResult), run.record("generate")
    return None if generated is None or record is None else record.outputs.get(generated.archive)


def judged_table(run: RunFolder) -> str | None:
    """SHA-256 of the table of judged images that the evaluation wrote; None where it wrote none."""
    evaluated, record = finished_result(run, EvaluateResult), run.record("evaluate")
    if evaluated is None or evaluated.artifacts is None or record is None:
        return None
    return record.outputs.get(evaluated.artifacts.table)
