"""The work and the page of the added stage: images are measured one by one, slowly if that is asked."""

from __future__ import annotations

import json
import time

import numpy as np
from contrast_promise import ContrastConfig, ContrastResult
from markupsafe import Markup

from gist.config import Config
from gist.files import write_atomic, write_json
from gist.images.archive import read_data_set
from gist.images.png import as_unit
from gist.pages.section import Section, StagePage
from gist.progress import Progress
from gist.runs.findings import Findings
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.generate import GenerateResult


def measure(config: Config, run: RunFolder, progress: Progress) -> ContrastResult:
    settings: ContrastConfig = config.contrast  # type: ignore[attr-defined]
    data = read_data_set(run.path / result_of(run, GenerateResult, "contrast").archive)
    folder = run.stage_folder("contrast")
    found = []
    for index in range(len(data)):
        file = folder / "done" / f"{index:04d}.json"
        if not file.exists():
            levels = as_unit(data.image(index))
            dark, bright = np.percentile(levels, [settings.percentile, 100 - settings.percentile])
            time.sleep(settings.seconds_each)
            write_atomic(file, json.dumps(float(bright - dark)).encode())
        found.append(json.loads(file.read_text()))
        progress.advance(index + 1, len(data), "images")
    result = ContrastResult(images=len(found), contrast=float(np.mean(found)))
    write_json(folder / "contrast.json", result.model_dump())
    return result


def contrast_page(findings: Findings) -> StagePage:
    result = findings.of(ContrastResult)
    if result is None:
        return StagePage()
    text = Markup('<p>Contrast: <data id="contrast" value="{0}">{0:.2f}</data></p>').format(result.contrast)
    return StagePage(
        summary=(f"The contrast of {result.images} synthetic images was measured.",),
        sections=(Section("contrast", "How strong the contrast is", text),),
    )
