"""How new a picture is, by the audit's own eye: as near to a training image as what share of hold-out images is?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.config import Config
from gist.images.colour import luma
from gist.machine.device import Device
from gist.machine.interruption import stop_if_asked
from gist.metrics.artifacts.p_values import conformal_p_values
from gist.privacy.detection import deepest
from gist.privacy.stage import read_real, seen_of, viewer_of
from gist.privacy.views import SIDE, Images, Looked, Viewer, reduced
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareResult


@dataclass(frozen=True)
class Gauge:
    """Looks at pictures beside training images, and at how near hold-out images come, which nobody copied."""

    viewer: Viewer
    hold_out: Looked

    def novelty(self, x_NHW: Images) -> NDArray[np.float64]:
        """[N] of pictures [N, H, W] in 0-1."""
        side, x_NHW = min(SIDE, x_NHW.shape[1]), luma(x_NHW, 3)
        return novelty(self.viewer.look(np.stack([reduced(x, side) for x in x_NHW])), self.hold_out)


def novelty(looked: Looked, hold_out: Looked) -> NDArray[np.float64]:
    """[N] share of hold-out images that lie as near to a training image, each by the view in which it is nearest.

    Of images of other patients a share a has a novelty of at most a.
    """
    near, usual = (-deepest(each.ratio, hold_out.ratio) for each in (looked, hold_out))
    return conformal_p_values(near, usual)


def gauge_of(
    config: Config, run: RunFolder, prepared: PrepareResult, device: Device, progress: Progress
) -> Gauge:
    """A gauge by the prepared images of a run, with the network that its audit looks with."""
    notes = list[str]()
    real = read_real(config, run, prepared, notes)
    viewer = viewer_of(config, run, progress, device, real.training, real.training_patients, notes)
    done, total = 0, len(real.hold_out)

    def tick(images: int) -> None:
        nonlocal done
        done += images
        progress.advance(done, total, "images", "of other patients")
        stop_if_asked(run.stop_file)

    seen = seen_of(config, run, viewer, real.training)
    look = seen.kept("hold-out", real.hold_out, lambda: viewer.look(real.hold_out, tick), tick)
    return Gauge(viewer, look)
