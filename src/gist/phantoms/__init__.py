"""Procedural knee radiographs with known truth: the demo's and the tests' data."""

from gist.phantoms.data_set import write_phantom_data_set
from gist.phantoms.patient import CLASS_NAMES
from gist.phantoms.radiograph import PhantomTruth, draw_phantom, phantom_batch
from gist.phantoms.recognition import is_phantom_data_set

__all__ = [
    "CLASS_NAMES",
    "PhantomTruth",
    "draw_phantom",
    "is_phantom_data_set",
    "phantom_batch",
    "write_phantom_data_set",
]
