#!/usr/bin/env bash
# Expected: de-identifying takes away. What a file leaves empty, because nobody knows it or there is nobody (a synthetic
# image), stays empty, as empty names do; and nothing is claimed that no one said.
#
# Found: dicom-anonymizer gives a patient without a birth date one, 1 January of the year 1, and such a date to every other
# date that is there and empty, while empty names and numbers stay empty: who computes ages afterwards finds people of 2,000
# years. deid with its own default recipe writes that the patient's id was issued by "STARR", the data warehouse of the
# recipe's authors, into anybody's file; a file without any patient id has an issuer of it then.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install pydicom==3.0.2 dicom-anonymizer==2.1.0 deid==0.4.13 2>/dev/null

cat >check.py <<'PY'
from importlib.metadata import version
import pydicom
from deid.dicom import get_identifiers, replace_identifiers
from dicomanonymizer import anonymize_dicom_file
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

for package in ("pydicom", "dicom-anonymizer", "deid"):
    print(package, version(package))

image = Dataset()
image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, "2.25.1"
image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.2", "2.25.3"
image.PatientName = image.PatientID = image.PatientBirthDate = image.PatientSex = ""
image.StudyDate = image.StudyTime = image.AccessionNumber = image.ReferringPhysicianName = ""
image.StudyID = image.SeriesNumber = image.InstanceNumber = "1"
image.Modality, image.ConversionType, image.Manufacturer = "OT", "SYN", ""
image.BodyPartExamined, image.Laterality, image.PatientOrientation = "KNEE", "L", ""
image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
image.Rows = image.Columns = 2
image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
image.PixelData = bytes(4)
image["PixelData"].VR = "OB"
image.file_meta = pydicom.dataset.FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("image.dcm", enforce_file_format=True)

anonymize_dicom_file("image.dcm", "one.dcm")
one = dcmread("one.dcm")
(other,) = replace_identifiers(
    dicom_files=["image.dcm"], ids=get_identifiers(["image.dcm"]), save=False
)
asked = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "StudyDate", "StudyTime")
print(f"\n{'':20}{'before':14}{'dicom-anonymizer':20}deid")
for keyword in asked:
    print(f"{keyword:20}" + "".join(
        f"{str(held[keyword].value) or '(empty)' if keyword in held else '(absent)':{width}}"
        for held, width in ((image, 14), (one, 20), (other, 0))
    ))
print()
if (str(one.PatientName), one.PatientBirthDate, one.StudyDate) != ("", "00010101", "00010101"):
    raise SystemExit("The behaviour of dicom-anonymizer has changed.")
if other.get("IssuerOfPatientID") != "STARR" or other.get("PatientID"):
    raise SystemExit("The behaviour of deid has changed.")
print("As found: a birth date for nobody, and an issuer for an id that is not there.")
PY
venv/bin/python -W ignore check.py
