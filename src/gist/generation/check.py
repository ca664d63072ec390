"""What can be told of the generate stage before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Set

from gist.addresses import imported
from gist.config import STAGES, Config
from gist.errors import InputError
from gist.generation.network import comes_from_training, find_network, read_network
from gist.intake.labelling import label_source
from gist.intake.plain_set import settings_of_set
from gist.machine.device import choose_device
from gist.marking.credentials import Signer
from gist.runs.folder import RunFolder
from gist.runs.results import finished_result, result_of
from gist.stages.prepare import PrepareResult
from gist.stages.promise import StageName


def check_generate(config: Config, run: RunFolder, ahead: Set[StageName]) -> None:
    """Raises InputError where there will be no network, or not with the classes asked for, or no key to sign with."""
    if config.generate.source is not None:
        _check_set(config, run, ahead)
        return
    choose_device(config)
    if config.generate.credentials is not None:
        Signer(config.generate.credentials)
    if "train" not in ahead or not comes_from_training(config.generate.network):
        _, class_names = read_network(find_network(config.generate.network, run))
        check_classes(config.generate.per_class, class_names)
        return
    names = _class_names_ahead(config, run, ahead)
    if names is not None:
        conditional = config.train.conditional is not False and len(names) > 1
        check_classes(config.generate.per_class, names if conditional else ())


def _check_set(config: Config, run: RunFolder, ahead: Set[StageName]) -> None:
    """Raises InputError where the set that was made elsewhere cannot be listed, or there is no real one beside it."""
    source, labels = config.generate.source, config.generate.labels
    assert source is not None
    if not source.exists():
        raise InputError(
            f"There is no {source}; generate.source names the folder or zip of synthetic images."
        )
    if "prepare" not in ahead:
        result_of(run, PrepareResult, "generate")
    label_source(settings_of_set(config.prepare, source, labels, 32), config.seed, b"")


def check_classes(per_class: Mapping[str, int] | None, class_names: tuple[str, ...]) -> None:
    """Raises InputError where `generate.per_class` does not fit a network that draws these classes."""
    if per_class is None:
        return
    unknown = [name for name in per_class if name not in class_names]
    if unknown:
        known = ", ".join(class_names) if class_names else "none, it draws without classes"
        raise InputError(f"generate.per_class names '{unknown[0]}', but the network's classes are: {known}.")
    if sum(per_class.values()) == 0:
        raise InputError(
            "generate.per_class asks for no image at all; give at least one class a number above 0."
        )


def _class_names_ahead(config: Config, run: RunFolder, ahead: Set[StageName]) -> tuple[str, ...] | None:
    """The classes of the data that the network will have learned from; None where nobody can tell yet."""
    foretells = STAGES["prepare"].promise.foretells
    if "prepare" in ahead and foretells is not None:
        names: tuple[str, ...] | None = imported(foretells)(config, run)
        return names
    prepared = finished_result(run, PrepareResult)
    return None if prepared is None else prepared.class_names
