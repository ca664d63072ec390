"""The artifact part of the evaluate stage, and the judge that the generate stage filters with."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.config import Config
from gist.evaluation.artifacts_meaning import odd_share_meaning
from gist.images.archive import DataSet
from gist.metrics.artifacts.judge import (
    LEAST_HELD_OUT,
    LEAST_TRAINING,
    MOST_TRAINING,
    ArtifactJudge,
    Judgement,
)
from gist.metrics.artifacts.p_values import benjamini_hochberg
from gist.metrics.artifacts.pictures import BATCH, Pictures
from gist.metrics.artifacts.table import JudgedImage, write_heat_maps, write_table
from gist.metrics.features import FeatureSet
from gist.metrics.intervals import wilson
from gist.metrics.neighbours import nearest_training_image
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result
from gist.stages.evaluate import ArtifactSummary
from gist.stages.generate import GenerateResult

FALSE_DISCOVERIES = 0.1
"""Share of the images called artifacts that may be wrong."""
REAL_LEVEL = 0.05


@dataclass(frozen=True)
class Sample:
    """Images of an archive with the features that the evaluate stage has read already."""

    data: DataSet
    known: FeatureSet

    def pictures(self, positions: NDArray[np.int64] | slice) -> Pictures:
        """The images at these positions of the features."""
        return Pictures.read(self.data, self.known.indices[positions], self.known.features[positions])


def assess_artifacts(
    config: Config,
    run: RunFolder,
    progress: Progress,
    training: Sample,
    held_out: Sample | None,
    synthetic: Sample,
    hidden: frozenset[str],
    notes: list[str],
) -> ArtifactSummary | None:
    """Judges the synthetic images one by one and writes `evaluate/artifacts.csv` and `artifacts.safetensors`.

    Training images of a name in `hidden` are not named as the nearest, so that pages can show those that are.

    None, and a note, where too few real images are at hand to judge by.
    """
    if held_out is None or len(held_out.known) < LEAST_HELD_OUT or len(training.known) < LEAST_TRAINING:
        notes.append(
            f"Single images were not searched for artifacts: that takes {LEAST_TRAINING} training and "
            f"{LEAST_HELD_OUT} held-out images."
        )
        return None
    progress.note(f"Looking for artifacts in {len(synthetic.known)} synthetic images.")
    rng = np.random.default_rng(config.seed)
    learnt_from = np.sort(rng.permutation(len(training.known))[:MOST_TRAINING]).astype(np.int64)
    unlike = held_out.known.first_occurrences()
    judge = ArtifactJudge(training.pictures(learnt_from), held_out.pictures(unlike), config.seed)
    judgement = Judgement.joined(
        [
            judge.judge(synthetic.pictures(slice(start, start + BATCH)))
            for start in range(0, len(synthetic.known), BATCH)
        ]
    )
    adjusted = benjamini_hochberg(judgement.p_values)
    flagged = adjusted <= FALSE_DISCOVERIES
    share = float(flagged.mean())
    low, high = wilson(share, len(flagged))
    odd = float((judgement.p_values <= REAL_LEVEL).mean())
    odd_low, odd_high = wilson(odd, len(flagged))
    meaning, verdict = odd_share_meaning(judgement.p_values, judge.held_out, REAL_LEVEL)
    table, heat_maps = (run.stage_folder("evaluate") / f"artifacts.{end}" for end in ("csv", "safetensors"))
    write_table(table, _rows(run, judgement, adjusted, synthetic, _nearest(synthetic, training, hidden)))
    write_heat_maps(heat_maps, judgement.heat_maps)
    reasons = Counter(reason for reason, wrong in zip(judgement.reasons(), flagged, strict=True) if wrong)
    return ArtifactSummary(
        table=run.relative(table),
        heat_maps=run.relative(heat_maps),
        images=len(flagged),
        training=len(learnt_from),
        held_out=judge.held_out,
        false_discoveries=FALSE_DISCOVERIES,
        flagged=int(flagged.sum()),
        share=share,
        low=low,
        high=high,
        least_share=1 / (FALSE_DISCOVERIES * (judge.held_out + 1)),
        real_level=REAL_LEVEL,
        odd_share=odd,
        odd_low=odd_low,
        odd_high=odd_high,
        reasons=dict(reasons.most_common()),
        meaning=meaning,
        verdict=verdict,
    )


def _rows(
    run: RunFolder,
    judgement: Judgement,
    adjusted: NDArray[np.float64],
    synthetic: Sample,
    nearest: list[str],
) -> list[JudgedImage]:
    files = _files(run, len(synthetic.data))
    return [
        JudgedImage(
            image=synthetic.data.names[int(index)],
            file=files[int(index)],
            class_name=str(synthetic.known.classes[row]),
            score=float(judgement.score[row]),
            p=float(judgement.p_values[row]),
            q=float(adjusted[row]),
            worst_detector=reason,
            nearest=nearest[row],
        )
        for row, (index, reason) in enumerate(zip(synthetic.known.indices, judgement.reasons(), strict=True))
    ]


def _nearest(synthetic: Sample, training: Sample, hidden: frozenset[str]) -> list[str]:
    """Name of the training image most like each synthetic one, of those not hidden where these are enough."""
    names = [training.data.names[int(index)] for index in training.known.indices]
    kept = np.flatnonzero([name not in hidden for name in names])
    if len(kept) < 2:
        kept = np.arange(len(names))
    found = nearest_training_image(synthetic.known.appearance, training.known.appearance[kept]).index
    return [names[int(kept[index])] for index in found]


def _files(run: RunFolder, count: int) -> list[str]:
    """Picture file of each image of the synthetic archive, which labels.csv lists in the same order."""
    generated = finished_result(run, GenerateResult)
    if generated is not None:
        table = run.path / generated.labels_table
        if table.is_file():
            with table.open(encoding="utf-8", newline="") as rows:
                files = [run.relative(table.parent / row["file"]) for row in csv.DictReader(rows)]
            if len(files) == count:
                return files
    return [""] * count
