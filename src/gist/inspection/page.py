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
from gist.inspection.answers import MOST_WORDS, read_page
from gist.inspection.judged_pictures import judged_pictures
from gist.inspection.kinds import NONE, OTHER, OTHER_KIND, Kinds, kinds_to_ask
from gist.inspection.result import LIST_FILE, PAGE_FILE, PageItem, PageList, archive_digest, judged_table
from gist.metrics.artifacts.table import read_heat_maps, read_table, worst_and_random
from gist.pages.html import embedded, html, resource
from gist.progress import Progress
from gist.runs.findings import are_phantoms
from gist.runs.folder import RunFolder, read_record
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
    digests = {
        name: hashlib.sha256(png).hexdigest()
        for name, png in zip(synthetic.names, synthetic.pngs, strict=True)
    }
    asked = tuple(
        PageItem(
            image=judged[row].image,
            class_name=judged[row].class_name,
            worst=row in set(by_score),
            random=row in set(drawn),
            picture=digests[judged[row].image],
        )
        for row in rows
    )
    shown = list({item.picture: row for item, row in zip(asked, rows, strict=True)}.values())
    kinds = kinds_to_ask(body_part(config, run, prepared), config.inspect.kinds)
    page = PageList(
        page=_identity(asked, kinds),
        table_sha256=table,
        archive_sha256=archive_digest(run) or "",
        items=asked,
        kinds=tuple(kinds),
        earlier=_earlier(run, table),
    )
    pictures = []
    made = judged_pictures(
        judged, shown, heat, synthetic, training, text.training, side=SIDE, others_side=OTHERS_SIDE
    )
    for done, picture in enumerate(made, start=1):
        pictures.append(picture)
        progress.advance(done, len(shown), "images")
    script = resource(SCRIPT)
    text_of_page = html(
        "gist.inspection/inspect.html.j2",
        title=config.report.title or config.name,
        style=embedded("gist.inspection/inspect.css"),
        script=embedded(SCRIPT),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        page=page,
        kinds=kinds,
        boxes=_boxes(kinds),
        most_words=MOST_WORDS,
        digests=digests,
        pictures=pictures,
        text=text.sentence,
    )
    file = run.place / PAGE_FILE
    write_json(run.place / LIST_FILE, page.model_dump(mode="json"))
    write_atomic(file, text_of_page.encode())
    return file


def body_part(config: Config, run: RunFolder, prepared: PrepareResult) -> str | None:
    """What the images show, as DICOM calls it: as the settings say, else as far as prepare knows."""
    known = config.inspect.body_part or prepared.body_part
    return known or ("KNEE" if are_phantoms(config, run, prepared) else None)


def _boxes(kinds: Kinds) -> list[tuple[str, str, str, str]]:
    """Kind, key to press, name and meaning of each box."""
    numbered = [(kind, str(key), *named) for key, (kind, named) in enumerate(kinds.items(), start=1)]
    return [*numbered, (OTHER, "O", *OTHER_KIND), (NONE, "0", "None", "no artifact that you can see")]


def _identity(items: tuple[PageItem, ...], kinds: Kinds) -> str:
    asked = json.dumps([*(item.picture for item in items), *kinds])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _earlier(run: RunFolder, table: str) -> tuple[str, ...]:
    """Pages of before answers knew their pictures by content, where these are the same still."""
    before = read_page(run)
    if before is None:
        return ()
    if before.archive_sha256:
        return before.earlier if before.archive_sha256 == archive_digest(run) else ()
    now, tables = run.record("generate"), {table}
    for folder in run.kept_results("evaluate"):
        record = read_record(folder / "stage.json")
        if record is not None and now is not None and record.inputs.get("generate") == now.digest:
            tables |= set(record.outputs.values())
    return (before.page,) if before.table_sha256 in tables else ()
