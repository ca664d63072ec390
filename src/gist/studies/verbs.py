"""What `gist.studies` offers and `gist study` calls. Heavy parts are imported when a study is begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.config import Config, with_changes
from gist.errors import InputError
from gist.progress import Progress, Silent
from gist.verbs.beginning import begin

if TYPE_CHECKING:
    from gist.launch.slurm import Job
    from gist.studies.folder import StudyFolder
    from gist.studies.record import TrialRecord
    from gist.studies.result import StudyResult

SIZES = (100, 200, 400, 800)
REPEATS = 3
Settings = Path | str | Config


def size(
    settings: Settings,
    out: Path | str | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
    transfer_from: Path | str | None = None,
    gan_train: int = 0,
    changes: Mapping[str, Any] | None = None,
    only_propose: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    """How many images are enough: a generator for each of several nested random subsets, by patient.

    All have the same budget and are held against the same hold-out at equal n; the page is `study.html` in the study's
    folder. The same call continues a study, and several processes may work on one.

    >>> import gist
    >>> found = gist.studies.size("knee.yaml", sizes=[100, 200, 400])  # doctest: +SKIP
    >>> found.sentences[0], found.curves["scratch"].flat_from  # doctest: +SKIP

    Args:
        settings: as of `gist.run`.
        out: folder of the study; studies/NAME-size where none is named.
        sizes: images to learn from, at most as many as the training part has.
        repeats: trials of each size, each with a subset and a seed of its own.
        gan_train: times that a classifier learns from each trial's pictures and is tested on the hold-out; 0 for not.
        transfer_from: network that a second curve starts from: a file, or a name of `gist networks`.
        changes: settings of all trials by dotted name.
        only_propose: prepare the data and note the trials, for `trial` to run.

    Raises:
        gist.errors.InputError: the study is larger than its data, or its folder holds another one.
        gist.errors.GistError: the data cannot be prepared; a trial that fails stops nothing, see `failed`.
    """
    from gist.studies.sizing import size_study

    config, study = _begun(settings, out, "size", changes)
    result = size_study(
        config,
        study,
        progress or Silent(),
        sizes=sizes,
        repeats=repeats,
        network=_network(transfer_from),
        gan_train=gan_train,
        only_propose=only_propose,
    )
    return _written(study, result)


def tune(
    settings: Settings,
    out: Path | str | None = None,
    *,
    ranges: Sequence[str],
    trials: int = 20,
    repeats: int = REPEATS,
    prune: bool = False,
    objectives: Sequence[str] = ("kid",),
    changes: Mapping[str, Any] | None = None,
    only_propose: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    """Is tuning worth it: the default over several seeds, a search by Optuna, and its best afresh on those seeds.

    Args:
        ranges: what may be chosen, such as "train.gamma=0.1:10:log" or "train.batch=4,8,16".
        trials: of the search.
        repeats: runs of the default, and of the best that is found.
        prune: give a trial up whose snapshots are worse than the median of others.
        objectives: what is to be lowered: "kid", and with it "cost" (seconds of training) or "copies".

    The rest is as in `size`, and so are the errors; without optuna it says how to install it.
    """
    from gist.studies.space import read_choice
    from gist.studies.tuning import tune_study

    config, study = _begun(settings, out, "tune", changes)
    result = tune_study(
        config,
        study,
        progress or Silent(),
        choices=dict(map(read_choice, ranges)),
        trials=trials,
        repeats=repeats,
        prune=prune,
        objectives=objectives,
        only_propose=only_propose,
    )
    return _written(study, result)


def architectures(
    settings: Settings,
    out: Path | str | None = None,
    *,
    names: Sequence[str] = (),
    minutes: float = 60.0,
    repeats: int = REPEATS,
    changes: Mapping[str, Any] | None = None,
    only_propose: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    """Which kind of generator learns most in the same `minutes` on this device: all of them, or those of `names`.

    The rest is as in `size`, and so are the errors.
    """
    from gist.studies.arms import architectures_study

    config, study = _begun(settings, out, "architectures", changes)
    result = architectures_study(
        config,
        study,
        progress or Silent(),
        names=names,
        minutes=minutes,
        repeats=repeats,
        only_propose=only_propose,
    )
    return _written(study, result)


def transfer(
    settings: Settings,
    network: Path | str,
    out: Path | str | None = None,
    *,
    repeats: int = REPEATS,
    changes: Mapping[str, Any] | None = None,
    only_propose: bool = False,
    progress: Progress | None = None,
) -> StudyResult:
    """Whether starting from `network`, a file or one of `gist networks`, helps against a start from scratch.

    The rest is as in `size`, and so are the errors.
    """
    from gist.studies.arms import transfer_study

    config, study = _begun(settings, out, "transfer", changes)
    found = _network(network)
    assert found is not None
    result = transfer_study(
        config, study, progress or Silent(), network=found, repeats=repeats, only_propose=only_propose
    )
    return _written(study, result)


def trial(
    study: Path | str,
    number: int,
    *,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> TrialRecord:
    """Runs one trial of a study alone, by its number from 1, as a job of an array does; the page is left as it is.

    Args:
        study: its folder, begun by one of the other functions.
        changes: where to compute: device and threads.

    Raises:
        InputError: there is no such trial, or another process works on it.
    """
    from gist.runs.pipeline import open_run
    from gist.studies.folder import StudyFolder
    from gist.studies.numbering import trial_of
    from gist.studies.working import work_on_one

    folder = StudyFolder(study)
    folder.plan()
    config = with_changes(open_run(folder.base.path)[1], changes)
    return work_on_one(folder, trial_of(folder, number, config), config, progress or Silent())


def resume(
    study: Path | str, *, changes: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> StudyResult:
    """Brings a study to its end by its folder alone, as its own command does: what is left, then the page.

    Args:
        study: its folder, begun by one of the other functions.
        changes: where to compute: device and threads.

    Raises:
        InputError: there is no study there.
    """
    from gist.runs.pipeline import open_run
    from gist.studies.arms import architectures_study, transfer_study
    from gist.studies.folder import StudyFolder
    from gist.studies.sizing import size_study
    from gist.studies.space import read_choices
    from gist.studies.tuning import tune_study

    folder = StudyFolder(study)
    plan = folder.plan()
    given = (with_changes(open_run(folder.base.path)[1], changes), folder, progress or Silent())
    options = dict(plan.options)
    match plan.kind:
        case "size":
            network = folder.started_from() if options.pop("transfer") else None
            result = size_study(*given, **options, network=network)
        case "transfer":
            network = folder.started_from()
            assert network is not None
            result = transfer_study(*given, **options, network=network)
        case "architectures":
            result = architectures_study(*given, **options)
        case "tune":
            choices = read_choices(options.pop("ranges"))
            result = tune_study(*given, **options, choices=choices)
    return _written(folder, result)


def submit(
    study: Path | str,
    site: Path | None = None,
    *,
    slots: int | None = None,
    changes: Mapping[str, Any] | None = None,
    **asked: Any,
) -> tuple[Job, bool]:
    """Puts what is left of a study into SLURM's queue: an array of its trials, and a job that ends it.

    The rest is as in `gist.studies.jobs.start_trials`.
    """
    from gist.runs.pipeline import open_run
    from gist.studies.folder import StudyFolder
    from gist.studies.jobs import start_trials

    folder = StudyFolder(study)
    folder.plan()
    return start_trials(folder, with_changes(open_run(folder.base.path)[1], changes), site, slots, **asked)


def folder_of(settings: Settings, kind: str, changes: Mapping[str, Any] | None = None) -> Path:
    """Where a study lies that is given no folder."""
    return Path("studies") / f"{config_of(settings, changes).name}-{kind}"


def _begun(
    settings: Settings, out: Path | str | None, kind: str, changes: Mapping[str, Any] | None
) -> tuple[Config, StudyFolder]:
    from gist.studies.folder import StudyFolder

    config = config_of(settings, changes)
    return config, StudyFolder(Path("studies") / f"{config.name}-{kind}" if out is None else out)


def config_of(settings: Settings, changes: Mapping[str, Any] | None = None) -> Config:
    """The settings of a study, read once; each function here takes them in the place of a file or folder."""
    return (
        with_changes(settings, changes) if isinstance(settings, Config) else begin(settings, changes).config
    )


def _network(given: Path | str | None) -> Path | str | None:
    """A network file by its full path, as trials lie elsewhere; a name of those that ship as it is."""
    from gist.verbs.networks import networks

    if given is None or str(given) in {network.name for network in networks()}:
        return given
    path = Path(given).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"There is no network {given}; name a file, or one that `gist networks` lists.")
    return path


def _written(study: StudyFolder, result: StudyResult) -> StudyResult:
    from gist.studies.page import write_page

    write_page(study, result)
    return result
