"""The type of the fixture `prepare_stage`."""

from collections.abc import Callable

from gist.stages.prepare import PrepareResult

PrepareCall = Callable[..., PrepareResult]
