"""Every setting of a run, in one frozen tree; YAML, `--set`, CLI options and the JSON schema derive from it."""

from gist.config.reading import as_yaml, build_config, json_schema, load_config, parse_changes
from gist.config.tree import Config
from gist.stages.evaluate import EvaluateConfig
from gist.stages.generate import GenerateConfig
from gist.stages.prepare import RESOLUTIONS, PrepareConfig
from gist.stages.promise import Section, continued_settings, restarting_settings, unusual_settings
from gist.stages.report import ReportConfig
from gist.stages.train import TrainConfig
from gist.stages.utility import UtilityConfig

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
