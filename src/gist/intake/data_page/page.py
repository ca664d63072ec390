"""The page itself: what is in the data set, what is unusual in it, and what to do about that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from gist.files import write_atomic
from gist.intake.contact_sheet import MOST_PICTURES
from gist.intake.data_page.histogram import histogram
from gist.intake.data_page.outliers import find_outliers
from gist.intake.data_page.overview import MOST_SHOWN, MOST_TEXT_SHOWN, Overview, read_overview
from gist.intake.data_page.thumbnails import small_pictures
from gist.intake.data_page.words import SPLIT_NAMES, further_advice, summary
from gist.pages.html import embedded, html
from gist.pages.pictures import data_uri
from gist.stages.prepare import PrepareResult
from gist.stages.vocabulary import WARNING, Reason

PAGE_NAME = "data.html"
_MOST_ROWS = 8
_COPIES = (Reason.DUPLICATE, Reason.CONFLICTING_LABELS, Reason.NEARLY_IN_TRAINING)
_KINDS = {
    "modality": "Modality",
    "view": "View",
    "type": "File type",
    "bits": "Bits stored",
    "size": "Size in pixels",
}
_HISTOGRAMS = {
    "mean_grey": ("Brightness", "mean grey, 0 black to 1 white"),
    "contrast": ("Contrast", "grey between the 5th and the 95th percentile, 0 to 1"),
    "sharpness": ("Sharpness", "strength of fine detail; further left is more blurred"),
    "short_side": ("Size before preparation", "shorter side in pixels"),
}


def write_data_page(folder: Path, result: PrepareResult, title: str, phantoms: bool = False) -> Path:
    """Writes `data.html` from the tables, archives and contact sheets in the prepare stage's folder.

    The page is self-contained and depends on the arguments only. It names no file of the user. `phantoms` tells that
    gist itself drew the images.
    """
    overview = read_overview(folder)
    outliers, far_out = find_outliers(overview.measured, folder)
    texts = {reason.value: overview.rejected.get(reason.value, 0) for reason in _COPIES}
    copies = {reason: number for reason, number in texts.items() if number}
    notes = [*result.notes, *further_advice(overview)]
    warnings = [note for note in notes if note.startswith(WARNING) or note == result.loss]
    page = html(
        "gist.intake.data_page/data_page.html.j2",
        title=title,
        style=embedded("gist.pages/page.css", "gist.intake.data_page/data_page.css"),
        result=result,
        phantoms=phantoms,
        overview=overview,
        split_names={part: SPLIT_NAMES[part] for part in SPLIT_NAMES if overview.counts["split"][part]},
        summary=summary(overview, result, phantoms),
        warnings=[note.removeprefix(WARNING) for note in warnings],
        advice=[note for note in notes if note not in warnings],
        kinds=[(name, _most_frequent(overview.counts[kind])) for kind, name in _KINDS.items()],
        histograms=[
            histogram(name, overview.measured[kind], label) for kind, (name, label) in _HISTOGRAMS.items()
        ],
        sheets=_sheets(folder, result, overview),
        outliers=list(
            zip(outliers, small_pictures(folder, [outlier.image for outlier in outliers]), strict=True)
        ),
        far_out=far_out,
        with_text=list(zip(overview.with_text, small_pictures(folder, overview.with_text), strict=True)),
        pairs=_pairs(folder, overview),
        copies=copies,
        reasons=overview.rejected.most_common(),
        most_shown=MOST_SHOWN,
        most_text_shown=MOST_TEXT_SHOWN,
        painted_over=any(image.painted_over for image in overview.with_text),
    )
    path = folder / PAGE_NAME
    write_atomic(path, page.encode())
    return path


def _most_frequent(counts: Counter[str]) -> list[tuple[str, int]]:
    listed = [(name or "not stated", number) for name, number in counts.most_common()]
    if len(listed) <= _MOST_ROWS:
        return listed
    rest = listed[_MOST_ROWS - 1 :]
    return [*listed[: _MOST_ROWS - 1], (f"{len(rest)} others", sum(number for _, number in rest))]


def _sheets(folder: Path, result: PrepareResult, overview: Overview) -> list[dict[str, Any]]:
    sheets = []
    for number, name in enumerate(result.class_names or ("",)):
        file = folder / f"contact-{number}.png"
        images = overview.by_class.get(name, Counter())["train"]
        flagged = overview.flagged[name]
        sheets.append(
            {
                "name": name,
                "images": images,
                "flagged": flagged,
                "shown": min(images - flagged, MOST_PICTURES),
                "uri": data_uri(file.read_bytes()) if file.is_file() else None,
            }
        )
    return sheets


def _pairs(folder: Path, overview: Overview) -> list[tuple[str, str, str, str]]:
    """Pictures and file ids of images and of what they nearly equal."""
    copies = [copy for copy, _ in overview.near_pairs]
    originals = [original for _, original in overview.near_pairs]
    left, right = small_pictures(folder, copies), small_pictures(folder, originals)
    return [
        (a, b, copy.file, original.file)
        for a, b, copy, original in zip(left, right, copies, originals, strict=True)
    ]
