"""Reads a report back: its links, images, `data` values and text, by Python's own HTML parser."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VOID = {"meta", "img", "br", "link", "input", "hr"}
SVG_LEAF = {"path"}


class PageReader(HTMLParser):
    """Parses a page and notes what the tests ask of it.

    Raises AssertionError where an element is closed that is not the one opened last.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.data: list[tuple[dict[str, str], str]] = []
        self.texts: list[str] = []
        self.headings: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag == "data":
            self.data.append((attributes, ""))
        if tag == "h2":
            self.headings.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.append(data)
        if "data" in self.open:
            attributes, text = self.data[-1]
            self.data[-1] = (attributes, text + data)
        if "h2" in self.open:
            self.headings[-1] += data

    @property
    def text(self) -> str:
        """All visible text with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def of_class(self, name: str) -> list[tuple[str, str]]:
        """(value, shown text) of `data` elements of a class."""
        return [(found["value"], text) for found, text in self.data if found.get("class") == name]

    def by_id(self, name: str) -> tuple[str, str]:
        """(value, shown text) of the `data` element of an id."""
        (found,) = [(found["value"], text) for found, text in self.data if found.get("id") == name]
        return found

    def images(self) -> list[tuple[dict[str, str], NDArray[np.uint8], dict[str, str]]]:
        """Attributes, pixels and PNG text of every image; all must be data URIs."""
        found = []
        for tag, attributes in self.elements:
            if tag == "img":
                header, _, payload = attributes["src"].partition(",")
                assert header == "data:image/png;base64"
                with Image.open(io.BytesIO(base64.b64decode(payload, validate=True))) as image:
                    image.load()
                    found.append((attributes, np.asarray(image), dict(image.info)))
        return found


def shown_number(text: str) -> float:
    """The number that a shown text says."""
    return float(text.replace(",", "").replace("−", "-").replace("\u2007", "").replace("\u2008", ""))
