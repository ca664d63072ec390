"""Images that are links into the store of git-annex, DataLad, DVC or Hugging Face, fetched or not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.errors import InputError
from gist.intake.preparation import locate
from gist.intake.source import file_id, list_source
from gist.intake.source_state import source_state
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

STORES = {
    "git-annex": (".git/annex/objects/{n}", "images"),
    "DVC": (".dvc/cache/files/md5/{n}", "images"),
    "hidden folder": (".contents/{n}", "."),
    "Hugging Face": ("blobs/{n}", "snapshots/abc"),
}


def linked(home: Path, kind: str, count: int = 12) -> Path:
    """A data set of two classes of links; returns the folder with the class folders."""
    store, images = STORES[kind]
    for number in range(count):
        content = home / store.format(n=f"{number:02x}") / "content"
        if kind == "Hugging Face":
            content = content.parent
        save_png(content, picture(number).astype(np.uint8))
        link = home / images / ("healthy", "worn")[number % 2] / f"{number}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(content, link.parent))
    return home / images


@pytest.mark.parametrize("kind", STORES)
def test_links_into_a_store_are_the_images_whose_names_they_bear(
    folder: Path, prepare_stage: PrepareCall, kind: str
) -> None:
    linked(folder / "set", kind)
    result = prepare_stage(folder / "set")
    assert result.class_names == ("healthy", "worn")
    assert result.train_images + result.test_images == 12
    assert Reason.LINK_INSIDE.value not in result.rejected


@pytest.mark.parametrize("kind", ["git-annex", "DVC", "Hugging Face"])
def test_a_part_of_a_data_set_is_read_through_the_store_outside_it(
    folder: Path, prepare_stage: PrepareCall, kind: str
) -> None:
    images = linked(folder / "set", kind)
    result = prepare_stage(images)
    assert result.train_images + result.test_images == 12
    assert result.rejected == {}


def test_a_submodule_keeps_its_store_where_its_git_folder_is(folder: Path) -> None:
    images = linked(folder / "sub", "git-annex")
    (folder / "modules").mkdir()
    shutil.move(folder / "sub" / ".git", folder / "modules" / "sub")
    (folder / "sub" / ".git").symlink_to("../modules/sub")
    assert len(list_source(images).files) == 12
    assert len(list_source(folder / "sub").files) == 12


def test_what_version_control_keeps_is_no_part_of_the_source(folder: Path) -> None:
    linked(folder / "set", "git-annex")
    save_png(folder / "set" / ".git" / "annex" / "objects" / "old" / "content", picture(99).astype(np.uint8))
    (folder / "set" / ".git" / "config").write_text("[annex]")
    found = list_source(folder / "set")
    assert (len(found.files), found.refused) == (12, ())
    before = source_state(PrepareConfig(source=folder / "set"))
    (folder / "set" / ".git" / "index").write_text("changed by git status")
    assert source_state(PrepareConfig(source=folder / "set")) == before


def test_contents_that_are_not_fetched_are_counted_as_such(folder: Path, prepare_stage: PrepareCall) -> None:
    linked(folder / "set", "git-annex")
    config = PrepareConfig(source=folder / "set" / "images")
    state = source_state(config)
    content = folder / "set" / ".git" / "annex" / "objects" / "03"
    content.rename(folder / "elsewhere")
    pointers = {
        "unlocked.png": "/annex/objects/MD5E-s300--0cc175b9c0f1b6a831c399e269772661.png\n",
        "without links.png": "../.git/annex/objects/x/y/MD5E-s3--0c.png/MD5E-s3--0c.png",
        "lfs.png": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
    }
    for name, text in pointers.items():
        (folder / "set" / "images" / "worn" / name).write_text(text)
    result = prepare_stage(folder / "set")
    assert result.train_images + result.test_images == 11
    assert result.rejected == {Reason.NOT_FETCHED.value: 4}
    for name in pointers:
        (folder / "set" / "images" / "worn" / name).unlink()
    missing = source_state(config)
    (folder / "elsewhere").rename(content)
    assert missing != source_state(config) == state


def test_a_data_set_without_any_content_says_how_to_fetch_it(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    linked(folder / "set", "git-annex")
    shutil.rmtree(folder / "set" / ".git" / "annex" / "objects")
    with pytest.raises(InputError, match=r"12 times\) a file stands for a file that is not here; fetch it"):
        prepare_stage(folder / "set")


def test_links_that_lead_anywhere_else_are_not_followed(folder: Path) -> None:
    images = linked(folder / "set", "git-annex")
    save_png(folder / "private" / "a.png", picture(50).astype(np.uint8))
    save_png(folder / "blobs" / "a.png", picture(51).astype(np.uint8))
    save_png(images / "worn" / "own.png", picture(52).astype(np.uint8))
    leads = {
        "out.png": "../../../private/a.png",
        "blob.png": "../../../blobs/a.png",
        "out folder": "../../../private",
        "own again.png": "../worn/own.png",
        "store": "../../.git/annex/objects",
        "itself.png": "itself.png",
    }
    for name, lead in leads.items():
        (images / "healthy" / name).symlink_to(lead)
    found = list_source(folder / "set")
    assert len(found.files) == 13
    assert {name.rpartition("/")[2]: reason for name, reason in found.refused} == {
        "out.png": Reason.LINK_OUTSIDE,
        "blob.png": Reason.LINK_OUTSIDE,
        "out folder": Reason.LINK_OUTSIDE,
        "own again.png": Reason.LINK_INSIDE,
        "store": Reason.LINK_INSIDE,
        "itself.png": Reason.UNREADABLE,
    }


def test_two_links_to_one_content_are_one_image(folder: Path, prepare_stage: PrepareCall) -> None:
    images = linked(folder / "set", "git-annex")
    shutil.copy(images / "worn" / "1.png", images / "worn" / "again.png", follow_symlinks=False)
    os.link((images / "worn" / "3.png").resolve(), images / "worn" / "hard.png")
    result = prepare_stage(folder / "set")
    assert result.train_images + result.test_images == 12
    assert result.rejected == {Reason.DUPLICATE.value: 2}


def test_a_link_is_led_back_to_by_its_visible_name(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall, settings_home: Path
) -> None:
    images = linked(folder / "set", "git-annex")
    prepare_stage(images)
    salt = bytes.fromhex((settings_home / "gist" / "salt").read_text())
    assert locate(run, file_id(salt, "worn/1.png"), images) == images.resolve() / "worn" / "1.png"


def test_a_cache_with_references_is_one_data_set_and_with_two_versions_a_question(folder: Path) -> None:
    linked(folder / "set", "Hugging Face")
    (folder / "set" / "refs").mkdir()
    (folder / "set" / "refs" / "main").write_text("abc")
    found = list_source(folder / "set")
    assert {file.relative.split("/")[0] for file in found.files} == {"snapshots"}
    (folder / "set" / "snapshots" / "def").mkdir()
    with pytest.raises(InputError, match=r"several versions of a data set; set prepare\.source to one of"):
        list_source(folder / "set")


def test_the_shared_data_sets_of_links(folder: Path, shared_dir: Path, prepare_stage: PrepareCall) -> None:
    maker = shared_dir / "faults" / "datalad_links.py"
    if not maker.is_file():
        pytest.skip("no maker of links beside the checkout")
    for name, more in (("annex", []), ("hf", ["hf"])):
        made = folder / name
        subprocess.run([sys.executable, maker.name, str(made), *more], cwd=maker.parent, check=True)
        for source in (made, made / "snapshots" / "abc") if more else (made,):
            result = prepare_stage(source, RunFolder(folder / "runs" / source.name))
            assert result.class_names == ("healthy", "severe")
            assert result.train_images + result.test_images == 40
            assert result.rejected == {}
