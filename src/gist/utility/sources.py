"""What the utility stage reads from the run folder, and whether the question can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gist.images.archive import DataSet, read_data_set
from gist.runs.folder import RunFolder
from gist.runs.patients import NO_PATIENT, read_patients
from gist.runs.results import result_of
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.utility.pools import Pools, common_classes, read_pool, split_validation


@dataclass(frozen=True)
class Sources:
    """The run's archives, and the patient of each real image."""

    train: DataSet
    validation: DataSet | None
    """What prepare kept for choosing between settings, if anything."""
    test: DataSet | None
    synthetic: DataSet
    patients: Mapping[str, list[str]]
    """Part (train, val, test) -> patient of each of its images."""

    @property
    def patients_known(self) -> bool:
        return not any(name.startswith(NO_PATIENT) for names in self.patients.values() for name in names)

    def pools(self, class_names: Sequence[str], pixels: int, validation_fraction: float, seed: int) -> Pools:
        """The images at a classifier's size, in the parts that no arm may mix.

        Validation images are those that prepare kept, or else cut from the training part by patient.
        """
        assert self.test is not None
        real = read_pool(self.train, class_names, pixels, self.patients["train"])
        if self.validation is not None and common_classes(self.train, self.validation):
            validation = read_pool(
                self.validation, class_names, pixels, self.patients["val"], self.train.channels
            )
        else:
            real, validation = split_validation(real, validation_fraction, seed)
        test = read_pool(self.test, class_names, pixels, self.patients["test"], self.train.channels)
        synthetic = read_pool(self.synthetic, class_names, pixels, None, self.train.channels)
        return Pools(tuple(class_names), real, validation, test, synthetic)

    def classes(self) -> tuple[tuple[str, ...], str]:
        """The classes to tell apart, and an empty text or why there is nothing to tell apart."""
        if len(self.train.class_names) < 2:
            return (), "the images have fewer than two classes"
        if self.test is None:
            return (), "no real image is held out to test on"
        if not self.synthetic.class_names:
            return (), "the synthetic images carry no classes"
        names = common_classes(self.train, self.test, self.synthetic)
        if len(names) < 2:
            return (), "fewer than two classes have training, held-out and synthetic images"
        return names, ""


def read_sources(run: RunFolder) -> Sources:
    """Reads the archives of prepare and generate.

    Raises:
        InputError: one of these stages has not finished, or its files are damaged.
    """
    prepared = result_of(run, PrepareResult, "utility")
    generated = result_of(run, GenerateResult, "utility")
    archives = {"train": prepared.train_archive, "val": prepared.val_archive, "test": prepared.test_archive}
    sets = {
        part: read_data_set(run.path / archive) for part, archive in archives.items() if archive is not None
    }
    records = run.path / "prepare" / "records.csv"
    return Sources(
        train=sets["train"],
        validation=sets.get("val"),
        test=sets.get("test"),
        synthetic=read_data_set(run.path / generated.archive),
        patients={part: read_patients(records, data, part) for part, data in sets.items()},
    )
