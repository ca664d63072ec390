"""GIST: plain radiographs in; a trained generator, a synthetic data set and an honest report out.

>>> import gist
>>> result = gist.run("study.yaml")  # doctest: +SKIP

`dir(gist)` lists what there is; docs/guide/python.md shows it at work. Importing gist loads neither torch nor anything
else that takes time, and sets one environment variable, GOMP_SPINCOUNT, where it is unset: see below.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gist.version import __version__ as __version__

# After each of its operations an idle thread of torch spins for a millisecond on the core that gist's own loops need;
# shorter waits make a training step 1.3 to 1.7 times faster. OpenMP reads this once, when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if TYPE_CHECKING:
    from gist.verbs import *  # noqa: F403 - the list of verbs stands once, there


def __getattr__(name: str) -> Any:
    """Loads the verbs when one is first used, so that `import gist` and `gist --help` stay quick."""
    if name in ("reader", "studies"):
        return import_module(f"gist.{name}")
    if name.startswith("_") or name == "verbs":
        raise AttributeError(f"module 'gist' has no attribute '{name}'")
    verbs = import_module("gist.verbs")
    if name in verbs.__all__:
        return getattr(verbs, name)
    raise AttributeError(f"module 'gist' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*import_module("gist.verbs").__all__, "__version__"])
