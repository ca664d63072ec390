"""Procedural knee radiographs with known truth: the demo's and the tests' data."""

from gist.phantoms.data_set import write_phantom_data_set
from gist.phantoms.patient import CLASS_NAMES
from gist.phantoms.radiograph import PhantomTruth, draw_phantom, phantom_batch

__all__ = ["CLASS_NAMES", "PhantomTruth", "draw_phantom", "phantom_batch", "write_phantom_data_set"]
