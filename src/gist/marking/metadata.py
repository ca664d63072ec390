"""What is said beside the pixels: text chunks of PNG, XMP, and DICOM's own attribute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gist.images.png import XMP_KEY
from gist.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""Made by a trained algorithm (IPTC NewsCodes, Digital Source Type)."""
DESCRIPTION = "Synthetic image made by a generative network; not of a person, not for diagnosis."
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}" xmp:CreatorTool="gist {__version__}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
_DECLARED = re.compile(r"http://cv\.iptc\.org/newscodes/digitalsourcetype/(\w+)")


def text_of_picture(seed: int, class_name: str | None, network_sha256: str) -> dict[str, str]:
    """Text chunks of a generated PNG; the last is XMP (ISO 16684-1) with IPTC's DigitalSourceType."""
    text = {
        "Synthetic": "YES",
        "Description": DESCRIPTION,
        "Software": f"gist {__version__}",
        "Seed": str(seed),
        "Network": network_sha256,
    }
    return text | ({} if class_name is None else {"Class": class_name}) | {XMP_KEY: _XMP}


def declared(info: Mapping[str | tuple[int, int], object]) -> tuple[str, ...]:
    """What an image's metadata, as Pillow gives them, say of its being synthetic."""
    xmp = info.get("xmp", info.get(XMP_KEY, b""))
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    found = _DECLARED.search(text)
    said = [f"IPTC DigitalSourceType {found[1]}"] if found else []
    if str(info.get("Synthetic", "")).upper() == "YES":
        software = info.get("Software")
        said.append("PNG text Synthetic YES" + (f", {software}" if software else ""))
    return tuple(said)


def declared_in_dicom(dataset: Dataset) -> tuple[str, ...]:
    """What the attributes of a DICOM object say of its being synthetic."""
    said = ["DICOM Synthetic Data YES"] if dataset.get("SyntheticData") == "YES" else []
    if "SYNTHETIC" in (dataset.get("ImageType") or ()):
        said.append("DICOM Image Type SYNTHETIC")
    return tuple(said)
