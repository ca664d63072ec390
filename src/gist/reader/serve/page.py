"""What both forms of the page show of a study; nothing of it depends on an image's truth."""

from __future__ import annotations

import string
from typing import Any

from gist.reader.study.folder import Study

MOST_WORDS = 500
STYLE = "gist.reader.serve/reader.css"
SHARED_SCRIPTS = ("gist.reader.serve/viewer.js", "gist.reader.serve/session.js")
CONFIDENCES = ("guessing", "unsure", "fairly sure", "sure", "certain")
_TAKEN = "cimpx"  # comment, invert, mark, pause, pixels


def page_facts(study: Study) -> dict[str, Any]:
    """The facts of the template."""
    pairs = study.kind == "pairs"
    choices = [("left", "l", "Left"), ("right", "r", "Right")] if pairs else [
        ("real", "r", "Real"), ("synthetic", "s", "Synthetic")
    ]  # fmt: skip
    return {
        "study": study,
        "views": ("left", "right") if pairs else ("",),
        "choices": choices,
        "confidences": list(enumerate(CONFIDENCES, start=1)),
        "cues": _cues(study, _TAKEN + "".join(key for _, key, _ in choices)),
        "most_words": MOST_WORDS,
        "title": "Reader test",
    }


def session_facts(study: Study, reader: str) -> dict[str, Any]:
    """What the scripts know of a reader's session."""
    return {
        "study": study.study,
        "reader": reader,
        "kind": study.kind,
        "side": study.side,
        "bits": study.bits,
        "total": study.images + study.repeats,
        "references": [[reference.truth, reference.class_name] for reference in study.references],
    }


def _cues(study: Study, taken: str) -> list[tuple[str, str, str, str]]:
    """Cue, key to press, name and meaning: a letter of the name where one is free."""
    found = []
    for cue, (name, meaning) in study.cues.items():
        letters = name.lower() + string.ascii_lowercase
        key = next((one for one in letters if one in string.ascii_lowercase and one not in taken), "")
        taken += key
        found.append((cue, key, name, meaning))
    return found
