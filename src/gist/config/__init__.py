"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it."""

from gist.config.reading import (
    as_yaml,
    build_config,
    json_schema,
    load_config,
    parse_changes,
    parse_value,
    with_changes,
)
from gist.config.stages import SET_STAGES, STAGE_NAMES, STAGES, Stage
from gist.config.tree import Config, is_private, sections

__all__ = [
    "SET_STAGES",
    "STAGES",
    "STAGE_NAMES",
    "Config",
    "Stage",
    "as_yaml",
    "build_config",
    "is_private",
    "json_schema",
    "load_config",
    "parse_changes",
    "parse_value",
    "sections",
    "with_changes",
]
