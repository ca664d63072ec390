"""Do two builds of gist compute the same bits? Prepares, trains, draws with each, and compares SHA-256.

    python benchmarks/same_bits.py --before OTHER/src [--kimg 0.5] [--images 20]

Compared are a prepared archive, and for each architecture every checkpoint's tensors, every snapshot's tensors, the
losses in the log, and the pictures drawn. Both builds run by the same interpreter, one after the other, through the
command line only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import safetensors.numpy

ARCHITECTURES = ("stylegan3-t", "stylegan2", "dcgan")
OWN = Path(__file__).resolve().parents[1] / "src"
LOSSES = ("kimg", "loss_G", "loss_D", "r1", "real_sign", "augment_p", "kid")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--before", type=Path, required=True, help="folder that holds the other build's `gist`"
    )
    parser.add_argument("--kimg", type=float, default=0.5)
    parser.add_argument("--images", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phantoms = folder / "phantoms"
        _gist(options.before, "phantoms", str(phantoms), "--count", "120", cwd=folder)
        digests = {
            build: _digests(source, phantoms, folder / build, options.kimg, options.images)
            for build, source in (("before", options.before), ("after", OWN))
        }
    unequal = 0
    for what, digest in digests["before"].items():
        other = digests["after"].get(what, "missing")
        unequal += digest != other
        print(f"{'equal  ' if digest == other else 'UNEQUAL'} {digest[:16]} {other[:16]} {what}")
    sys.exit(1 if unequal else 0)


def _digests(source: Path, phantoms: Path, folder: Path, kimg: float, images: int) -> dict[str, str]:
    folder.mkdir()
    found: dict[str, str] = {}
    for architecture in ARCHITECTURES:
        run = folder / architecture
        _gist(
            source, "prepare", str(phantoms), "--run", str(run), "--labels", "labels.csv",
            "--patient-column", "patient_id", "--resolution", "64", "--test-fraction", "0.5", cwd=folder,
        )  # fmt: skip
        _gist(
            source, "train", str(run), "--architecture", architecture, "--kimg", str(kimg),
            "--snapshot-kimg", str(kimg / 2), "--best-by", "kid", cwd=folder,
        )  # fmt: skip
        _gist(source, "generate", str(run), "--count", str(images), cwd=folder)
        found[f"{architecture}: train.zip"] = _file(run / "prepare" / "train.zip")
        for file in sorted(run.glob("train/checkpoints/*/state.safetensors")):
            found[f"{architecture}: checkpoint {file.parent.name}"] = _tensors(file)
        for file in sorted(run.glob("train/snapshots/*.safetensors")):
            found[f"{architecture}: {file.stem}"] = _tensors(file)
        found[f"{architecture}: losses"] = _losses(run / "train" / "log.jsonl")
        grids = sorted(run.glob("train/grids/network-*.png"))
        found[f"{architecture}: {len(grids)} grids"] = _pixels(grids)
        pictures = sorted(run.glob("generate/images/*.png"))
        found[f"{architecture}: {len(pictures)} pictures"] = _pixels(pictures)
    return found


def _gist(source: Path, *words: str, cwd: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}
    subprocess.run([sys.executable, "-m", "gist", *words], cwd=cwd, env=environment, check=True)


def _file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _tensors(file: Path) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(safetensors.numpy.load_file(file).items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _losses(log: Path) -> str:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kept = [{name: line[name] for name in LOSSES if name in line} for line in lines]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _pixels(files: list[Path]) -> str:
    from PIL import Image

    digest = hashlib.sha256()
    for file in files:
        with Image.open(file) as image:
            digest.update(f"{file.name} {image.mode} {image.size}".encode() + image.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
