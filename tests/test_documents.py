"""What the documents tell a reader to type exists and works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from gist.cli.app import app
from gist.config import STAGES

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [
    *PROJECT.glob("*.md"),
    *(PROJECT / "docs").rglob("*.md"),
    *(PROJECT / "src/gist/examples").iterdir(),
]


def commands(document: Path) -> list[str]:
    """Lines that start with `gist`, from code blocks and comments; alternatives a|b become one line each."""
    text = document.read_text().replace("\\\n", " ")
    if document.suffix == ".md":
        text = "\n".join(re.findall(r"^```(?:bash|sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = [line.lstrip("# $").split(" # ")[0].strip() for line in text.splitlines()]
    found = []
    for line in lines:
        if line.startswith("gist "):
            names = line.split()[1]
            found += [line.replace(names, name, 1) for name in names.split("|")]
    return found


SAID = [(document, command) for document in sorted(DOCUMENTS) for command in commands(document)]


def test_the_table_of_stages_is_what_they_promise() -> None:
    table = "\n".join(
        ["| stage | in | out |", "|---|---|---|", *(stage.documented for stage in STAGES.values())]
    )
    assert table in (PROJECT / "README.md").read_text(), f"README's table is not:\n{table}"


def test_documents_name_commands() -> None:
    assert {document.name for document, _ in SAID} >= {"README.md", "knee.yaml"}


@pytest.mark.parametrize(
    ("document", "command"), SAID, ids=[f"{document.stem}: {command}" for document, command in SAID]
)
def test_every_command_in_a_document_has_arguments_that_gist_takes(document: Path, command: str) -> None:
    name, *arguments = shlex.split(command)[1:]
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert name in verbs, f"{document.name} names `gist {name}`, which does not exist"
    if arguments != ["…"]:
        verbs[name].make_context(name, arguments)


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=lambda path: path.name)
def test_every_file_that_a_document_links_to_exists(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
