"""The parts of a ready-made split, as folders and tables call them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Split = Literal["train", "val", "test"]
Part = Literal["train", "val", "test", "none"]
"""`none`: files that belong to no part and are left out."""
_WORDS: dict[Split, str] = {
    "train": "train(ing)?|trn|entrenamiento|entrainement|apprentissage|addestramento",
    "val": "val(id(ate|ation|ierung)?)?|dev(el(opment)?)?|tun(e|ing)|eval(uation)?|validacion|validazione",
    "test": "test(ing|s)?|tst|prueba|holdout|heldout",
}
_BESIDE = "(auto|batch|bilder|data|dataset|daten|dcm|dicom|files?|fold|images?|img(s)?|jpe?g|part|png|set|split|stage)*"
_NAMES = {part: re.compile(f"{_BESIDE}({words}){_BESIDE}") for part, words in _WORDS.items()}


def part_of(name: str, own: Mapping[str, Part] | None = None) -> Part | None:
    """The part that a folder or a cell of a table names; None if it names none.

    `own` are the user's words, which come first; else capitals, digits, signs between words and words such as set or
    images do not matter: Train, auto_test, stage_2_train_images.
    """
    for word, part in (own or {}).items():
        if word.casefold() == name.casefold():
            return part
    letters = "".join(letter for letter in name.casefold() if letter.isalpha())
    return next((part for part, names in _NAMES.items() if names.fullmatch(letters)), None)
