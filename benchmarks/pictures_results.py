"""What `pictures.py` has found so far, so that a killed benchmark goes on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import yaml

from gist.errors import InputError
from gist.files import write_atomic

REAL = "real"
"""Name of the row of training images in place of drawn ones."""


class Results:
    """Lines of JSON, each a finished judgement."""

    def __init__(self, file: Path, judged_by: str) -> None:
        self.file, self.judged_by = file, judged_by
        lines = file.read_text().splitlines() if file.exists() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def has(self, recipe: str, seed: int, minute: float, known_by: str) -> bool:
        """Whether it is there already.

        Raises:
            InputError: under the same name stands what other settings, another build or other images gave.
        """
        for row in self.rows:
            if (row["recipe"], row["seed"], row["minute"]) == (recipe, seed, minute):
                if (row["known_by"], row["judged_by"]) != (known_by, self.judged_by):
                    raise InputError(
                        f"{self.file} holds results of another '{recipe}' or of other images; give --folder a new one."
                    )
                return True
        return False

    def add(self, recipe: str, seed: int, minute: float, known_by: str, found: dict[str, Any]) -> None:
        """Appends a line and says that it is there."""
        row = {
            "recipe": recipe,
            "seed": seed,
            "minute": minute,
            "known_by": known_by,
            "judged_by": self.judged_by,
        }
        self.rows.append(row | found)
        # As a whole, so that no kill leaves half a line.
        write_atomic(self.file, "".join(f"{json.dumps(row)}\n" for row in self.rows).encode())
        told = ", ".join(f"{key} {value:.3g}" for key, value in found.items() if isinstance(value, float))
        print(f"{recipe}, seed {seed}, minute {minute:g}: {told}", flush=True)


_SETTINGS = ("architecture", "channel_base", "discriminator_detail", "gamma")


def write_measured(table: Path, folder: Path, rows: list[dict[str, Any]], data: str, images: int) -> None:
    """Adds what each recipe reached to the table that `gist.training.expectation` reads; a run of the same name is
    replaced."""
    real = next(row for row in rows if row["recipe"] == REAL)
    added = []
    for row in rows:
        run = folder / row["recipe"] / f"seed-{row['seed']}" / "run"
        if row["recipe"] == REAL or not (run / "train" / "plan.json").exists():
            continue
        plan = json.loads((run / "train" / "plan.json").read_text())["settings"]
        resolution = json.loads((run / "prepare" / "stage.json").read_text())["result"]["resolution"]
        start = yaml.safe_load((run / "config.yaml").read_text())["train"]["start_from"] or ""
        name = f"{data} {images} at {resolution}: {row['recipe']}, seed {row['seed']}"
        added.append(
            {"run": name, "data": data, "resolution": resolution, "images": images, "start": Path(start).stem}
            | {key: plan.get(key, 0) for key in _SETTINGS}
            | {key: f"{row[key]:.5g}" for key in ("kimg", "processor_minutes", "kid", "precision", "recall")}
            | {"extractor": row["extractor"], "n": row["n"]}
            | {f"real_{key}": f"{real[key]:.5g}" for key in ("precision", "recall")}
        )
    runs = {row["run"] for row in added}
    there = list(csv.DictReader(io.StringIO(table.read_text()))) if table.exists() else []
    text = io.StringIO()
    writer = csv.DictWriter(text, list(added[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([*(row for row in there if row["run"] not in runs), *added])
    write_atomic(table, text.getvalue().encode())
