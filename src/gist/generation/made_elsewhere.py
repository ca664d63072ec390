"""Synthetic images that another program made, brought into a run instead of drawn."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter

import numpy as np
from PIL import Image

from gist.config import Config
from gist.errors import InputError
from gist.files import write_atomic
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.intake.plain_set import decoded_set, settings_of_set
from gist.machine.interruption import stop_if_asked
from gist.numerals import counted
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.version import __version__

_MARK = {
    "Synthetic": "YES",
    "Description": "Synthetic image, said to be so by who brought it in; not for diagnosis.",
    "Software": f"made elsewhere, brought in by gist {__version__}",
}


def bring_in(config: Config, run: RunFolder, progress: Progress) -> GenerateResult:
    """Writes the images of `generate.source`, brought to the size of the real ones and marked as synthetic.

    Raises:
        InputError: prepare has not finished, there is no such set, or it shares no class with the real images.
    """
    source, began = config.generate.source, time.monotonic()
    assert source is not None
    prepared = result_of(run, PrepareResult, "generate")
    settings = settings_of_set(
        config.prepare, source, config.generate.labels, prepared.resolution, prepared.channels
    )
    folder = run.stage_folder("generate")
    archive, images, table = folder / "synthetic.zip", folder / "images", io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "label", "seed"])
    with decoded_set(settings, config.seed, config.threads, prepared.class_names, folder, progress) as made:
        names = made.class_names
        if names and prepared.class_names and not set(names) & set(prepared.class_names):
            raise InputError(
                "The synthetic images have no class in common with the real ones, which are: "
                f"{', '.join(prepared.class_names)}; call them alike, or set prepare.label_source=none."
            )
        with ArchiveWriter(archive, names) as writer:
            for number, (png, name) in enumerate(zip(made.pngs, made.classes, strict=True)):
                stop_if_asked(run.stop_file)
                with Image.open(io.BytesIO(png)) as picture:
                    marked = encode_png(
                        np.asarray(picture), _MARK | ({} if name is None else {"Class": name})
                    )
                file = images / f"image{number:08d}.png"
                write_atomic(file, marked)
                writer.add(marked, None if name is None else names.index(name))
                rows.writerow([f"images/{file.name}", name or "", ""])
    write_atomic(folder / "labels.csv", table.getvalue().encode())
    for note in made.notes:
        progress.note(note)
    for reason, count in made.set_aside.items():
        progress.note(
            f"{counted(count, 'synthetic file was', 'synthetic files were')} left out: each {reason}."
        )
    counts = Counter(made.classes)
    return GenerateResult(
        archive=run.relative(archive),
        images_folder=run.relative(images),
        labels_table=run.relative(folder / "labels.csv"),
        images=len(made.classes),
        class_counts={name: counts[name] for name in names},
        network="",
        network_sha256="",
        truncation_psi=1.0,
        first_seed=0,
        seconds=time.monotonic() - began,
        images_per_second=None,
        device="",
        made_elsewhere=True,
        rejected=made.set_aside,
    )
