"""Images per second and peak memory of the prepare stage, beside the plainest loops that do the same job.

    python benchmarks/prepare_throughput.py                      # pictures made here
    python benchmarks/prepare_throughput.py --source some/folder # your own PNG files in class folders
    python benchmarks/prepare_throughput.py --reference ../stylegan3

Part one: 224x224 PNG to 128x128. The rivals are the data set tool of the reference implementation (a checkout of
it is named by --reference and only run; it needs click and tqdm) and Pillow alone (open, resize, save, zip), both
in one process; neither checks, hashes, deduplicates nor splits. Part two: 12-bit 2000x2000 DICOM to 256x256 on
one process; the rivals are pydicom's pixels, a rescale to 8 bits and Pillow's box or Lanczos filter.

All tasks of a part take turns, --repeats times; medians are printed. On a machine that does other work too, trust
the processor time, not the rate.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

REFERENCE = "reference-tool"
PNG_SIDE, PNG_RESOLUTION = 224, 128
DICOM_SIDE, DICOM_RESOLUTION = 2000, 256


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=3000, help="PNG files to make")
    parser.add_argument("--dicom", type=int, default=100, help="DICOM files to make, 8 MB each")
    parser.add_argument("--source", type=Path, help="folder of PNG files instead of made ones")
    parser.add_argument(
        "--reference", type=Path, help="folder with the reference implementation's dataset_tool.py"
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each task")
    parser.add_argument("--task", choices=[*TASKS, REFERENCE], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        start = time.perf_counter()
        if arguments.task == REFERENCE:
            images = reference_tool(arguments.source, arguments.reference)
        else:
            images = TASKS[arguments.task](arguments.source)
        seconds = time.perf_counter() - start
        own = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            json.dumps(
                {
                    "images": images,
                    "seconds": seconds,
                    "processor_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
                    "parent_mebibytes": own_peak_mebibytes(),
                    "child_mebibytes": children.ru_maxrss / 1024,
                }
            )
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        pngs = arguments.source or make_pngs(Path(folder) / "png", arguments.images)
        dicoms = make_dicoms(Path(folder) / "dicom", arguments.dicom)
        print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}")
        tasks = ["gist-png", "gist-png-one", "pillow"]
        if arguments.reference is None:
            print(f"{REFERENCE}: not given")
        else:
            tasks.append(REFERENCE)
        compare("PNG 224x224 -> 128x128", pngs, tasks, arguments)
        tasks = ["gist-dicom-one", "pydicom-box", "pydicom-lanczos"]
        compare("DICOM 2000x2000 12 bit -> 256x256", dicoms, tasks, arguments)


def compare(title: str, source: Path, tasks: list[str], arguments: argparse.Namespace) -> None:
    """Runs each task in processes of its own, so that peak memory is its own too, and prints medians."""
    print(title)
    results: dict[str, list[dict[str, float]]] = {task: [] for task in tasks}
    for _ in range(arguments.repeats):
        for task in tasks:
            command = [sys.executable, __file__, "--task", task, "--source", str(source)]
            if task == REFERENCE:
                command += ["--reference", str(arguments.reference)]
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            results[task].append(json.loads(output.splitlines()[-1]))
    for task, of_task in results.items():
        rate = median(result["images"] / result["seconds"] for result in of_task)
        cost = median(1000 * result["processor_seconds"] / result["images"] for result in of_task)
        peak = median(result["parent_mebibytes"] for result in of_task)
        child = median(result["child_mebibytes"] for result in of_task)
        print(
            f"  {task:16s} {rate:8.1f} images/s, {cost:6.2f} processor ms/image, "
            f"peak {peak:4.0f} MiB + {child:4.0f} MiB per further process"
        )


def own_peak_mebibytes() -> float:
    """Largest resident size of this process; ru_maxrss would count what it was before its program was loaded."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def run_stage(source: Path, resolution: int, threads: int | None) -> int:
    # Imported here, so that the rivals do not pay for it.
    from gist.config import build_config
    from gist.intake.stage import prepare
    from gist.progress import Silent
    from gist.runs.folder import RunFolder

    tree: dict[str, Any] = {"prepare": {"source": str(source), "resolution": resolution}, "device": "cpu"}
    if threads is not None:
        tree["threads"] = threads
    with tempfile.TemporaryDirectory() as folder:
        result = prepare(build_config(tree), RunFolder(Path(folder)), Silent())
    return result.train_images + result.test_images + sum(result.rejected.values())


def reference_tool(source: Path, folder: Path) -> int:
    """Runs the reference implementation's tool as its users do; returns the number of images it wrote."""
    side = f"{PNG_RESOLUTION}x{PNG_RESOLUTION}"
    with tempfile.TemporaryDirectory() as place:
        archive = Path(place) / "images.zip"
        tool = [sys.executable, str(folder / "dataset_tool.py")]
        command = [*tool, f"--source={source}", f"--dest={archive}", f"--resolution={side}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with zipfile.ZipFile(archive) as written:
            return sum(name.endswith(".png") for name in written.namelist())


def pillow_alone(source: Path) -> int:
    count = 0
    with tempfile.TemporaryFile() as file, zipfile.ZipFile(file, "w") as archive:
        for path in sorted(source.rglob("*.png")):
            with Image.open(path) as image:
                small = image.convert("L").resize((PNG_RESOLUTION, PNG_RESOLUTION), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            small.save(buffer, format="PNG", compress_level=4)
            archive.writestr(path.name, buffer.getvalue())
            count += 1
    return count


def pydicom_alone(source: Path, filter_: Image.Resampling) -> int:
    count = 0
    size = (DICOM_RESOLUTION, DICOM_RESOLUTION)
    with tempfile.TemporaryFile() as file, zipfile.ZipFile(file, "w") as archive:
        for path in sorted(source.rglob("*.dcm")):
            pixels = dcmread(path).pixel_array.astype(np.float32)
            pixels = (pixels - pixels.min()) * (255 / (pixels.max() - pixels.min()))
            small = Image.fromarray(pixels).resize(size, filter_)
            buffer = io.BytesIO()
            Image.fromarray(np.asarray(small).astype(np.uint8)).save(buffer, format="PNG", compress_level=4)
            archive.writestr(path.name, buffer.getvalue())
            count += 1
    return count


TASKS: dict[str, Callable[[Path], int]] = {
    "gist-png": lambda source: run_stage(source, PNG_RESOLUTION, None),
    "gist-png-one": lambda source: run_stage(source, PNG_RESOLUTION, 1),
    "pillow": pillow_alone,
    "gist-dicom-one": lambda source: run_stage(source, DICOM_RESOLUTION, 1),
    "pydicom-box": lambda source: pydicom_alone(source, Image.Resampling.BOX),
    "pydicom-lanczos": lambda source: pydicom_alone(source, Image.Resampling.LANCZOS),
}


def radiograph_like(number: int, side: int, top: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Two soft bones of uneven density with film grain; no two so alike as to be near copies."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:side, :side] / side
    gap = 0.5 + rng.uniform(-0.05, 0.05)
    bones = np.exp(-(((x - rng.uniform(0.4, 0.6)) * 3) ** 2)) * (1 - 0.6 * np.exp(-(((y - gap) * 30) ** 2)))
    density = Image.fromarray(rng.uniform(0.4, 1, (9, 9)).astype(np.float32))
    bones *= np.asarray(density.resize((side, side), Image.Resampling.BICUBIC))
    values = np.clip(bones * rng.uniform(0.6, 1) + 0.015 * rng.standard_normal((side, side)), 0, 1)
    picture: np.ndarray[Any, np.dtype[np.uint16]] = np.rint(values * top).astype(np.uint16)
    return picture


def make_pngs(folder: Path, count: int) -> Path:
    for number in range(count):
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(radiograph_like(number, PNG_SIDE, 255).astype(np.uint8)).save(path)
    return folder


def make_dicoms(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = (
            DigitalXRayImageStorageForPresentation
        )
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
        dataset.Rows = dataset.Columns = DICOM_SIDE
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = (
            16,
            12,
            11,
            0,
        )
        dataset.PixelData = radiograph_like(number, DICOM_SIDE, 4095).tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


if __name__ == "__main__":
    main()
