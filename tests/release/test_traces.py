"""The search finds what it knows wherever it stands, and nothing where nothing is."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist.images.png import encode_png
from gist.phantoms.radiograph import phantom_batch
from gist.releasing.traces import Sought, generally_wrong

REAL = phantom_batch(range(3), 64)
ANYTHING = st.binary(max_size=200)


def sought() -> Sought:
    found = Sought()
    for image in REAL:
        found.add_image(image, encode_png(image), "a real image")
    return found


@given(before=ANYTHING, after=ANYTHING, number=st.integers(0, 2), as_file=st.booleans())
def test_a_real_image_is_found_wherever_it_stands(
    before: bytes, after: bytes, number: int, as_file: bool
) -> None:
    image = REAL[number]
    content = before + (encode_png(image) if as_file else image.tobytes()) + after
    assert list(sought().found_in(content)) == ["a real image"]


@given(content=st.binary(max_size=4000))
def test_nothing_is_found_where_nothing_is(content: bytes) -> None:
    assert list(sought().found_in(content)) == []


def test_a_plain_picture_gives_no_piece_that_would_be_found_everywhere() -> None:
    found = Sought()
    found.add_image(np.zeros((64, 64), np.uint8), b"", "a real image")
    assert list(found.found_in(bytes(10_000))) == []


@pytest.mark.parametrize("name", ["Meier Anna", "Müller, Jürgen", "O'Neil"])
@pytest.mark.parametrize(
    "written",
    [str.encode, lambda name: name.upper().encode(), lambda name: json.dumps(name).encode(),
     lambda name: quote(name).encode(), lambda name: name.encode("utf-16-le")],
)  # fmt: skip
def test_a_name_is_found_however_it_is_written(name: str, written: object) -> None:
    found = Sought()
    found.add_text(name, "a name")
    assert list(found.found_in(b"of " + written(name) + b" and others")) == ["a name"]  # type: ignore[operator]
    assert list(found.found_in(b"of nobody")) == []


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("in /home/meier/knees", True),
        ("C:\\Users\\meier\\knees", True),
        (json.dumps("C:\\Users\\meier\\knees"), True),
        ("~/knees", True),
        ("file:///mnt/x", True),
        ("https://doi.org/10.1000/data/xyz", False),
        ("n real / synthetic, 3/4, a/home/b", False),
        ("images/seed00000000.png", False),
    ],
)
def test_paths_are_told_from_what_only_has_a_stroke(text: str, is_path: bool) -> None:
    assert ("a path of somebody’s disk" in list(generally_wrong(text.encode(), True))) == is_path
