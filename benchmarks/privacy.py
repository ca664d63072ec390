"""What the memorisation audit finds: planted copies, and alarms where nobody copied, on phantoms or a folder of images.

python benchmarks/privacy.py --training 3000 --hold-out 3000 --synthetic 1000
python benchmarks/privacy.py --images knees --table knees/labels.csv --training 1500 --hold-out 1500 --synthetic 1000

The stand-ins for synthetic images are real ones of patients of their own. The table has columns file and patient_id.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gist.metrics.extractors import extractor_named
from gist.metrics.intervals import wilson
from gist.phantoms.radiograph import draw_phantom
from gist.privacy.audit import Looks, Sets, judged, look_at
from gist.privacy.detection import alarms, detect
from gist.privacy.eye import EYE_SIDE, train_eye
from gist.privacy.novelty import novelty
from gist.privacy.views import Images, Looked, Viewer, reduced
from gist.stages.privacy import VERDICT_FALSE_ALARMS

SIDE = 64


def phantoms(count: int) -> tuple[Images, list[str]]:
    """Phantom knees and their patients."""
    drawn = [draw_phantom(seed, size=SIDE) for seed in range(count)]
    return np.stack([np.rint(image * 255) / 255 for image, _ in drawn]), [
        str(truth.patient) for _, truth in drawn
    ]


def folder(root: Path, table: Path) -> tuple[Images, list[str]]:
    """Images of a table at 64 pixels, and their patients."""
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    images = []
    for row in rows:
        with Image.open(root / row["file"]) as image:
            images.append(
                np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255
            )
    return np.stack(images), [row["patient_id"] for row in rows]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--images", type=Path)
    options.add_argument("--table", type=Path)
    for name, usual in (
        ("training", 1000),
        ("hold-out", 1000),
        ("synthetic", 1000),
        ("repeats", 40),
        ("steps", 0),
    ):
        options.add_argument(f"--{name}", type=int, default=usual)
    given = options.parse_args()
    wanted = given.training, given.hold_out, given.synthetic
    x, patients = phantoms(sum(wanted)) if given.images is None else folder(given.images, given.table)
    rng = np.random.default_rng(0)
    # Whole patients in turn, so that the three sets share none.
    names, patient = np.unique(patients, return_inverse=True)
    order = np.argsort(rng.permutation(len(names))[patient], kind="stable")
    training, hold_out, synthetic = np.split(order, np.cumsum(wanted))[:3]
    hold_out = hold_out[~np.isin(patient[hold_out], patient[training])]
    synthetic = synthetic[~np.isin(patient[synthetic], patient[hold_out])]
    owners = np.array(patients)
    sets = Sets(x[training], x[hold_out], x[synthetic], owners[training], owners[hold_out])
    print(
        f"{len(training)} training, {len(hold_out)} hold-out, {len(synthetic)} synthetic images", flush=True
    )

    began = time.monotonic()
    small = np.stack([reduced(image, EYE_SIDE) for image in sets.training])
    steps = given.steps or min(max(len(small) // 6, 20), 400)
    eye = train_eye(small, sets.training_patients, steps, 0, torch.device("cpu"), lambda _: None)
    print(f"network learned in {time.monotonic() - began:.0f} s ({steps} steps)", flush=True)
    viewer = Viewer(sets.training, eye, extractor_named("radiomics", SIDE))
    looks = look_at(sets, viewer, 0, lambda _, look: look(), lambda _: None)
    print(f"all looked at after {time.monotonic() - began:.0f} s", flush=True)
    result = judged(sets, looks, 100, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"audited after {time.monotonic() - began:.0f} s, at most {peak:.2f} GiB; {result.verdict}, p {result.p_value}"
    )
    for control in result.controls:
        print(f"control {control.name}: {control.alarms} alarms in {control.repeats}")
    print(
        f"hold-out and stand-ins, by patient: {alarms_between(looks, owners, hold_out, synthetic)} alarms in 100"
    )
    for name, looked in {"stand-ins": looks.synthetic, **looks.planted}.items():
        shares = [float((novelty(looked, looks.hold_out) <= level).mean()) for level in (0.01, 0.05)]
        print(f"generate.min_novelty 0.01 and 0.05 drop of {name:20} {shares[0]:.2f} and {shares[1]:.2f}")
    copies = max(1, round(0.01 * len(synthetic)))
    for kind, looked in looks.planted.items():
        found = [
            detect(with_copies(looks.synthetic, looked, copies, rng), looks.hold_out.ratio, rng).p_value
            <= VERDICT_FALSE_ALARMS
            for _ in range(given.repeats)
        ]
        low, high = wilson(float(np.mean(found)), len(found))
        told = result.power_of(kind, 0.01)
        assert told is not None
        print(
            f"{kind:20} {copies} of {len(synthetic)}: found in {np.mean(found):.2f} ({low:.2f}-{high:.2f}) of "
            f"{len(found)} repeats; the audit says {told.power:.2f}",
            flush=True,
        )


def with_copies(stand_ins: Looked, planted: Looked, copies: int, rng: np.random.Generator) -> np.ndarray:
    """Stand-ins of which some give way to copies."""
    kept = stand_ins.ratio[rng.permutation(len(stand_ins.ratio))[copies:]]
    return np.concatenate([kept, planted.ratio[rng.choice(len(planted.ratio), copies, replace=False)]])


def alarms_between(looks: Looks, owners: np.ndarray, hold_out: np.ndarray, synthetic: np.ndarray) -> int:
    """Alarms in 100 ways of dealing patients out to both sides."""
    ratios = np.concatenate([looks.hold_out.ratio, looks.synthetic.ratio])
    return alarms(
        ratios,
        owners[np.concatenate([hold_out, synthetic])],
        100,
        VERDICT_FALSE_ALARMS,
        np.random.default_rng(1),
    )


if __name__ == "__main__":
    main()
