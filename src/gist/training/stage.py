"""The train stage: prepared archive in; snapshots, picture grids and a log out; continues after any kill."""

from __future__ import annotations

from gist import ops
from gist.config import Config
from gist.errors import InputError, StageError
from gist.generators.learning.guards import NotFiniteError
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.learner import Learner, TrainingContext
from gist.generators.learning.plan import TrainingPlan
from gist.generators.learning.precision import wider_precision
from gist.generators.model import Start
from gist.generators.planning import precision_of
from gist.generators.registry import family_named
from gist.images.archive import read_data_set
from gist.machine.device import Device, computing
from gist.machine.interruption import StopRequest, deferred_stop
from gist.machine.memory import ran_out_of_memory
from gist.machine.team import Team, join
from gist.progress import Progress
from gist.runs.checkpoint import load_newest, remove_unfinished
from gist.runs.folder import RunFolder
from gist.runs.text_flags import read_text_flags
from gist.stages.prepare import PrepareResult
from gist.stages.train import TrainResult
from gist.training.hold_out import HoldOut
from gist.training.preflight import plan_of_run, prepared_data, scored_against
from gist.training.record import TrainingRecord
from gist.training.sitting import Sitting


def train(config: Config, run: RunFolder, progress: Progress, team: Team | None = None) -> TrainResult:
    """Trains a generator on the prepared archive until `train.kimg`, `train.hours` or `train.patience_kimg`.

    Under torchrun the leader calls this as the others do, each with its `team`; only the leader writes.

    Raises:
        InputError: settings contradict the data, or nothing is prepared.
        StageError: training broke down; the last good checkpoint is kept.
        Stopped: a signal or a request asked to stop; a checkpoint was written.
    """
    team = team or join()
    assert team is not None
    with computing(config, same_shapes=True) as device, deferred_stop(run.stop_file) as request:
        try:
            return _train(config, run, progress, team, device, request)
        except RuntimeError as error:
            if not ran_out_of_memory(error):
                raise
            raise StageError(
                "Memory ran out outside the training step; lower prepare.resolution or train.channel_base, or close "
                "other programs, and run the same command to continue."
            ) from None


def _train(
    config: Config, run: RunFolder, progress: Progress, team: Team, device: Device, request: StopRequest
) -> TrainResult:
    prepared = prepared_data(run)
    start, plan = plan_of_run(config, device, prepared, run)
    data_set = read_data_set(run.path / prepared.train_archive)
    images = TrainingImages(data_set, conditional=plan.conditional, seed=config.seed)
    ops.prepare(device.torch_device, progress.note)
    progress.note(f"Training on {device.reason}; {ops.active_backend(device.torch_device)}.")
    precision, reason = precision_of(config.train, plan, device)
    if precision != "float32":
        progress.note(f"Precision of the inner layers: {precision}; {reason}.")
    hold_out = _hold_out(config, run, plan, prepared, images, team)
    if hold_out is not None:
        progress.note(f"Snapshots are scored by KID[radiomics] on {hold_out.count} held-out images.")

    def sit(*, wider: bool) -> TrainResult:
        learner, record = _newest_state(config, run, progress, team, device, plan, start, images)
        record.float32_only |= wider
        sitting = Sitting(
            config,
            run,
            progress,
            device,
            team,
            learner,
            record,
            images,
            hidden=read_text_flags(run, prepared).training,
            precision=(wider_precision(precision, device) or precision) if record.float32_only else precision,
            hold_out=hold_out,
        )
        return sitting.train(request)

    try:
        return sit(wider=False)
    except NotFiniteError as error:
        wider = wider_precision(precision, device)
        if wider is None:
            raise
        progress.note(
            f"{error.where[0].upper()}{error.where[1:]} is not finite in {precision}: going on from the last "
            f"checkpoint in {wider}."
        )
    return sit(wider=True)


def _hold_out(
    config: Config,
    run: RunFolder,
    plan: TrainingPlan,
    prepared: PrepareResult,
    images: TrainingImages,
    team: Team,
) -> HoldOut | None:
    """What snapshots are scored against."""
    archive = scored_against(config.train, plan, prepared)
    if archive is None or not team.leads:
        return None
    cache = run.stage_folder("train") / "features"
    return HoldOut(images, read_data_set(run.path / archive), seed=config.seed, cache=cache)


def _newest_state(
    config: Config,
    run: RunFolder,
    progress: Progress,
    team: Team,
    device: Device,
    plan: TrainingPlan,
    start: Start | None,
    images: TrainingImages,
) -> tuple[Learner, TrainingRecord]:
    """The newest checkpoint, or a state before the first step."""
    folder = run.stage_folder("train")
    found = load_newest(folder / "checkpoints")
    context = TrainingContext(
        settings=config.train,
        images=images,
        device=device,
        seed=config.seed,
        class_names=images.data_set.class_names if plan.conditional else (),
        start=start,
        continues=found is not None,
        team=team,
        note=progress.note,
        folder=folder if team.leads else None,
    )
    learner, record = family_named(plan.architecture).learner(plan, context), TrainingRecord()
    if found is not None:
        tensors, facts = found
        learner.restore(tensors, facts)
        record.restore(facts)
        progress.note(f"Continuing at {learner.images / 1000:.2f} kimg.")
    (agreed,) = team.from_leader(learner.images)
    if agreed != learner.images:
        raise InputError(
            f"This process sees another checkpoint in {run.path} than the first one; the run folder must lie on a "
            "disk that all processes share."
        )
    if team.leads:
        remove_unfinished(folder / "checkpoints")
    return learner, record
