"""What `pictures.py` has found so far, so that a killed benchmark goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gist.errors import InputError
from gist.files import write_atomic


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
