"""The site profile, and the batch script that is made of it."""

import re
import subprocess
from pathlib import Path

import pytest

import gist
from gist.config import build_config
from gist.errors import InputError, StageError
from gist.launch.site import Site, read_site
from gist.launch.slurm import Job, batch_script, submit
from gist.studies.jobs import site_of_trials
from gist.verbs.jobs import _steps, start_job


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIST_SITE", raising=False)

    def write(text: str) -> Path:
        file = tmp_path / "site.yaml"
        file.write_text(text)
        return file

    return write


def parsed(script: str) -> None:
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""


def test_a_profile_s_values_are_asked_for_and_those_of_the_command_take_their_place(profile) -> None:
    file = profile(
        "partition: gpu\naccount: radiology\ngpus: 4\nmodules: [cuda/12.4]\nsetup: [source ~/gist/bin/activate]\n"
    )
    script = batch_script(
        read_site(file, {"nodes": 2, "gpus": None, "time": "1-12:00:00"}),
        "run . --stages prepare,train",
    )
    parsed(script)
    lines = script.splitlines()
    for line in (
        "--partition=gpu",
        "--account=radiology",
        "--gpus-per-node=4",
        "--nodes=2",
        "--time=1-12:00:00",
    ):
        assert f"#SBATCH {line}" in lines
    assert lines.index("module load cuda/12.4") < lines.index("source ~/gist/bin/activate")
    assert "--nproc-per-node 4" in script
    assert "run . --stages prepare,train" in script


def test_one_process_needs_no_torchrun_and_a_container_goes_before_every_command(profile) -> None:
    site = read_site(profile("gpus: 1\ncontainer: apptainer exec --nv gist.sif\n"), {})
    script = batch_script(site, "run .")
    parsed(script)
    assert "torchrun --nnodes" not in script
    assert script.count("apptainer exec --nv gist.sif gist") == 2


def test_the_user_s_own_profile_and_the_one_of_the_environment_are_found(
    profile, tmp_path, monkeypatch
) -> None:
    assert read_site(None, {}).partition is None
    own = tmp_path / ".config/gist/site.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("partition: own\n")
    assert read_site(None, {}).partition == "own"
    monkeypatch.setenv("GIST_SITE", str(profile("partition: named\n")))
    assert read_site(None, {}).partition == "named"


def test_times_and_accounts_mean_what_they_look_like(profile) -> None:
    text = "time: 12:00:00\naccount: 0123\npartition:\nqos: 2026-11-30\noptions: [--exclusive, --nice=10]\n"
    site = read_site(profile(text), {})
    assert (site.time, site.account, site.partition, site.qos) == ("12:00:00", "0123", None, "2026-11-30")
    assert site.options == ("--exclusive", "--nice=10")
    assert read_site(profile("time: 30\nleave: 60\n"), {}).time == "30"


def test_the_profile_in_the_guide_is_read(profile) -> None:
    guide = Path(__file__).parents[2] / "docs/guide/cluster.md"
    (text,) = re.findall(r"^```yaml\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL)
    site = read_site(profile(text), {})
    assert site.time == "12:00:00"
    parsed(batch_script(site, "run ."))


@pytest.mark.parametrize(
    ("text", "given", "words"),
    [
        ("partitoin: gpu\n", {}, r"site\.yaml says 'partitoin', which is none of: partition, account"),
        ("partition: [\n", {}, r"no readable YAML \(line 2\)"),
        ("- gpu\n", {}, "must hold lines such as 'partition: gpu'"),
        ("nodes: many\n", {}, "says 'nodes: many', and it should be a valid integer"),
        ("time: soon\n", {}, "says 'time: soon', and it should be written as SLURM does"),
        ("partition: a b\n", {}, "says 'partition: a b'"),
        ('setup: ["a\\nb"]\n', {}, "says 'setup.0"),
        ("", {"nodes": 0}, "The command says 'nodes: 0'"),
        (
            "",
            {"time": "00:09:00"},
            "A job of 00:09:00 is too short to be asked to stop 300 seconds before its end",
        ),
    ],
)
def test_a_mistake_in_it_is_one_sentence(profile, text: str, given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_site(profile(text), given)


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no site profile"):
        read_site(tmp_path / "other.yaml", {})


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("30", 1800),
        ("30:30", 1830),
        ("2:00:00", 7200),
        ("1-0", 86400),
        ("1-2:30", 95400),
        ("1-00:00:01", 86401),
    ],
)
def test_durations_are_read_as_slurm_reads_them(time: str, seconds: int) -> None:
    from gist.launch.site import _seconds

    assert _seconds(time) == seconds


def test_without_slurm_the_sentence_says_so_and_nothing_is_lost(tmp_path: Path, monkeypatch) -> None:
    from typer.testing import CliRunner

    from gist.cli.app import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "study.yaml").write_text("name: a\nprepare: {source: nothing}\n")
    told = CliRunner().invoke(app, ["run", "study.yaml", "--on", "slurm"])
    assert isinstance(told.exception, InputError)
    assert "SLURM is not here: there is no sbatch on the path" in str(told.exception)
    told = CliRunner().invoke(app, ["run", "study.yaml", "--nodes", "2"])
    assert "--nodes is for jobs; give --on slurm as well" in str(told.exception)
    assert gist.status("runs/a")[0].state == "not started"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("OUT_OF_MEMORY", "killed for memory: ask for more (--memory), or set train.micro_batch lower"),
        ("NODE_FAIL", "its node was lost"),
        ("TIMEOUT", "its time was up before a checkpoint was written"),
        ("FAILED", "it failed: see its log"),
    ],
)
def test_how_a_job_ended_is_said_with_what_to_do(state: str, words: str) -> None:
    said = Job(7, state, restarts=1).sentence()
    assert words in said
    assert said.endswith(", begun again once; the same command continues.")


def test_an_account_that_slurm_does_not_know_says_where_to_mend_it(tmp_path: Path, monkeypatch) -> None:
    words = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
    command = tmp_path / "bin/sbatch"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:/bin:/usr/bin")
    with pytest.raises(InputError, match="combination specified; mend account in the profile"):
        submit(tmp_path / "run", batch_script(Site(account="nobody"), "run ."))


def test_a_disk_that_cannot_be_written_is_a_sentence_and_nothing_is_submitted(tmp_path: Path) -> None:
    (tmp_path / "runs").symlink_to("/proc/self/task")  # nobody may make a folder there, root neither
    with pytest.raises(StageError, match=r"run the same command|cannot be written"):
        start_job(build_config({"folder": tmp_path / "runs/a"}), None, {})


def test_trials_take_one_machine_and_one_gpu_at_most_whatever_a_run_would(profile) -> None:
    site = site_of_trials(profile("nodes: 4\ngpus: 8\n"), 2, time="01:00:00")
    assert (site.nodes, site.gpus, site.time) == (1, 1, "01:00:00")
    assert site_of_trials(profile("gpus: 0\n")).gpus == 0
    with pytest.raises(InputError, match="mend --slots"):
        site_of_trials(None, 0)


def test_shards_are_arrays_with_a_job_between_and_after_them_and_several_gpus_are_for_the_training(
    profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").write_text(
        '#!/bin/sh\necho "$GIST_JOB_STAGES $*" >> ../../told; wc -l < ../../told\n'
    )
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    config = build_config({"folder": tmp_path / "runs/a"})
    stages = ["prepare", "train", "generate", "evaluate"]
    site = profile("gpus: 4\n")
    job, _ = start_job(config, site, {}, stages, shards=8, slots=3)
    assert job.number == 1
    array = "--parsable --array=1,2,3,4,5,6,7,8%3 --output=job/%A-%a.log --nodes=1 --gpus-per-node=1"
    assert (tmp_path / "told").read_text().splitlines() == [
        f"prepare {array} job/job.sbatch",
        "prepare,train --parsable --dependency=afterany:1 job/job.sbatch",
        f"generate {array} --dependency=afterany:2 job/job.sbatch",
        "prepare,train,generate,evaluate --parsable --dependency=afterany:3 job/job.sbatch",
    ]
    script = (tmp_path / "runs/a/job/job.sbatch").read_text()
    parsed(script)
    assert "--nproc-per-node 4" in script
    assert '[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || start=(gist)' in script


def test_pictures_that_wait_for_each_other_are_no_work_for_an_array() -> None:
    config = build_config({}, {"generate.min_novelty": 0.01})
    assert [step.tasks for step in _steps(config, ["train", "generate"], 8, None, 0)] == [()]


def test_one_script_serves_the_tasks_of_an_array_and_the_job_after_them(tmp_path: Path) -> None:
    script = batch_script(Site(gpus=0), "study continue .", 'study trial . "$SLURM_ARRAY_TASK_ID"')
    parsed(script)
    for name, does in {"gist": 'echo "$@"', "srun": 'shift; "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    own = {"PATH": f"{tmp_path}:/bin:/usr/bin", "GIST_JOB_SETTINGS": "threads=1", "SLURM_CPUS_PER_TASK": "1"}
    for task, words in {"7": "study trial . 7", "": "study continue ."}.items():
        done = subprocess.run(
            ["bash"], input=script, text=True, env=own | {"SLURM_ARRAY_TASK_ID": task}, capture_output=True
        )
        assert done.stdout == f"{words} --set threads=1\n", done.stderr
