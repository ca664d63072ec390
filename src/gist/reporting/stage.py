"""The report stage: reads the run folder, writes `report/report.html` and `report/report.json`."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gist import numerals
from gist.config import Config
from gist.errors import InputError
from gist.evaluation.artifacts_page import artifact_section
from gist.evaluation.copying import CopyingVerdict, copying_verdict
from gist.evaluation.score_table import score_table
from gist.evaluation.snapshots import read_snapshot_curve
from gist.evaluation.snapshots_page import snapshot_section
from gist.files import write_atomic, write_json
from gist.images.archive import DataSet, read_data_set
from gist.pages import pictures as sheets
from gist.pages import words
from gist.progress import Progress
from gist.reporting import cards, provenance, wording
from gist.runs.findings import Findings, read_findings, without_paths
from gist.runs.folder import RunFolder
from gist.runs.text_flags import NO_FLAGS, read_text_flags
from gist.stages.report import ReportResult
from gist.training.curves import training_curves
from gist.training.leak_check import leak_check
from gist.utility.page import utility_section
from gist.version import __version__

PAGE_WIDTH = 1080
"""CSS pixels of the text and picture column."""
HALF_WIDTH = 532
PAIR_WIDTH = 262
FOUR_ACROSS, SIX_ACROSS = 4, 6


def write_report(config: Config, run: RunFolder, progress: Progress) -> ReportResult:
    """Writes one self-contained HTML page on every stage that is finished, and the same facts as JSON.

    The page depends on the run folder and the settings only: writing it again gives the same bytes.

    Raises:
        InputError: no stage is finished, or a file that a stage recorded is missing or was replaced.
    """
    findings = read_findings(run, config.prepare.source)
    copying = copying_verdict(findings.evaluate)
    progress.advance(1, 3, "steps", "records read")
    page = _page(config, run, findings, copying)
    progress.advance(2, 3, "steps", "pictures drawn")
    folder = run.stage_folder("report")
    for name, text in cards.written(config, findings, copying).items():
        write_atomic(folder / name, text.encode())
    write_json(folder / "report.json", _for_machines(config, findings, copying))
    write_atomic(folder / "report.html", page.encode())
    progress.advance(3, 3, "steps", "page written")
    return ReportResult(report=run.relative(folder / "report.html"))


def _page(config: Config, run: RunFolder, findings: Findings, copying: CopyingVerdict | None) -> str:
    here = files("gist.reporting")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        count=numerals.count,
        counted=numerals.counted,
        percent=numerals.percent,
        duration=numerals.duration,
        significant=numerals.significant,
    )
    template = environment.from_string((here / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        title=config.report.title or config.name,
        style=Markup((files("gist.pages") / "page.css").read_text(encoding="utf-8")),
        version=__version__,
        written=max(record.finished or record.started for record in findings.records.values())[:10],
        found=findings,
        wording=wording,
        words=words,
        summary=wording.summary(findings),
        caveat=wording.caveat(findings, copying),
        copying=copying,
        charts=training_curves(findings.ticks, _augment_target(findings)),
        snapshots=snapshot_section(read_snapshot_curve(run)),
        utility=utility_section(
            findings.utility, findings.generate.images if findings.generate is not None else 0
        ),
        score_table=score_table(findings.evaluate.scores if findings.evaluate is not None else ()),
        plan=provenance.plan(findings),
        stage_settings=provenance.stage_settings(findings),
        stage_times=provenance.stage_times(findings),
        surroundings=provenance.surroundings(findings),
        citations=provenance.citations(findings),
        config=config,
        cards=cards.names(findings),
        **_pictures(config, run, findings),
    )


def _pictures(config: Config, run: RunFolder, findings: Findings) -> dict[str, Any]:
    prepare, generate, evaluate, train = (
        findings.prepare,
        findings.generate,
        findings.evaluate,
        findings.train,
    )
    synthetic = read_data_set(run.path / generate.archive) if generate is not None else None
    training = read_data_set(run.path / prepare.train_archive) if prepare is not None else None
    real = training
    if prepare is not None and prepare.test_archive is not None and prepare.test_images:
        real = read_data_set(run.path / prepare.test_archive)
    # The pairs of an evaluation from before a redo name images that no longer exist, or are others now.
    current = evaluate is not None and "evaluate" not in {stage for stage, _ in findings.outdated}
    text = read_text_flags(run, prepare) if prepare is not None else NO_FLAGS
    pairs = [
        pair
        for pair in (evaluate.neighbours if evaluate is not None and current else ())
        if pair.real not in text.training
    ]
    found: dict[str, Any] = {
        "sheets": [],
        "pairs": [],
        "strip": None,
        "side": None,
        "text": text.sentence,
        "is_current": current,
        "real_is_held_out": False,
    }
    if real is not None:
        wanted = config.report.samples_per_class
        classes = max(1, len(real.class_names))
        side = sheets.shown_side(real.resolution, 2 * wanted * classes + 2 * len(pairs))
        found |= {"side": side, "real_is_held_out": real is not training}
        found["sheets"] = sheets.sample_sheets(
            real,
            synthetic,
            text.training if real is training else text.held_out,
            per_class=max(1, min(wanted, sheets.PIXEL_BUDGET // (2 * classes * side * side))),
            side=side,
            columns=FOUR_ACROSS if synthetic is not None else SIX_ACROSS,
            room=HALF_WIDTH if synthetic is not None else PAGE_WIDTH,
            seed=config.seed,
        )
        if pairs and synthetic is not None and training is not None:
            found["pairs"] = list(zip(pairs, _pair_pictures(pairs, synthetic, training, side), strict=True))
    found["artifacts"] = artifact_section(run, findings, synthetic, training, text.training, config.seed)
    if train is not None:
        grids = [run.path / name for name in train.grids]
        found["strip"] = sheets.training_strip(grids, train.resolution, PAGE_WIDTH)
    leaks = leak_check(run, findings, HALF_WIDTH)
    # The training does not record which images it put on its sheets.
    found["leak_sheet_hidden"] = leaks is not None and bool(text.training)
    found["leaks"] = None if text.training else leaks
    return found


def _pair_pictures(
    pairs: list[Any], synthetic: DataSet, training: DataSet, side: int
) -> list[sheets.Picture]:
    try:
        return sheets.neighbour_pictures(pairs, synthetic, training, side=side, room=PAIR_WIDTH)
    except KeyError as missing:
        raise InputError(
            f"Image {missing} of the evaluation is in no archive of this run; run `gist evaluate` again."
        ) from None


def _augment_target(findings: Findings) -> float | None:
    value = findings.records["train"].settings.get("augment_target") if findings.train is not None else None
    return float(value) if isinstance(value, int | float) else None


def _for_machines(config: Config, findings: Findings, copying: CopyingVerdict | None) -> dict[str, Any]:
    return {
        "format": 1,
        "gist_version": __version__,
        "title": config.report.title or config.name,
        "summary": wording.summary(findings),
        "phantoms": findings.phantoms,
        "caveat": wording.caveat(findings, copying),
        "copying": None if copying is None else vars(copying),
        "out_of_date": wording.out_of_date(findings),
        "outdated": [{"stage": stage, "made_before": upstream} for stage, upstream in findings.outdated],
        "results": {stage: without_paths(record.result) for stage, record in findings.records.items()},
    }
