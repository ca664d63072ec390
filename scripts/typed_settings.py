"""Writes the settings of each stage as typed keywords, so that type checkers and editors know them:

python scripts/typed_settings.py > src/gist/verbs/typed_settings.py
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from gist.config import STAGES

_HEAD = '''"""The settings of each stage as keywords: made by scripts/typed_settings.py, and held equal by a test.

None sets the default again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict
'''
_OWN_PARAMETERS = {"prepare": {"source"}}
_WIDER = {"architecture": ["str"]}  # only their own folders, and packages, name kinds of generators


def kinds(annotation: Any) -> list[str]:
    """What a caller may give for a setting of this type, each kind once; None goes without saying."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is NoneType:
        return []
    if annotation is Path:
        return ["str", "Path"]
    if origin is Literal:
        quoted = (f'"{value}"' if isinstance(value, str) else repr(value) for value in arguments)
        return [f"Literal[{', '.join(quoted)}]"]
    if origin is Annotated:
        return kinds(arguments[0])
    if origin in (Union, UnionType):
        return list(dict.fromkeys(kind for each in arguments for kind in kinds(each)))
    if origin is tuple:
        inner = dict.fromkeys(kind for each in arguments if each is not ... for kind in kinds(each))
        return [f"Sequence[{' | '.join(inner)}]"]
    if origin is dict:
        key, value = (" | ".join(kinds(each)) for each in arguments)
        return [f"Mapping[{key}, {value}]"]
    return [annotation.__name__]


def text() -> str:
    """The whole module."""
    parts = [_HEAD]
    for name, stage in STAGES.items():
        parts.append(f"\n\nclass {name.capitalize()}Settings(TypedDict, total=False):\n")
        parts.append(f'    """Of the stage {name}; see `gist {name} --help`."""\n\n')
        for setting, field in stage.settings.model_fields.items():
            if setting not in _OWN_PARAMETERS.get(name, ()):
                parts.append(
                    f"    {setting}: {' | '.join([*_WIDER.get(setting, kinds(field.annotation)), 'None'])}\n"
                )
    return "".join(parts)


if __name__ == "__main__":
    print(text(), end="")
