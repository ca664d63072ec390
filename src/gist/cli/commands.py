"""The group of all commands, which says what is wrong with an option in plain words."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class Commands(TyperGroup):
    """What typer makes of the commands, but for its words."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            # typer passes on what pydantic says of a wrong choice, in its words: "Value error, …", "Input should be …".
            error.message = error.message.removeprefix("Value error, ").removeprefix("Input ")
            raise
