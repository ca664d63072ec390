"""The inspection page: one HTML file that needs neither a server nor a network."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np

from gist.config import Config
from gist.errors import InputError
from gist.files import write_atomic, write_json
from gist.images.archive import read_data_set
from gist.inspection.judged_pictures import judged_pictures
from gist.inspection.result import KINDS, LIST_FILE, PAGE_FILE, PageItem, PageList, judged_table
from gist.metrics.artifacts.table import read_heat_maps, read_table, worst_and_random
from gist.pages.html import embedded, html, resource
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result, read_what_is_there
from gist.runs.text_flags import read_text_flags
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult

SCRIPT = "gist.inspection/inspect.js"
SIDE, OTHERS_SIDE = 512, 256
"""Largest sides in pixels of the synthetic image, and of its heat map and the real image."""


def write_page(config: Config, run: RunFolder, progress: Progress, *, worst: int, random: int) -> Path:
    """Writes `inspect/inspect.html` about the worst images and images drawn at random, in mixed order.

    The order is mixed and neither score nor sample is shown, so that readers do not know which images the
    detectors found odd.

    Raises:
        InputError: prepare, generate or evaluate has not finished, judged no images, or is out of date.
    """
    evaluated, table = finished_result(run, EvaluateResult), judged_table(run)
    generated, prepared = finished_result(run, GenerateResult), finished_result(run, PrepareResult)
    summary = None if evaluated is None else evaluated.artifacts
    if summary is None or table is None or prepared is None or generated is None:
        raise InputError(
            f"{run.path} holds no judged images: that takes a hold-out of at least 20 real images and an evaluation by "
            f"this version of gist; delete {run.folder_of('evaluate')} and run `{run.command('evaluate')}`."
        )
    if not read_what_is_there(run, "evaluate"):
        raise InputError(f"The images of {run.path} changed after they were evaluated; run evaluate again.")
    synthetic = read_data_set(run.path / generated.archive)
    training = read_data_set(run.path / prepared.train_archive)
    text = read_text_flags(run, prepared)
    judged = read_table(run.path / summary.table)
    heat = read_heat_maps(run.path / summary.heat_maps, len(judged))
    by_score, drawn = worst_and_random(judged, worst, random, config.seed)
    both = np.array(sorted({*by_score, *drawn}), np.int64)
    rows = [int(row) for row in np.random.default_rng(config.seed).permutation(both)]
    if not rows:
        raise InputError("Zero images were asked for; give --worst or --random a number above 0.")
    asked = tuple(
        PageItem(
            image=judged[row].image,
            class_name=judged[row].class_name,
            worst=row in set(by_score),
            random=row in set(drawn),
        )
        for row in rows
    )
    page = PageList(page=_identity(table, asked), table_sha256=table, items=asked)
    pictures = []
    made = judged_pictures(
        judged, rows, heat, synthetic, training, text.training, side=SIDE, others_side=OTHERS_SIDE
    )
    for done, picture in enumerate(made, start=1):
        pictures.append(picture)
        progress.advance(done, len(rows), "images")
    script = resource(SCRIPT)
    text_of_page = html(
        "gist.inspection/inspect.html.j2",
        title=config.report.title or config.name,
        style=embedded("gist.inspection/inspect.css"),
        script=embedded(SCRIPT),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        page=page.page,
        kinds=KINDS,
        pictures=pictures,
        text=text.sentence,
    )
    file = run.place / PAGE_FILE
    write_json(run.place / LIST_FILE, page.model_dump(mode="json"))
    write_atomic(file, text_of_page.encode())
    return file


def _identity(table: str, items: tuple[PageItem, ...]) -> str:
    asked = json.dumps([item.model_dump() for item in items], sort_keys=True)
    return hashlib.sha256(f"{table} {asked}".encode()).hexdigest()[:16]
