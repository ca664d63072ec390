"""The stages of a run in their order, as the settings tree lists them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from gist.addresses import imported
from gist.config.tree import Config
from gist.generators.registry import families
from gist.stages.promise import Promise, Section, StageName, StageSettings, each_path


@dataclass(frozen=True)
class Stage:
    """A stage by its name: what it promised, and the code behind it. `run` is a RunFolder, which stands higher up."""

    name: StageName
    settings: type[StageSettings]
    uses: tuple[StageName, ...]

    @property
    def promise(self) -> Promise:
        return self.settings.promise

    @property
    def needs(self) -> tuple[StageName, ...]:
        return self.promise.needs

    @property
    def earlier(self) -> tuple[StageName, ...]:
        """Stages whose results are read, where they exist."""
        return (*self.needs, *(name for name in self.uses if name not in self.needs))

    @property
    def documented(self) -> str:
        """The stage's row in the table of the documents, as Markdown."""
        *titles, last = (family.title for family in families().values())
        gives = self.promise.gives.replace("{generators}", f"{', '.join(titles)} or {last}")
        return f"| {self.name} | {self.promise.takes} | {gives} |"

    def of(self, config: Config) -> Section:
        """The stage's settings."""
        section: Section = getattr(config, self.name)
        return section

    def kept(self, config: Config) -> Section:
        """The stage's settings with paths as the run folder keeps them."""
        section = self.of(config)
        return section.model_copy(update=each_path(dict(section), config.kept_path))

    def check(self, config: Config, run: Any, ahead: Set[StageName]) -> None:
        """Raises InputError where the settings cannot work."""
        if self.promise.check is not None:
            imported(self.promise.check)(config, run, ahead)

    def further_inputs(self, config: Config, run: Any) -> dict[str, str]:
        """Name and digest of what is read beside other stages' results."""
        found: dict[str, str] = (
            {} if self.promise.inputs is None else imported(self.promise.inputs)(config, run)
        )
        return found


def _stages() -> dict[StageName, Stage]:
    listed: dict[StageName, Any] = {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, StageSettings)
    }
    last = [name for name, settings in listed.items() if settings.promise.uses == "all before"]
    order = [*(name for name in listed if name not in last), *last]
    return {
        name: Stage(
            name,
            listed[name],
            tuple(order[:number]) if name in last else listed[name].promise.uses,
        )
        for number, name in enumerate(order)
    }


STAGES = _stages()
STAGE_NAMES: tuple[StageName, ...] = tuple(STAGES)
SET_STAGES: tuple[StageName, ...] = tuple(name for name in STAGES if STAGES[name].promise.per_set)
"""Those that every synthetic set has of its own."""
