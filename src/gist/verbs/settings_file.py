"""A plan as a settings file that says why each setting is what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from gist.config import STAGES, Config
from gist.errors import InputError
from gist.files import write_atomic
from gist.intake.data_name import data_name
from gist.intake.source_state import label_table
from gist.stages.promise import each_path, unusual_settings
from gist.stages.train import UNTIL_HOURS

if TYPE_CHECKING:
    from gist.verbs.planning import Plan

_OF_THIS_MACHINE = "micro_batch"


def write_settings(plan: Plan, config: Config, file: Path) -> None:
    """Writes the settings of a plan as YAML; `config` are those that it was made from.

    Raises:
        InputError: the file is there already.
    """
    if file.exists():
        raise InputError(f"{file} is there already and stays as it is; choose another name.")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, settings_text(plan, config).encode())


def settings_text(plan: Plan, config: Config) -> str:
    """The settings of a plan as YAML with reasons as comments."""
    name = config.name if "name" in config.model_fields_set else data_name(config.prepare, plan.source)
    top = {key: value for key, value in unusual_settings(config).items() if key not in STAGES}
    lines = [
        "# Written by `gist plan` for the data below; `gist schema` lists every other setting.",
        *_lines({"name": name} | top, {}, ""),
    ]
    for stage in STAGES.values():
        section = stage.of(config)
        chosen = unusual_settings(section.model_copy(update=each_path(dict(section), _absolute)))
        reasons = dict.fromkeys(chosen, "given")
        if stage.name == "prepare":
            chosen = _private_places(config) | chosen | {"resolution": plan.source.resolution}
            reasons["source"] = "mind what this path tells before you pass the file on"
            reasons["resolution"] = plan.source.resolution_reason or "given"
        if stage.name == "train":
            planned = plan.training.settings()
            chosen |= {
                key: planned[key]
                for key, why in plan.training.reasons.items()
                if key != _OF_THIS_MACHINE and not why.startswith("taken over") and why != UNTIL_HOURS
            }
            reasons |= plan.training.reasons
        if chosen:
            lines += ["", f"{stage.name}:", *_lines(chosen, reasons, "  ")]
    return "\n".join(lines) + "\n"


def _private_places(config: Config) -> dict[str, str]:
    source, table = config.prepare.source, config.prepare.labels
    places = {} if source is None else {"source": str(_absolute(source))}
    if table is not None:  # one inside the source stays as it is given
        places["labels"] = str(
            _absolute(table) if table == label_table(config.prepare) and table.exists() else table
        )
    return places


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def _lines(values: dict[str, object], reasons: dict[str, str], indent: str) -> list[str]:
    """`key: value  # reason`; JSON is YAML."""
    why = {key: f"  # {reason}" for key, reason in reasons.items()}
    return [
        f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}{why.get(key, '')}"
        for key, value in values.items()
    ]
