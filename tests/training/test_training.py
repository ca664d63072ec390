"""Training: what it writes, and that no kill changes what it learns."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image

from gist.config import Config, as_yaml
from gist.errors import InputError, StageError
from gist.generators.network_file import load_network
from gist.progress import Silent
from gist.runs.checkpoint import load_newest, save_checkpoint
from gist.runs.folder import RunFolder
from gist.training.stage import train

Prepared = Callable[..., tuple[Config, RunFolder]]
_TRAIN = """
import sys
from gist.config import load_config
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.training.stage import train
print("started", flush=True)
train(load_config(sys.argv[1]), RunFolder(sys.argv[2]), Silent())
"""


def _weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    return found[0]


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan3-r", "stylegan2"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_training_leaves_snapshots_grids_a_log_and_no_discriminator(
    prepared: Prepared, architecture: str, labelled: bool
) -> None:
    config, run = prepared(labelled=labelled, architecture=architecture)
    result = train(config, run, Silent())
    assert result.kimg == 0.032
    assert result.stopped_because == "kimg reached"
    assert [snapshot.kimg for snapshot in result.snapshots] == [0.016, 0.032]
    assert len(result.class_names) == (3 if labelled else 0)
    for snapshot in result.snapshots:
        G, metadata = load_network(run.path / snapshot.file)
        assert G.c_dim == len(result.class_names)
        assert metadata["kimg"] == snapshot.kimg
        names = safetensors.torch.load_file(run.path / snapshot.file).keys()
        assert {name.split(".")[0] for name in names} == {"mapping", "synthesis"}
    with Image.open(run.path / result.grids[-1]) as grid:
        assert grid.text["Synthetic"] == "YES"  # type: ignore[attr-defined]
    lines = [json.loads(line) for line in (run.path / result.log).read_text().splitlines()]
    assert lines[-1]["kimg"] == 0.032
    assert {"loss_G", "loss_D", "augment_p", "real_sign", "sec_per_kimg"} <= lines[-1].keys()
    assert result.settings["architecture"] == architecture
    assert set(result.settings) - set(result.reasons) <= {"architecture", "generator_lr"}


def test_the_weights_change_and_the_average_follows(prepared: Prepared) -> None:
    config, run = prepared()
    result = train(config, run, Silent())
    first, last = (load_network(run.path / snapshot.file)[0].state_dict() for snapshot in result.snapshots)
    changed = [name for name in first if not torch.equal(first[name], last[name])]
    assert len(changed) > 0.8 * len(first) - 20
    assert all(bool(value.isfinite().all()) for value in last.values())


@pytest.mark.parametrize("architecture", ["stylegan3-t", "stylegan2"])
def test_continuing_in_two_sittings_gives_the_same_bits_as_one(prepared: Prepared, architecture: str) -> None:
    config, whole = prepared("whole", architecture=architecture)
    train(config, whole, Silent())
    _, parts = prepared("parts", architecture=architecture)
    for kimg in (0.012, 0.02, 0.032):
        shorter = config.model_copy(update={"train": config.train.model_copy(update={"kimg": kimg})})
        train(shorter, parts, Silent())
    assert _same(_weights(whole), _weights(parts))


def test_a_polite_signal_writes_a_checkpoint_and_the_same_command_continues(prepared: Prepared) -> None:
    config, run = prepared(kimg=5)
    settings_file = run.path / "settings.yaml"
    settings_file.write_text(as_yaml(config))
    command = [sys.executable, "-c", _TRAIN, str(settings_file), str(run.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (run.path / "train" / "snapshots").exists():
        assert process.poll() is None, process.stderr
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "same command continues" in errors
    found = load_newest(run.path / "train" / "checkpoints")
    assert found is not None
    assert 0 < found[1]["images"] < 5000


def test_a_damaged_newest_checkpoint_is_passed_over_for_the_one_before(folder: Path) -> None:
    for images in (4, 8, 12, 16):
        save_checkpoint(folder, images, {"x": torch.full((1000,), float(images))}, {})
    assert len(list(folder.iterdir())) == 3
    newest = folder / f"{16:010d}" / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-4] + b"oops")
    (folder / f"{12:010d}" / "facts.json").unlink()
    found = load_newest(folder)
    assert found is not None
    assert found[1]["images"] == 8


def test_a_training_that_breaks_down_stops_at_once_and_keeps_the_last_good_state(prepared: Prepared) -> None:
    config, run = prepared(kimg=0.008)
    train(config, run, Silent())
    good = _weights(run)
    wild = config.train.model_copy(update={"kimg": 4.0, "generator_lr": 1e30})
    with pytest.raises(StageError, match="not finite"):
        train(config.model_copy(update={"train": wild}), run, Silent())
    assert all(bool(value.isfinite().all()) for value in _weights(run).values())
    assert _same(good, _weights(run))


def test_classes_asked_for_where_there_are_none_is_one_sentence(prepared: Prepared) -> None:
    config, run = prepared(labelled=False, conditional=True)
    with pytest.raises(InputError, match="no labels"):
        train(config, run, Silent())


def test_training_without_prepared_data_says_what_to_run(folder: Path, prepared: Prepared) -> None:
    config, _ = prepared()
    with pytest.raises(InputError, match="run the prepare stage first"):
        train(config, RunFolder(folder / "empty"), Silent())


def test_classes_start_as_those_of_the_same_name_whatever_their_order(prepared: Prepared) -> None:
    config, first = prepared("first", class_names=("healthy", "moderate", "severe"))
    source = first.path / train(config, first, Silent()).snapshots[-1].file
    config, second = prepared(
        "second",
        class_names=("severe", "new", "healthy"),
        kimg=0.004,
        start_from=str(source),
        z_dim="auto",
        w_dim="auto",
    )
    train(config, second, Silent())
    start = json.loads((second.path / "train" / "start.json").read_text())
    assert start["classes"] == {"severe": "severe", "new": "moderate", "healthy": "healthy"}


def test_transfer_copies_what_fits_and_says_what_is_new(prepared: Prepared) -> None:
    config, first = prepared("first", labelled=False)
    source = first.path / train(config, first, Silent()).snapshots[-1].file
    config, second = prepared("second", kimg=0.004, start_from=str(source), z_dim="auto", w_dim="auto")
    result = train(config, second, Silent())
    start = json.loads((second.path / "train" / "start.json").read_text())
    assert "synthesis.input.weight" in start["generator"]["copied"]
    assert start["generator"]["new"]
    assert result.reasons["z_dim"] == "taken over from the starting network"
    config, third = prepared("third", start_from=str(source), architecture="stylegan2")
    with pytest.raises(InputError, match="stylegan3-t"):
        train(config, third, Silent())


def test_a_continued_training_keeps_what_was_chosen_when_it_began(prepared: Prepared) -> None:
    """As where another version of gist began it, which chose otherwise."""
    config, run = prepared(kimg=0.016)
    train(config, run, Silent())
    file = run.path / "train" / "plan.json"
    plan = json.loads(file.read_text())
    assert plan["settings"]["discriminator_detail"] == 8.0
    plan["settings"] |= {"ema_kimg": 9.0, "gamma": 7.0}
    plan["reasons"]["ema_kimg"] = "once thought best"
    file.write_text(json.dumps(plan))
    longer = config.model_copy(update={"train": config.train.model_copy(update={"kimg": 0.032})})
    result = train(longer, run, Silent())
    assert (result.kimg, result.settings["ema_kimg"], result.reasons["ema_kimg"]) == (
        0.032,
        9.0,
        "once thought best",
    )
    assert result.settings["gamma"] == 0.1, "what the settings give is never taken from there"


def test_a_training_that_began_before_there_were_bands_goes_on_with_pixels(prepared: Prepared) -> None:
    config, run = prepared(kimg=0.016, discriminator_detail=0.0)
    train(config, run, Silent())
    file = run.path / "train" / "plan.json"
    plan = json.loads(file.read_text())
    for part in plan.values():
        if isinstance(part, dict):
            del part["discriminator_detail"]
    file.write_text(json.dumps(plan))
    free = {"kimg": 0.032, "discriminator_detail": "auto"}
    longer = config.model_copy(update={"train": config.train.model_copy(update=free)})
    assert train(longer, run, Silent()).settings["discriminator_detail"] == 0.0


def test_a_training_without_a_checkpoint_is_planned_anew(prepared: Prepared) -> None:
    config, run = prepared(kimg=0.016)
    (run.path / "train").mkdir(exist_ok=True)
    (run.path / "train" / "plan.json").write_text(
        '{"settings": {"ema_kimg": 9.0}, "reasons": {"ema_kimg": "old"}}'
    )
    assert train(config, run, Silent()).settings["ema_kimg"] == 1.25
