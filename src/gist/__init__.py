"""GIST: plain radiographs in; a trained generator, a synthetic data set and an honest report out.

import gist
gist.run("examples/knee.yaml")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gist.verbs import demo, evaluate, generate, plan, prepare, report, run, status, train

__all__ = ["demo", "evaluate", "generate", "plan", "prepare", "report", "run", "status", "train"]


def __getattr__(name: str) -> Any:
    """Loads a verb when it is first used, so that `import gist` and `gist --help` stay quick."""
    if name in __all__:
        from gist import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module 'gist' has no attribute '{name}'")
