"""GIST: plain radiographs in; a trained generator, a synthetic data set and an honest report out.

import gist
gist.run("examples/knee.yaml")
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gist.version import __version__ as __version__

# After each of its operations an idle thread of torch spins for a millisecond on the core that gist's own loops need;
# shorter waits make a training step 1.3 to 1.7 times faster. OpenMP reads this once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

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
