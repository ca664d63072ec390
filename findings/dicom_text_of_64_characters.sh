#!/usr/bin/env bash
# Expected: DICOM gives the value representation LO a length of 64 *characters* (PS3.5 table 6.2-1, which says that it
# means characters, not bytes). A description of 64 characters, some outside ASCII, written in UTF-8, is valid: the library
# that wrote it in its strictest mode reads it back in that mode, and a validator has nothing to say.
#
# Found: (1) pydicom refuses to read what it has just written strictly, where those 64 characters take an odd number of
# bytes: it fills up to an even number by a space, as it must, and counts that space as the 65th character when it reads.
# (2) dciodvfy counts bytes, not characters, and calls every such value too long.
# So text is safe in both only if it is cut to 64 bytes, not to 64 characters.
set -euo pipefail
command -v dciodvfy >/dev/null || { echo "dciodvfy is needed: Debian package dicom3tools" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install pydicom==3.0.2 2>/dev/null
dpkg-query -W -f 'dicom3tools ${Version}\n' dicom3tools 2>/dev/null || echo "dicom3tools of unknown version"

cat >check.py <<'PY'
import subprocess
import pydicom
from pydicom import Dataset, config, dcmread
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

print("pydicom", pydicom.__version__)
config.settings.writing_validation_mode = config.settings.reading_validation_mode = config.RAISE


def tried(description):
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, "2.25.1"
    image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.2", "2.25.3"
    image.PatientName = image.PatientID = image.PatientBirthDate = image.PatientSex = ""
    image.StudyDate = image.StudyTime = image.AccessionNumber = image.ReferringPhysicianName = ""
    image.StudyID = image.SeriesNumber = image.InstanceNumber = "1"
    image.Modality, image.ConversionType, image.Manufacturer = "OT", "SYN", ""
    image.BodyPartExamined, image.Laterality, image.PatientOrientation = "KNEE", "L", ""
    image.SeriesDescription = description
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows = image.Columns = 2
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PixelData = bytes(4)
    image["PixelData"].VR = "OB"
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as("image.dcm", enforce_file_format=True)
    try:
        again = dcmread("image.dcm").SeriesDescription
        reads = "reads it back" if again == description else "reads something else"
    except ValueError as error:
        reads = f"refuses to read it: {error}"
    told = subprocess.run(["dciodvfy", "image.dcm"], capture_output=True, text=True)
    errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
    size = len(description.encode())
    print(f"\n{len(description)} characters in {size} bytes: pydicom wrote it strictly and {reads}")
    print("  dciodvfy:", "; ".join(errors) or "no errors", f"(exit {told.returncode})")
    return reads == "reads it back", not errors


outcomes = {
    "64 characters, 64 bytes": tried("a" * 64),
    "64 characters, 128 bytes": tried("é" * 64),
    "64 characters, 127 bytes": tried("a" + "é" * 63),
    "33 characters, 64 bytes": tried("aa" + "é" * 31),
    "33 characters, 65 bytes": tried("a" + "é" * 32),
}
expected_now = {
    "64 characters, 64 bytes": (True, True),
    "64 characters, 128 bytes": (True, False),
    "64 characters, 127 bytes": (False, False),
    "33 characters, 64 bytes": (True, True),
    "33 characters, 65 bytes": (True, False),
}
print()
if outcomes != expected_now:
    raise SystemExit(f"The behaviour has changed: {outcomes}")
print("As found: the reader counts the byte of filling, the validator counts bytes; the standard counts characters.")
PY
venv/bin/python check.py
