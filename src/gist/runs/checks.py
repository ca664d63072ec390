"""What can be told of a stage's settings before it starts, and before anything of the run is touched.

Each check takes the settings, the run, and the stages that the same command will renew first: what depends on
those cannot be known yet and is checked when they are done.
"""

from __future__ import annotations

from collections.abc import Set

from gist.config import Config
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName

Ahead = Set[StageName]


def check_prepare(config: Config, run: RunFolder, _ahead: Ahead) -> None:
    """Raises InputError where the source, its label table or the classes asked for cannot be had."""
    _source_class_names(config, run)


def check_train(config: Config, run: RunFolder, ahead: Ahead) -> None:
    """Raises InputError where device, starting network or the settings beside it cannot work."""
    from gist.training.preflight import check_start, check_training

    if "prepare" in ahead:
        check_start(config)
    else:
        check_training(config, run)


def check_generate(config: Config, run: RunFolder, ahead: Ahead) -> None:
    """Raises InputError where there will be no network, or not with the classes asked for."""
    from gist.generation.stage import check_classes, check_generation, comes_from_training
    from gist.machine.device import choose_device

    if "train" not in ahead or not comes_from_training(config.generate.network):
        check_generation(config, run)
        return
    choose_device(config)
    class_names = _source_class_names(config, run) if "prepare" in ahead else _prepared_class_names(run)
    if class_names is not None:
        conditional = config.train.conditional is not False and len(class_names) > 1
        check_classes(config.generate.per_class, class_names if conditional else ())


def check_evaluate(config: Config, run: RunFolder, ahead: Ahead) -> None:
    """Raises InputError where the extractor of the settings or its device cannot be had."""
    from gist.evaluation.sets import check_extractor
    from gist.machine.device import choose_device

    choose_device(config)
    if "prepare" not in ahead:
        check_extractor(config, run)


def check_utility(config: Config, _run: RunFolder, _ahead: Ahead) -> None:
    """Raises InputError where the device of the settings cannot be had."""
    from gist.machine.device import choose_device

    if config.utility.classifiers:
        choose_device(config)


def _source_class_names(config: Config, run: RunFolder) -> tuple[str, ...] | None:
    """Classes of the source by its folders or table; None where only the files themselves tell."""
    from gist.intake.labelling import label_source

    # No salt: nothing that identifies anybody is kept of this look.
    labelled = label_source(config.prepare, config.seed, b"", (run.path,))
    if labelled.origin == "tag":
        return None
    names = {candidate.class_name for candidate in labelled.candidates}
    return tuple(sorted(name for name in names if name is not None))


def _prepared_class_names(run: RunFolder) -> tuple[str, ...] | None:
    from gist.stages.prepare import PrepareResult

    record = run.record("prepare")
    if record is None or record.result is None:
        return None
    return PrepareResult.model_validate(record.result).class_names
