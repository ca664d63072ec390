"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it."""

from gist.config.reading import as_yaml, build_config, json_schema, load_config, parse_changes
from gist.config.tree import (
    RESOLUTIONS,
    Config,
    EvaluateConfig,
    GenerateConfig,
    PrepareConfig,
    ReportConfig,
    Section,
    TrainConfig,
    UtilityConfig,
    continued_settings,
    restarting_settings,
    unusual_settings,
)

__all__ = [
    "RESOLUTIONS",
    "Config",
    "EvaluateConfig",
    "GenerateConfig",
    "PrepareConfig",
    "ReportConfig",
    "Section",
    "TrainConfig",
    "UtilityConfig",
    "as_yaml",
    "build_config",
    "continued_settings",
    "json_schema",
    "load_config",
    "parse_changes",
    "restarting_settings",
    "unusual_settings",
]
