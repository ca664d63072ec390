"""A study as one self-contained page, and as `result.json`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from gist import numerals
from gist.files import write_atomic, write_json
from gist.images.archive import read_data_set
from gist.pages.charts import Reference, Series, line_chart
from gist.pages.html import embedded, html
from gist.pages.pictures import HALF_WIDTH, SYNTHETIC_TEXT, Picture, sheet, shown
from gist.runs.results import finished_result, result_of
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.studies.curve import shown as with_interval
from gist.studies.designs import SCRATCH, TRANSFER
from gist.studies.folder import StudyFolder
from gist.studies.result import StudyResult

PICTURES, COLUMNS, SIDE = 8, 4, 128
TITLES = {
    "size": "How many images are enough?",
    "tune": "Is tuning worth it?",
    "architectures": "Which kind of generator?",
    "transfer": "Does a starting network help?",
}
ARMS = {SCRATCH: "from scratch", TRANSFER: "transfer"}
AXIS = "images to learn from"


def write_page(study: StudyFolder, result: StudyResult) -> None:
    """Writes `study.html` and `result.json`."""
    write_json(study.path / "result.json", result.model_dump(mode="json"))
    headings, rows = _rows(result)
    scores = next((record.scores for record in result.records if record.scores is not None), None)
    prepared = finished_result(study.base, PrepareResult)
    page = html(
        "gist.studies/page.html.j2",
        title=TITLES[result.kind],
        style=embedded("gist.pages/page.css", "gist.reporting/comparison.css"),
        study=result,
        charts=_charts(result),
        headings=headings,
        rows=rows,
        rows_heading="The sizes" if result.curves else "Side by side",
        sheets=_sheets(study, result),
        extractor=scores.extractor if scores is not None else "radiomics",
        together=numerals.together,
        phantoms=prepared is not None and bool(prepared.phantoms),
    )
    write_atomic(study.page, page.encode())


def _charts(result: StudyResult) -> list[tuple[Markup, str]]:
    if not result.curves:
        return []
    ours = [
        Series(
            ARMS[arm],
            np.array([point.images for point in curve.points], np.float64),
            np.array([point.kid for point in curve.points]),
            np.array([[point.kid - point.bar, point.kid + point.bar] for point in curve.points]),
        )
        for arm, curve in result.curves.items()
    ]
    sizes = np.array([point.images for point in result.control], np.float64)
    control = Series(
        "control",
        sizes,
        np.array([point.kid for point in result.control]),
        np.array([[point.low, point.high] for point in result.control]),
    )
    naive = [
        Series(ARMS[arm], *_means([(r.trial.images or 0, r.scores.naive) for r in result.records
                                   if r.scores is not None and r.trial.arm == arm]))
        for arm in result.curves
    ]  # fmt: skip
    copies = [
        Series(ARMS[arm], *_means([(r.trial.images or 0, r.scores.near_copies) for r in result.records
                                   if r.scores is not None and r.trial.arm == arm]))
        for arm in result.curves
    ]  # fmt: skip
    expected = [(r.trial.images or 0, r.scores.near_copies_expected) for r in result.records if r.scores]
    naive_control = Series("control", sizes, np.array([point.naive for point in result.control]))
    return [
        (
            line_chart(
                "KID against one hold-out", [*ours, control], x_label=AXIS, y_label="KID", y_from_zero=True
            ),
            "Mean over the repeats, with bars for comparing sizes: 95 % intervals without what the trials of a repeat "
            "have in common. Control: one and the same generator in the place of every size's own, with the interval "
            "of its images; what its curve does is chance, and it should lie flat.",
        ),
        (
            line_chart(
                "The naive curve",
                [*naive, naive_control],
                x_label=AXIS,
                y_label="Frechet distance",
                y_from_zero=True,
            ),
            "Frechet distance to the images that were learned from, as it is often reported. The reference grows with "
            "the size, and with it the distance falls, for one and the same generator too (control): so much of the "
            "fall says nothing of the generator.",
        ),
        (
            line_chart(
                "Near-copies",
                [*copies, Series("where nobody copies", *_means(expected))],
                x_label=AXIS,
                y_label="share",
                y_from_zero=True,
            ),
            "Share of the synthetic images that lie nearer to one that was learned from than all but a few of the "
            "hold-out do, mean over the repeats.",
        ),
        *_gan_train(result),
    ]


def _gan_train(result: StudyResult) -> list[tuple[Markup, str]]:
    """The chart of what a classifier learns from the pictures, where that was asked for."""
    real = result.real
    if real is None:
        return []
    lines = []
    for arm in result.curves:
        found = [
            (record.trial.images or 0, record.scores.gan_train)
            for record in result.records
            if record.scores is not None and record.scores.gan_train is not None and record.trial.arm == arm
        ]
        sizes, means = _means([(size, each.value) for size, each in found])
        low = _means([(size, each.low or 0) for size, each in found])[1]
        high = _means([(size, each.high or 1) for size, each in found])[1]
        lines.append(Series(ARMS[arm], sizes, means, np.stack([low, high], axis=1)))
    return [
        (
            line_chart(
                "GAN-train",
                lines,
                x_label=AXIS,
                y_label="balanced accuracy",
                reference=Reference("all real images", real.value),
                y_from_zero=True,
            ),
            "What a small classifier that learns from the synthetic images alone reaches on the held-out real ones: as "
            "many images of each class for every size. Mean over the repeats, with the mean of their own 95 % "
            "intervals over held-out patients and starts of the classifier. Dotted: the same classifier after all real "
            f"images of the training part, {with_interval(real.value, real.low or 0, real.high or 1)}.",
        )
    ]


def _means(pairs: Sequence[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    sizes = sorted({size for size, _ in pairs})
    values = [np.mean([value for size, value in pairs if size == each]) for each in sizes]
    return np.array(sizes, np.float64), np.array(values, np.float64)


def _rows(result: StudyResult) -> tuple[list[str], list[list[str]]]:
    if result.curves:
        rows = [
            [
                f"{numerals.counted(point.images, 'image')}, {ARMS[arm]}",
                numerals.count(point.repeats),
                with_interval(point.kid, point.low, point.high),
                "–" if point is curve.points[-1] else numerals.significant(point.above_largest),
                "–" if point is curve.points[-1] else numerals.significant(point.reach),
                "–" if point is curve.points[-1] else "yes" if point.told_apart else "no",
            ]
            for arm, curve in result.curves.items()
            for point in curve.points
        ]
        return ["Size", "Repeats", "KID", "Above the largest", "Noise", "Worse beyond noise"], rows
    rows = [
        [
            group.group,
            numerals.count(group.repeats),
            with_interval(group.kid, group.low, group.high),
            "–" if group.difference is None else with_interval(*group.difference),
            "–" if group.difference is None else "yes" if group.beyond_noise else "no",
            _cost(result, group.group),
        ]
        for group in result.groups
    ]
    return ["", "Repeats", "KID", "Difference", "Beyond noise", "Training, each"], rows


def _cost(result: StudyResult, group: str) -> str:
    seconds = [
        r.scores.train_seconds for r in result.records if r.scores is not None and r.trial.group == group
    ]
    kimg = [r.scores.kimg for r in result.records if r.scores is not None and r.trial.group == group]
    return f"{numerals.duration(float(np.mean(seconds)))}, {numerals.significant(float(np.mean(kimg)))} kimg"


def _sheets(study: StudyFolder, result: StudyResult) -> list[tuple[str, Picture]]:
    sheets: dict[str, Picture] = {}
    for record in result.records:
        if record.scores is None or record.trial.group in sheets:
            continue
        made = result_of(study.run_of(record.trial), GenerateResult, "the page of a study")
        data = read_data_set(study.run_of(record.trial).path / made.archive)
        chosen = np.random.default_rng(0).permutation(len(data))[:PICTURES]
        tiles = np.stack([shown(data, int(at), min(SIDE, data.resolution)) for at in chosen])
        sheets[record.trial.group] = sheet(tiles, COLUMNS, SYNTHETIC_TEXT, HALF_WIDTH)
    return list(sheets.items())
