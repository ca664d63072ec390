"""The app for Open OnDemand: its files say what batch_connect reads, and the scripts that they make parse."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

APP = Path(__file__).parents[2] / "containers/ondemand"
ATTRIBUTES = {"label", "widget", "value", "required", "help", "options", "min", "max", "step", "pattern"}
WIDGETS = {"text_field", "number_field", "select", "check_box", "text_area", "hidden_field", "path_selector"}
STANDARD = {"bc_num_hours", "bc_queue", "bc_account", "bc_num_slots", "bc_email_on_started"}


def rendered(file: str, **values: str) -> str:
    """What ERB makes of the tags that the app uses: values, shell-quoted ones, and one choice."""
    text = re.sub(r"<%- require .*? -%>\n", "", (APP / file).read_text())
    choice = r"<%- if (.*?) -%>\n(.*?)(?:<%- else -%>\n(.*?))?<%- end -%>\n"
    holds = {
        'context.work == "serve"': values.get("work") == "serve",
        "gpus.to_i > 0": int(values.get("gpus", 0)) > 0,
    }
    text = re.sub(
        choice, lambda found: found[2] if holds[found[1]] else found[3] or "", text, flags=re.DOTALL
    )

    def value(found: re.Match[str]) -> str:
        name = re.sub(r"^context\.|\.to_[is]|\.shellescape", "", found[1])
        return shlex.quote(values[name]) if "shellescape" in found[1] else values[name]

    return re.sub(r"<%= (.*?) %>", value, text)


def test_form_and_manifest_hold_what_batch_connect_reads() -> None:
    manifest = yaml.safe_load((APP / "manifest.yml").read_text())
    assert manifest["role"] == "batch_connect"
    assert manifest.keys() <= {"name", "category", "subcategory", "role", "description", "icon", "url"}
    form = yaml.safe_load((APP / "form.yml").read_text())
    assert form.keys() <= {"cluster", "form", "attributes", "title", "description", "submit", "cacheable"}
    assert set(form["attributes"]) <= set(form["form"])
    for name, attribute in form["attributes"].items():
        assert attribute.keys() <= ATTRIBUTES, name
        assert name in STANDARD or attribute["widget"] in WIDGETS
        assert all(len(option) == 2 for option in attribute.get("options", []))
    told = " ".join(file.read_text() for file in APP.rglob("*.erb"))
    assert set(re.findall(r"context\.(\w+)", told)) <= set(form["form"])


@pytest.mark.parametrize("gpus", ["0", "2"])
def test_the_job_asks_for_the_gpus_of_the_form(gpus: str) -> None:
    told: dict[str, Any] = yaml.safe_load(rendered("submit.yml.erb", gpus=gpus))
    assert told["batch_connect"]["template"] in ("basic", "vnc", "vnc_container")
    assert [word for word in told["script"]["native"] if "gpus" in word] == ["--gpus-per-node=2"] * (
        gpus != "0"
    )


@pytest.mark.parametrize("work", ["run", "serve"])
def test_the_script_starts_gist_in_folders_of_any_name(work: str, tmp_path: Path) -> None:
    folder, data = str(tmp_path / "my runs; $(touch no)"), "/data/knee's"
    script = rendered("template/script.sh.erb", work=work, folder=folder, data=data)
    assert script.startswith("#!/usr/bin/env bash\n")
    gist = tmp_path / "bin/gist"
    gist.parent.mkdir()
    gist.write_text('#!/bin/sh\nprintf "%s|" "$PWD" "$@"\n')
    gist.chmod(0o755)
    own = {"PATH": f"{gist.parent}:/bin:/usr/bin", "HOME": str(tmp_path), "port": "4711"}
    told = subprocess.run(["bash"], input=script, env=own, capture_output=True, text=True)
    assert told.stderr == ""
    words = (
        ["run", data, "--yes"] if work == "run" else ["serve", ".", "--host", "127.0.0.1", "--port", "4711"]
    )
    assert told.stdout.split("|")[:-1] == [folder, *words]
    assert not (tmp_path / "no").exists()


def test_ruby_reads_the_templates_too() -> None:
    if shutil.which("erb") is None:
        pytest.skip("ruby is not installed")
    for file in APP.rglob("*.erb"):
        code = subprocess.run(["erb", "-x", "-T", "-", file], capture_output=True, check=True).stdout
        subprocess.run(["ruby", "-c"], input=code, check=True, capture_output=True)
