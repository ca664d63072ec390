"""The control of a size study: one generator in place of all, so that what its curve does is the measure's doing."""

from __future__ import annotations

from dataclasses import replace

from gist.config import Config
from gist.files import write_json
from gist.generators.network_file import load_network
from gist.generators.synthesis import synthesise
from gist.images.archive import read_data_set
from gist.images.png import encode_png
from gist.machine.device import Device, computing
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.promise import Result
from gist.studies.folder import StudyFolder
from gist.studies.measuring import Yardstick
from gist.studies.record import TrialRecord
from gist.studies.result import ControlPoint

FIRST_SEED = 5 * 2**39
"""Far from the seeds that anybody generates from."""


class _Kept(Result):
    network_sha256: str
    points: tuple[ControlPoint, ...]


def control_points(
    study: StudyFolder, records: list[TrialRecord], config: Config, progress: Progress
) -> tuple[ControlPoint, ...]:
    """The generator of the last of these trials, all of one arm and by size, in the place of each size's own.

    For every size it draws as many new pictures as the trials did. KID holds them against the hold-out, as it does
    those of trials; the naive distance against the images that the size's own trial learned from.
    """
    run = study.run_of(records[-1].trial)
    made = result_of(run, GenerateResult, "a study")
    kept_file = study.path / "control.json"
    try:
        kept = _Kept.model_validate_json(kept_file.read_text(encoding="utf-8"))
        if kept.network_sha256 == made.network_sha256 and [point.images for point in kept.points] == [
            record.trial.images for record in records
        ]:
            return kept.points
    except (OSError, ValueError):
        pass
    with computing(config) as device:
        yardstick = Yardstick.of(study.base, config, progress, device, choosing=False)
        points = tuple(
            _point(study, run, number, record, yardstick, device) for number, record in enumerate(records)
        )
    write_json(kept_file, _Kept(network_sha256=made.network_sha256, points=points).model_dump(mode="json"))
    return points


def _point(
    study: StudyFolder, run: RunFolder, number: int, record: TrialRecord, yardstick: Yardstick, device: Device
) -> ControlPoint:
    assert record.trial.images is not None
    made = result_of(run, GenerateResult, "a study")
    G = load_network(run.path / made.network)[0].to(device.torch_device).eval().requires_grad_(False)
    like = read_data_set(run.path / made.archive)
    seeds = range(FIRST_SEED + number * len(like), FIRST_SEED + (number + 1) * len(like))
    pictures = synthesise(G, seeds, like.labels.tolist() if G.c_dim else None)
    drawn = replace(like, pngs=tuple(map(encode_png, pictures)))  # never written, so no mark is needed
    own = study.run_of(record.trial)
    learned_data = read_data_set(own.path / result_of(own, PrepareResult, "a study").train_archive)
    synthetic = yardstick.read(run, drawn, "synthetic")
    learned_from = yardstick.read(own, learned_data, "training")
    kid = yardstick.kid(synthetic)
    return ControlPoint(
        images=record.trial.images,
        kid=kid.value,
        low=kid.low,
        high=kid.high,
        naive=yardstick.naive(learned_from, synthetic),
    )
