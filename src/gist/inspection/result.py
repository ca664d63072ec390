"""What people answered on the inspection page: rates with intervals, as `inspect/result.json` keeps them."""

from __future__ import annotations

from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.evaluate import EvaluateResult
from gist.stages.promise import Result

PAGE_FILE = "inspect/inspect.html"
LIST_FILE = "inspect/page.json"
RESULT_FILE = "inspect/result.json"

KINDS = {
    "joint": ("Joint formation", "joint space missing, doubled, fused or in the wrong place"),
    "blur": ("Blur", "the picture or a part of it is unsharp"),
    "curvature": ("Bone curvature", "a bone or its edge bends as bones do not"),
    "object": ("Small object", "a fragment, spot or shape that belongs to nothing"),
    "text": ("Marker text", "letters or a side marker, or what is left of them"),
}
"""The kinds of artifact that the paper counts: key -> name, what it means."""


class PageItem(Result):
    """One image of the page."""

    image: str
    """Name inside the synthetic archive."""
    class_name: str
    worst: bool
    random: bool
    """An image may be in both samples."""


class PageList(Result):
    """What a page asked about; `page` ties answers to it."""

    page: str
    table_sha256: str
    """The evaluation whose images are asked about."""
    items: tuple[PageItem, ...]


class Rate(Result):
    """A share with its 95 % Wilson interval."""

    count: int
    n: int
    share: float
    low: float
    high: float


class InspectionResult(Result):
    """Artifacts that people saw; all but `hinted` and `worst_hinted` before they had seen any hint."""

    page: str
    table_sha256: str
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


def read_inspection(run: RunFolder) -> InspectionResult | None:
    """The result of `gist inspect RUN --answers`, if its images are those evaluated now."""
    try:
        result = InspectionResult.model_validate_json((run.place / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if result.table_sha256 == judged_table(run) else None


def judged_table(run: RunFolder) -> str | None:
    """SHA-256 of the table of judged images that the evaluation wrote; None where it wrote none."""
    evaluated, record = finished_result(run, EvaluateResult), run.record("evaluate")
    if evaluated is None or evaluated.artifacts is None or record is None:
        return None
    return record.outputs.get(evaluated.artifacts.table)
