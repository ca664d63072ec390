"""Messages without the user's own folder and file names, which may identify a patient.

What a command prints ends in logs, and what a stage records is passed on with the run. Which settings are private paths
follows from their marks alone (`gist.stages.promise`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gist.config import Config, sections
from gist.stages.promise import private

_PLAIN_WORD = re.compile("[a-z]+")


def without_private_paths(message: str, config: Config) -> str:
    """The message with the words for a private setting in place of its path.

    Of a path that does not exist, and so must be seen to be mended, only the folders are left out.
    """
    for path, words in _private_paths(config):
        forms = dict.fromkeys((path.expanduser().resolve(), path.expanduser(), path))
        if path.expanduser().exists():
            for form in forms:
                # As it was typed, it is not the end of another path: a run of "knees" lies in runs/knees.
                before = r"\w" if form.is_absolute() else r"\w/\\"
                message = _replaced(message, str(form), words, before=before)
            # A bare name, too, where it is no plain word of the language.
            if not _PLAIN_WORD.fullmatch(path.name):
                message = _replaced(message, path.name, words)
        else:
            for form in forms:
                if form.parent != Path():
                    message = _replaced(message, str(form), f"…/{form.name}")
    return _replaced(message, str(Path.home()), "~")


def _private_paths(config: Config) -> Iterator[tuple[Path, str]]:
    """Every private path of the settings with the words for it, longest first, as one may lie in another."""
    given = [
        (path, words)
        for section in sections(config).values()
        for name, words in private(type(section)).items()
        for path in _paths_in(getattr(section, name))
    ]
    yield from sorted(given, key=lambda entry: len(str(entry[0].expanduser().resolve())), reverse=True)


def _paths_in(value: Any) -> Iterator[Path]:
    """The paths of a setting: one, several, or by names."""
    if isinstance(value, str | Path):
        yield Path(value)
    elif isinstance(value, Iterable):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _paths_in(part)


def _replaced(message: str, text: str, words: str, *, before: str = r"\w") -> str:
    # Whole words only: a source called "data" must not tear a sentence apart.
    return re.sub(rf"(?<![{before}]){re.escape(text)}(?!\w)", words, message) if len(text) > 1 else message
