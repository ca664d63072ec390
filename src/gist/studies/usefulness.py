"""GAN-train of a trial: what a classifier learns from its pictures alone, on terms that are equal for all trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.set_reader import real_data
from gist.files import write_json
from gist.images.archive import DataSet
from gist.machine.device import Device, computing
from gist.runs.folder import RunFolder
from gist.runs.patients import read_patients
from gist.stages.promise import Result
from gist.stages.utility import Interval
from gist.studies.folder import StudyFolder
from gist.utility.bootstrap import ImageDraws, SeedDraws, interval
from gist.utility.classifiers import CLASSIFIERS
from gist.utility.learning import learn
from gist.utility.pools import Pool, common_classes, read_pool

_SMALL = CLASSIFIERS["small"]


class _Kept(Result):
    prepared: str
    seeds: int
    reached: Interval


@dataclass(frozen=True)
class Examination:
    """A classifier that keeps its last step, tested on the hold-out, which chose nothing."""

    class_names: tuple[str, ...]
    test: Pool
    seeds: int
    config: Config
    device: Device

    @classmethod
    def of(cls, base: RunFolder, config: Config, device: Device, seeds: int) -> Examination:
        """For the prepared data of a study; every classifier is trained from `seeds` starts.

        Raises:
            InputError: there are not two classes to tell apart.
        """
        held_out, names = _told_apart(base, config)
        patients = read_patients(base.path / "prepare" / "records.csv", held_out, "test")
        return cls(names, read_pool(held_out, names, _SMALL.pixels, patients), seeds, config, device)

    def passed_by(self, data: DataSet) -> Interval:
        """Balanced accuracy of what learns from these images, with its interval over held-out patients and starts."""
        steps, seed = self.config.utility.steps, self.config.seed
        training = read_pool(data, self.class_names, _SMALL.pixels, None)
        found_SN = np.array(
            [
                learn(
                    _SMALL,
                    training,
                    self.test.take(np.arange(0)),
                    {"real": self.test},
                    classes=len(self.class_names),
                    steps=_SMALL.steps if steps == "auto" else steps,
                    seed=1000 * seed + number,
                    weights=None,
                    device=self.device.torch_device,
                ).predicted["real"]
                for number in range(self.seeds)
            ],
            np.int64,
        )
        truth = self.test.labels
        right_SN = found_SN == truth
        value = float(np.mean([right_SN[:, truth == label].mean() for label in np.unique(truth)]))
        draws = ImageDraws.drawn(truth, self.test.groups, SeedDraws.drawn(self.seeds, seed), seed, "real")
        return interval(value, draws.balanced_accuracy(found_SN))


def check_classes(study: StudyFolder, config: Config) -> None:
    """Raises InputError where there are not two classes to tell apart."""
    _told_apart(study.base, config)


def _told_apart(base: RunFolder, config: Config) -> tuple[DataSet, tuple[str, ...]]:
    real = real_data(base)
    names = () if real.held_out is None else common_classes(real.training, real.held_out)
    if real.held_out is None or len(names) < 2 or config.train.conditional is False:
        raise InputError(
            "GAN-train needs images of two classes or more, in the training part and held out; leave --gan-train out."
        )
    return real.held_out, names


def passed_by_real(study: StudyFolder, config: Config, seeds: int) -> Interval:
    """What is learned from all real images of the training part, for comparison; kept in the study's folder."""
    kept_file, record = study.path / "real.json", study.base.record("prepare")
    digest = "" if record is None else record.digest
    try:
        kept = _Kept.model_validate_json(kept_file.read_text(encoding="utf-8"))
        if (kept.prepared, kept.seeds) == (digest, seeds):
            return kept.reached
    except (OSError, ValueError):
        pass
    with computing(config) as device:
        examination = Examination.of(study.base, config, device, seeds)
        reached = examination.passed_by(real_data(study.base).training)
    write_json(kept_file, _Kept(prepared=digest, seeds=seeds, reached=reached).model_dump(mode="json"))
    return reached
