"""The house stands: nothing imports upwards, and what is particular to one generator is named in its folder only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gist.generators.registry import FOLDERS, families

SOURCE = Path(__file__).parents[1] / "src" / "gist"
FLOORS = (
    ("version", "errors", "numerals", "progress"),
    ("files", "addresses"),
    ("images", "ops", "stages"),
    ("machine", "marking", "pages", "phantoms"),
    ("generators",),
    ("config", "metrics"),
    ("runs",),
    ("inspection", "launch"),
    ("intake", "privacy", "reader"),
    ("training", "generation", "evaluation", "utility"),
    ("reporting",),
    ("releasing",),
    ("verbs",),
    ("studies", "web"),
    ("cli",),
    ("__init__", "__main__"),
)
"""Rooms from the ground up. A room imports from lower floors and from itself, never from its neighbours."""
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def module_of(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(file: Path) -> Iterator[str]:
    """The modules of gist that a file imports from; a package where it takes a name that is no module of it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gist":
            place = SOURCE.parent.joinpath(*node.module.split("."))
            for alias in node.names:
                inside = (place / f"{alias.name}.py").exists() or (place / alias.name).is_dir()
                yield f"{node.module}.{alias.name}" if inside else node.module


def imported_rooms(file: Path) -> Iterator[tuple[int, str]]:
    """Line and room of each import of gist, inside functions and for type checkers too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gist":
            names = node.module.split(".")[1:] or [alias.name for alias in node.names]
            yield node.lineno, names[0]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "gist":
                    yield node.lineno, [*alias.name.split("."), "__init__"][1]


def printed(code: str, *arguments: str) -> str:
    """What Python prints that runs the code in a process of its own."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(file) for file in SOURCE.rglob("*.py")}
    assert rooms - LEVEL.keys() == set(), "give each its place in FLOORS above"
    assert LEVEL.keys() - rooms == set(), "gone from src/gist; take it out of FLOORS above"


def test_no_import_climbs() -> None:
    climbing = [
        f"{file.relative_to(SOURCE)}:{line} imports {room}"
        for file in SOURCE.rglob("*.py")
        for line, room in imported_rooms(file)
        if room != room_of(file) and LEVEL[room] >= LEVEL[room_of(file)]
    ]
    assert not climbing, "a room imports from lower floors and itself only"


def test_no_circle_of_imports() -> None:
    """Inside rooms neither; imports for type checkers count."""
    below: dict[str, set[str]] = {}
    for file in SOURCE.rglob("*.py"):
        below[module_of(file)] = {name for name in imported_modules(file) if name != module_of(file)}
    while leaves := {module for module, found in below.items() if not found & below.keys()}:
        below = {module: found for module, found in below.items() if module not in leaves}
    circles = sorted(below)
    assert not circles


def test_only_its_own_folder_names_an_architecture() -> None:
    names = re.compile(rf"\b({'|'.join(map(re.escape, families()))})\b", re.IGNORECASE)
    own = {address.partition(":")[0].removeprefix("gist.").replace(".", "/") for address in FOLDERS}
    folders = ("generators/registry.py", *(f"{folder}/" for folder in own))
    naming = [
        f"{path}:{number}"
        for file in sorted(SOURCE.rglob("*"))
        if file.suffix in (".py", ".j2")
        and not (path := file.relative_to(SOURCE).as_posix()).startswith(folders)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if names.search(line)
    ]
    assert not naming, "ask the family (generators/family.py) instead of naming one"


def test_decoding_processes_import_neither_pydantic_nor_torch() -> None:
    code = (
        "import sys, gist.intake.worker, gist.intake.dicom, gist.intake.raster, gist.images.png; "
        "print([name for name in ('pydantic', 'torch') if name in sys.modules])"
    )
    assert printed(code) == "[]"


def test_importing_gist_and_asking_for_help_brings_no_torch() -> None:
    code = (
        "import sys, gist; print('pydantic' in sys.modules, 'torch' in sys.modules)\n"
        "import gist.cli.app; print('torch' in sys.modules)"
    )
    assert printed(code).split() == ["False", "False", "False"]


def test_looking_at_a_run_brings_no_torch(folder: Path) -> None:
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "run-of-version-0.1.zip") as archive:
        archive.extractall(folder)
    code = (
        "import sys, gist; from pathlib import Path; gist.status(Path(sys.argv[1])); "
        "import gist.cli.tables; print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    assert printed(code, str(folder)).split() == ["False", "False"]


def test_taking_images_in_brings_no_torch(folder: Path) -> None:
    code = (
        "import sys, gist; from pathlib import Path; from gist.phantoms import write_phantom_data_set; "
        "write_phantom_data_set(Path(sys.argv[1]) / 'knees', count=12, size_range=(60, 70)); "
        "gist.prepare(Path(sys.argv[1]) / 'knees', Path(sys.argv[1]) / 'run', resolution=32); "
        "print('torch' in sys.modules)"
    )
    assert printed(code, str(folder)) == "False"


def test_the_list_of_commands_names_every_stage_without_importing_the_settings() -> None:
    code = (
        "import inspect, sys; from gist.cli.options import stage_purposes; import gist.cli.app; "
        "print('gist.config' in sys.modules); from gist.config import STAGES; found = stage_purposes(); "
        "print({name: inspect.getdoc(each.settings).split('\\n')[0] for name, each in STAGES.items()} == found, "
        "list(found) == list(STAGES))"
    )
    assert printed(code).split() == ["False", "True", "True"]
