"""GIST: plain radiographs in; a trained generator, a synthetic data set and an honest report out.

import gist
gist.run("examples/knee.yaml")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gist.verbs import (
        count_answers,
        demo,
        evaluate,
        export_images,
        generate,
        import_network,
        inspect,
        measure_utility,
        plan,
        prepare,
        report,
        run,
        smoothness,
        status,
        train,
    )

__all__ = [
    "count_answers",
    "demo",
    "evaluate",
    "export_images",
    "generate",
    "import_network",
    "inspect",
    "measure_utility",
    "plan",
    "prepare",
    "report",
    "run",
    "smoothness",
    "status",
    "train",
]


def __getattr__(name: str) -> Any:
    """Loads a verb when it is first used, so that `import gist` and `gist --help` stay quick."""
    if name in __all__:
        from gist import verbs

        return getattr(verbs, name)
    raise AttributeError(f"module 'gist' has no attribute '{name}'")
