"""Runs the chosen stages in order, skips what is finished, and says what is stale and why."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from gist.addresses import imported
from gist.config import SET_STAGES, STAGE_NAMES, STAGES, Config, Stage, as_yaml, load_config
from gist.errors import BusyError, GistError, InputError, StageError
from gist.files import write_atomic
from gist.machine.interruption import Stopped, stop_if_asked
from gist.machine.processes import check_threads, place
from gist.progress import Progress, Silent
from gist.runs.folder import RunFolder, StageRecord
from gist.runs.manifest import now, write_manifest
from gist.runs.private_paths import without_private_paths
from gist.runs.results import RunResult, results
from gist.runs.shards import Shard, missing_shards, remove_shards, work_on_shard
from gist.runs.standing import (
    assess,
    kept_result,
    needs_work,
    stage_inputs,
    stage_settings,
)
from gist.stages.promise import StageName, continued_settings


def run_stages(
    config: Config,
    stages: Sequence[StageName],
    progress: Progress,
    set_name: str | None = None,
    *,
    checked: bool = False,
) -> RunResult:
    """Brings the named stages up to date in their natural order, for the synthetic set of this name.

    `checked`: `check_run` has found nothing against it, which takes a look at every file of the source.

    Raises:
        InputError: settings or data are wrong, or an earlier stage is missing or stale.
        BusyError: another process works on the run folder.
        StageError: a stage failed.
        Stopped: a signal asked to stop.
    """
    run = RunFolder(config.run_folder, set_name)
    chosen = [name for name in STAGE_NAMES if name in stages]
    if not place().leads:
        return _follow(config, run, chosen)
    with told_plainly(config, run), run.locked(), run.listening(), _companions(chosen):
        run.remove_leftovers()
        if not checked:
            check_run(config, run, chosen)
        before = _stored_settings(run) or config
        _store(config, run)
        for number, name in enumerate(chosen):
            ahead = chosen[number + 1 :]
            if STAGES[name].promise.lengthy and needs_work(STAGES[name], config, run):
                for last in ahead:
                    if STAGES[last].promise.uses == "all before":  # has something to show already
                        _bring_up_to_date(STAGES[last], config, before, run, progress, chosen[number:])
            _bring_up_to_date(STAGES[name], config, before, run, progress, ahead)
        return results(run)


def run_shard(
    config: Config, stage: StageName, shard: Shard, progress: Progress, set_name: str | None = None
) -> RunResult | None:
    """Does a shard of a stage and, where all are done, the stage; None where it is not done yet.

    Raises:
        InputError, StageError, Stopped: as `run_stages`; the stage cannot be done in shards.
        BusyError: another process works on the same shard.
    """
    run, work = RunFolder(config.run_folder, set_name), STAGES[stage].promise.shard
    if work is None:
        raise InputError(f"Stage {stage} is not done in shards; run it without.")
    with told_plainly(config, run):
        check_run(config, run, [stage])
        if needs_work(STAGES[stage], config, run):
            progress.stage = stage
            work_on_shard(
                config, stage, shard, run, lambda folder: imported(work)(config, run, folder, shard, progress)
            )
            progress.stage = ""
            missing = missing_shards(stage, config, run, shard.count)
            if missing:
                few = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
                progress.note(f"{stage}: shard {shard} is done; {few} not yet. The last one joins them.")
                return None
    try:
        return run_stages(config, [stage], progress, set_name, checked=True)
    except BusyError:
        progress.note(
            f"{stage}: all shards are done, and another process works on the run: it joins them, or else "
            f"`{run.command(stage)}` does."
        )
        return None


@contextmanager
def told_plainly(config: Config, run: RunFolder) -> Iterator[None]:
    """What goes wrong in it is told in words for users, without their private paths."""
    try:
        yield
    except GistError as error:
        # On the terminal too: what it shows often ends in a log.
        error.args = (without_private_paths(str(error), config),)
        raise
    except KeyboardInterrupt:
        raise Stopped("Stopped; the same command continues.") from None
    except OSError as error:
        raise StageError(without_private_paths(str(_disk_error(error, run, full=True)), config)) from error


def keep_settings(config: Config) -> RunFolder:
    """The run folder of these settings, which lie in it now for whoever works on the run later.

    Raises:
        BusyError: another process works on it.
    """
    run = RunFolder(config.run_folder)
    with run.locked():
        _store(config, run)
    return run


def _stored_settings(run: RunFolder) -> Config | None:
    """The settings in the run folder; None where there are none that this version reads."""
    try:
        return open_run(run.path, run.set_name)[1]
    except InputError:
        return None


def _store(config: Config, run: RunFolder) -> None:
    own = None if run.set_name is None else SET_STAGES
    write_atomic(run.config_file, as_yaml(config, own).encode())


@contextmanager
def _companions(chosen: Sequence[StageName]) -> Iterator[None]:
    """Where torchrun started several processes, sends home those that were not called to the train stage."""
    try:
        yield
    finally:
        if place().count > 1 and _shared(chosen) is not None:
            from gist.machine.team import leave

            leave()


def _shared(chosen: Sequence[StageName]) -> Stage | None:
    """The stage that all processes share, if it is among the chosen ones."""
    return next((STAGES[name] for name in chosen if STAGES[name].promise.shared), None)


def _follow(config: Config, run: RunFolder, chosen: Sequence[StageName]) -> RunResult:
    """What all but the first of torchrun's processes do: wait for the stage that is shared, and take part in it."""
    stage = _shared(chosen)
    if stage is None:
        raise SystemExit(0)
    from gist.machine.team import join, leave

    team = join()
    if team is None:
        leave()
        raise SystemExit(0)
    result = imported(stage.promise.work)(config, run, Silent(), team)
    leave()
    return RunResult(run.path, {stage.name: result})


def open_run(
    folder: Path | str, set_name: str | None = None, *, begin: bool = False
) -> tuple[RunFolder, Config]:
    """An existing run folder with the settings it was made with, as its synthetic set of this name sees them.

    With `begin` the set may be a new one, which takes its settings from those of the run as they are now.

    Raises:
        InputError: there is no run in the folder, or no such set in it.
    """
    run = RunFolder(folder, set_name)
    settings = RunFolder(folder).config_file
    if not settings.is_file():
        raise InputError(f"There is no gist run in {run.path}; check the path, or start one with `gist run`.")
    own = None if set_name is None or not run.config_file.is_file() else run.config_file
    if set_name is not None and own is None and not begin:
        there = ", ".join(str(each.set_name) for each in run.sets())
        raise InputError(
            f"There is no synthetic set '{set_name}' in {run.path}; "
            + (f"there are: {there}." if there else f"make it with `{run.command('generate')}`.")
        )
    if set_name is not None and own is None:
        twins = [str(each.set_name) for each in run.sets() if each.set_name != set_name]
        for twin in (twin for twin in twins if twin.casefold() == set_name.casefold()):
            raise InputError(
                f"There is a synthetic set '{twin}' in {run.path}, which many disks cannot tell from '{set_name}'; "
                "give that name, or one that differs in more than capitals."
            )
    return run, load_config(settings, {"folder": str(run.path)}, own=own)


def check_run(config: Config, run: RunFolder, chosen: Sequence[StageName]) -> None:
    """Finds out, before anything is written, what would keep the chosen stages from starting.

    Raises:
        InputError: an earlier stage is missing, or settings of a stage that has work to do cannot work.
    """
    check_threads(config.threads)
    ahead: set[StageName] = set()
    for name in chosen:
        stage = STAGES[name]
        for needed in stage.needs:
            record = run.record(needed)
            if needed not in ahead and (record is None or record.state != "done"):
                raise InputError(
                    f"Stage {name} needs stage {needed}, which is not finished in {run.path}; "
                    f"run `{run.command(needed)}` first."
                )
        if not ahead.isdisjoint(stage.earlier) or needs_work(stage, config, run):
            stage.check(config, run, frozenset(ahead))
            ahead.add(name)


def _bring_up_to_date(
    stage: Stage,
    config: Config,
    before: Config,
    run: RunFolder,
    progress: Progress,
    ahead: Sequence[StageName],
) -> None:
    """Does what there is to do for one stage.

    `before` are the settings that the run folder held, `ahead` the stages that this command goes on to.
    """
    for earlier in stage.earlier:
        if earlier in ahead or run.record(earlier) is None:
            continue
        old = assess(STAGES[earlier], config, run)
        if old.state in ("stale", "to continue"):
            progress.note(
                f"Stage {earlier} is {old.state}, and {stage.name} builds on it as it is: run {earlier} to renew it."
            )
    standing = assess(stage, config, run)
    if standing.state in ("stale", "not started"):
        kept = kept_result(stage, config, run)
        if kept is not None:
            run.bring_back(stage.name, kept)
            write_manifest(run, config)
            progress.note(f"{stage.name}: used again from {kept}, where it was kept with these settings.")
            standing = assess(stage, config, run)
    if standing.state == "done":
        progress.note(f"{stage.name}: done already.")
        return
    aside = None
    if standing.state == "stale":
        aside = run.put_aside(stage.name)
        where = f" The old results are kept in {aside}." if stage.promise.kept and aside else ""
        progress.note(f"{stage.name}: starting again, since {standing.why}.{where}")
    elif standing.state in ("stopped", "failed", "to continue"):
        why = f", since {standing.why.rstrip('.')}" if standing.why else ""
        progress.note(f"{stage.name}: continuing{why}.")
    try:
        _execute(stage, config, run, progress)
    except BaseException:
        if aside is not None and not run.has_begun(stage.name):
            run.bring_back(stage.name, aside)
            restored = config.model_copy(update={stage.name: stage.of(before)})
            _store(restored, run)
            progress.note(f"{stage.name}: ended before its work began, so the old result is back.")
        raise
    finally:
        if aside is not None:
            run.remove_leftovers()


def _execute(stage: Stage, config: Config, run: RunFolder, progress: Progress) -> None:
    before = run.record(stage.name)
    record = StageRecord(
        stage=stage.name,
        state="running",
        settings=stage_settings(stage, config),
        continued_settings=continued_settings(stage.kept(config)),
        inputs=stage_inputs(stage, config, run),
        started=before.started if before is not None else now(),
    )
    run.write_record(record)
    progress.stage = stage.name
    began = time.monotonic()
    spent = (before.seconds or 0.0) if before is not None else 0.0
    ended: dict[str, Any] = {}
    try:
        result = imported(stage.promise.work)(config, run, _Recorded(progress, run, stage.name))
        ended = {
            "state": "done",
            "result": result.model_dump(mode="json"),
            "outputs": run.outputs(stage.name),
            "counts": run.counts(stage.name),
        }
    except (Stopped, KeyboardInterrupt):
        ended = {"state": "stopped"}
        raise
    except GistError as error:
        error.args = (without_private_paths(str(error), config),)
        ended = {"state": "failed", "error": str(error)}
        raise
    except OSError as error:
        failure = StageError(without_private_paths(str(_disk_error(error, run)), config))
        ended = {"state": "failed", "error": str(failure)}
        raise failure from error
    except Exception as error:
        from gist.machine.memory import ran_out_of_memory

        if ran_out_of_memory(error):
            ended = {"state": "failed", "error": "memory ran out"}
            raise StageError(
                f"Memory ran out in stage {stage.name}; lower the resolution or train.micro_batch, or close other "
                "programs."
            ) from None
        ended = {"state": "failed", "error": f"{type(error).__name__}, a fault of gist itself"}
        error.args = tuple(
            without_private_paths(part, config) if isinstance(part, str) else part for part in error.args
        )
        raise
    finally:
        progress.stage = ""
        if ended:
            _record_end(run, record, ended | {"finished": now(), "seconds": spent + time.monotonic() - began})
    remove_shards(stage.name, run)
    write_manifest(run, config)
    taken = timedelta(seconds=round(time.monotonic() - began))
    progress.note(f"{stage.name}: {result.in_one_line() or 'done'}. It took {taken}.")


def _record_end(run: RunFolder, record: StageRecord, ended: dict[str, Any]) -> None:
    try:
        run.write_record(record.model_copy(update=ended))
    except OSError:
        if ended["state"] == "done":
            raise
        # The disk is full: the record stays at "running", which the next call treats as interrupted.


def _disk_error(error: OSError, run: RunFolder, *, full: bool = False) -> StageError:
    """What a disk refused; `full`: with the path from the root, which is not for records."""
    place = Path(error.filename or run.path)
    shown = place.absolute() if full else place
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StageError(
            f"The disk holding {run.path} is full; free some space and run the same command to continue."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return StageError(f"{shown} cannot be written or read; check its permissions.")
    return StageError(f"{error.strerror or error} ({shown}); mend that and run the same command.")


class _Recorded:
    """Passes progress on and notes it in the run folder about once a second."""

    def __init__(self, progress: Progress, run: RunFolder, stage: StageName) -> None:
        self._progress = progress
        self._run = run
        self._stage: StageName = stage
        self._began = time.monotonic()
        self._noted = 0.0
        self._first: float | None = None

    def note(self, text: str) -> None:
        self._progress.note(text)

    def advance(self, done: float, total: float, unit: str, detail: str = "") -> None:
        self._progress.advance(done, total, unit, detail)
        moment = time.monotonic()
        self._first = done if self._first is None else self._first
        if moment - self._noted > 1 or done >= total:
            self._noted = moment
            stop_if_asked(self._run.stop_file)
            self._run.write_progress(self._stage, self._first, done, total, unit, moment - self._began)
