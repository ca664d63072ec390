"""A small finished run made of real files: archives of phantoms, records, a training log, picture grids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gist.config import Config, build_config
from gist.files import sha256_of, write_atomic, write_json
from gist.images.archive import ArchiveWriter, archive_name
from gist.images.png import encode_png
from gist.images.sheets import grid, write_png_atomic
from gist.progress import Silent
from gist.reporting.stage import write_report
from gist.runs.findings import Findings, read_findings
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.evaluate import EvaluateResult, Neighbour, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import StageName
from gist.stages.train import Snapshot, TrainResult
from gist.stages.utility import SyntheticWorth, UtilityClassifier, UtilityFinding, UtilityResult
from gist.utility.counts import arm_result

RESOLUTION = 64
STARTED, FINISHED = "2026-03-01T08:00:00+00:00", "2026-03-01T08:05:30+00:00"


def scores(groups: Sequence[str]) -> tuple[Score, ...]:
    """Three scores per group with every field in use somewhere."""
    found = []
    for number, group in enumerate(("overall", *groups)):
        common = {"group": group, "n_real": 1234 - number, "n_synthetic": 1234 - number}
        found += [
            Score(
                name="KID[radiomics]",
                value=0.04217 + number,
                low=0.0381,
                high=0.0466 + number,
                p_value=0.0004 + number / 9,
                baseline=0.00071,
                fingerprint="radiomics 1, uint8, n 1234",
                better="lower",
                meaning="Distance between the two sets of feature vectors.",
                verdict="fair",
                **common,
            ),
            Score(
                name="FD[radiomics]",
                value=61.27 + number,
                fingerprint="radiomics 1, float64, n 1234",
                better="lower",
                meaning="Distance between two normal distributions.",
                verdict="poor",
                **common,
            ),
            Score(
                name="Recall[radiomics]",
                value=None,
                fingerprint="radiomics 1, uint8, n 1234",
                better="higher",
                meaning="Too few images to tell how much of the variety is covered.",
                verdict="unknown",
                **common,
            ),
        ]
    return tuple(found)


def near_copies(verdict: str = "none found", meaning: str = "3 of 30 are close, as chance has it.") -> Score:
    """The score of the search for near-copies among 30 images."""
    return Score.model_validate(
        {
            "name": "near-copies",
            "group": "overall",
            "value": None if verdict == "unknown" else 0.1,
            "n_real": 20,
            "n_synthetic": 30,
            "fingerprint": "appearance/1",
            "better": "lower",
            "meaning": meaning,
            "verdict": verdict,
        }
    )


def utility(taught: str, added: str, class_names: Sequence[str]) -> UtilityResult:
    """What one classifier found, with these verdicts on GAN-train and on synthetic images beside real ones."""
    arms = [
        arm_result(
            classifier="small",
            arm=arm,
            learned_from=dict.fromkeys(class_names, 10),
            tested_on="held-out real",
            class_names=class_names,
            confusions=[((9, 1), (2, 8))],
            balanced=(0.1, 0.9),
        )
        for arm in ("Base", "GAN-train", "GAN-test")
    ]
    verdicts = {"GAN-train": taught, "GAN-test": "good", "Real+Synthetic": added}
    found = [
        {
            "classifier": "small",
            "question": question,
            "difference": {"value": -0.1, "low": -0.2, "high": 0.05},
            "smallest_detectable": 0.08,
            "verdict": verdict,
            "meaning": f"What {question} says.",
        }
        for question, verdict in verdicts.items()
    ]
    worth = SyntheticWorth(
        classifier="small", images=30, sizes=(5, 20), curve=(0.6, 0.9), gan_train=0.5, value=None, low=None,
        high=5, told=True, meaning="Worth few.",
    )  # fmt: skip
    return UtilityResult(
        class_names=tuple(class_names),
        seeds=5,
        classifiers=(UtilityClassifier(name="small", weights="from scratch", steps=250, pixels=64),),
        arms=tuple(arms),
        findings=tuple(map(UtilityFinding.model_validate, found)),
        worth=(worth,),
    )


@dataclass
class RunBuilder:
    """Writes finished stages into a run folder; every `done_*` adds one."""

    run: RunFolder
    images: NDArray[np.uint8]
    class_names: tuple[str, ...] = ("KL 0-1", "KL 3-4")
    held_out: int = 10
    digests: dict[StageName, str] = field(default_factory=dict)

    def done_prepare(self, **changes: object) -> PrepareResult:
        train, test = self.images[:20], self.images[20 : 20 + self.held_out]
        self._archive("prepare/train.zip", train, self.class_names)
        self._archive("prepare/test.zip", test, self.class_names)
        classes = self.class_names or ("all",)
        counts = {
            name: {"train": 20 // len(classes), "test": self.held_out // len(classes)} for name in classes
        }
        values = {
            "resolution": RESOLUTION,
            "class_names": self.class_names,
            "train_archive": "prepare/train.zip",
            "test_archive": "prepare/test.zip",
            "train_images": 20,
            "test_images": self.held_out,
            "class_counts": counts,
            "patients": 27,
            "rejected": {"not an image": 3, "more than 64,000,000 pixels": 1},
            "rejected_table": "prepare/rejected.csv",
            "source_digest": "ab" * 32,
            "upsampled": 0,
            "notes": ("Class KL 3-4 has half as many images as KL 0-1.",),
        }
        result = PrepareResult.model_validate(values | changes)
        settings = {"source": "/home/someone/Meier Anna 1961", "resolution": 64, "fit": "pad"}
        self._record("prepare", result.model_dump(mode="json"), settings, ["prepare/train.zip"])
        return result

    def done_train(
        self, log: str | None = None, start_from: str | None = None, **changes: object
    ) -> TrainResult:
        if log is None:
            log = "".join(json.dumps(tick) + "\n" for tick in self.ticks())
        write_atomic(self.run.path / "train/log.jsonl", log.encode())
        grids = []
        for number, blur in enumerate((9, 5, 3, 1)):
            file = self.run.path / f"train/grids/network-{number * 20000:09d}.png"
            write_png_atomic(file, grid(_blurred(self.images[:16], blur), 8), {"Synthetic": "YES"})
            grids.append(self.run.relative(file))
        values = {
            "snapshots": (Snapshot(file="train/snapshots/network-000060000.safetensors", kimg=60.0),),
            "kimg": 60.0,
            "seconds": 7384.0,
            "device": "cpu",
            "device_reason": "CPU with 2 threads, since no usable GPU was found",
            "resolution": RESOLUTION,
            "class_names": self.class_names,
            "settings": {"architecture": "stylegan3-t", "batch": 16, "gamma": 0.5, "mapping_layers": 2},
            "reasons": {"gamma": "0.0002 * 64 * 64 / 16, the usual rule for this size"},
            "log": "train/log.jsonl",
            "grid_real": "train/grids/real.png",
            "grids": tuple(grids),
            "stopped_because": "kimg reached",
        }
        result = TrainResult.model_validate(values | changes)
        self._record(
            "train",
            result.model_dump(mode="json"),
            {"augment_target": 0.6, "start_from": start_from},
            ["train/log.jsonl"],
        )
        return result

    def ticks(self) -> list[dict[str, float]]:
        random = np.random.default_rng(0)
        ticks = []
        for kimg in np.linspace(0.5, 60, 120):
            tick = {
                "kimg": float(kimg),
                "seconds": float(kimg) * 123,
                "loss_G": 0.7 + 0.9 * (1 - np.exp(-kimg / 20)) + 0.08 * random.normal(),
                "loss_D": 1.3 - 0.5 * (1 - np.exp(-kimg / 15)) + 0.05 * random.normal(),
                "real_sign": 0.6 * (1 - np.exp(-kimg / 12)) + 0.04 * random.normal(),
                "augment_p": min(0.5, kimg / 120),
                "sec_per_kimg": 123 + 3 * random.normal(),
            }
            if int(2 * kimg) % 4 == 0:
                tick["r1"] = 0.02 + 0.05 * np.exp(-kimg / 8) * random.uniform(0.6, 1.4)
            ticks.append(tick)
        return ticks

    def done_generate(self, **changes: object) -> GenerateResult:
        made = _blurred(self.images[10:40], 3)
        self._archive("generate/synthetic.zip", made, self.class_names)
        values = {
            "archive": "generate/synthetic.zip",
            "images_folder": "generate/images",
            "labels_table": "generate/labels.csv",
            "images": 30,
            "class_counts": dict.fromkeys(self.class_names, 15),
            "network": "train/snapshots/network-000060000.safetensors",
            "network_sha256": "cd" * 32,
            "truncation_psi": 0.9,
            "first_seed": 100,
            "seconds": 4.4,
            "images_per_second": 6.82,
            "device": "CPU with 2 threads",
        }
        result = GenerateResult.model_validate(values | changes)
        self._record("generate", result.model_dump(mode="json"), {"count": 30}, ["generate/synthetic.zip"])
        return result

    def done_evaluate(self, **changes: object) -> EvaluateResult:
        values = {
            "scores": (*scores(self.class_names), near_copies()),
            "neighbours": tuple(
                Neighbour(
                    synthetic=archive_name(index),
                    real=archive_name((7 * index) % 20),
                    distance=1.5 + 0.137 * index,
                    drawn="at random",
                    percentile=(5 + 8 * index) % 97 / 100,
                )
                for index in range(12)
            ),
            "identical_images": 0,
            "scores_file": "evaluate/scores.json",
            "notes": ("Scores per class rest on few images.",),
            "seconds": 12.0,
        }
        result = EvaluateResult.model_validate(values | changes)
        write_json(self.run.path / "evaluate/scores.json", [score.model_dump() for score in result.scores])
        self._record("evaluate", result.model_dump(mode="json"), {"neighbours": 3}, ["evaluate/scores.json"])
        return result

    def done_utility(self, result: UtilityResult) -> None:
        write_json(self.run.path / "utility/utility.json", result.model_dump(mode="json"))
        self._record("utility", result.model_dump(mode="json"), {}, ["utility/utility.json"])

    def done_everything(self) -> None:
        self.done_prepare()
        self.done_train()
        self.done_generate()
        self.done_evaluate()
        manifest = {
            "gist": "0.1.0",
            "python": "3.11.9",
            "packages": {"torch": "2.15.0"},
            "threads": {"torch": 2},
        }
        write_json(
            self.run.manifest_file, manifest | {"stages": {"prepare": {"settings": {"source": "/home/x"}}}}
        )

    def page(self, config: Config | None = None) -> str:
        """The report as text."""
        result = write_report(config or self.config(), self.run, Silent())
        return (self.run.path / result.report).read_text(encoding="utf-8")

    def findings(self, config: Config | None = None) -> Findings:
        """What the report draws on."""
        return read_findings(config or self.config(), self.run, before="report")

    def config(self, **report: object) -> Config:
        return build_config({"name": "knee", "folder": str(self.run.path), "seed": 3, "report": report})

    def _archive(self, name: str, images: NDArray[np.uint8], class_names: tuple[str, ...]) -> None:
        with ArchiveWriter(self.run.path / name, class_names) as writer:
            for number, image in enumerate(images):
                writer.add(encode_png(image), number % len(class_names) if class_names else None)

    def _record(
        self, stage: StageName, result: dict[str, object], settings: dict[str, object], files: list[str]
    ) -> None:
        record = StageRecord(
            stage=stage,
            state="done",
            settings={"seed": 3, **settings},
            continued_settings={},
            inputs={name: digest for name, digest in self.digests.items() if name != stage},
            outputs={file: sha256_of(self.run.path / file) for file in files},
            result=result,
            started=STARTED,
            finished=FINISHED,
            seconds=330.0,
        )
        self.run.write_record(record)
        self.digests[stage] = record.digest


def _blurred(images: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    shifts = range(-(width // 2), width // 2 + 1)
    moved = [np.roll(images, (y, x), (1, 2)) for y in shifts for x in shifts]
    return np.mean(moved, axis=0).round().astype(np.uint8)
