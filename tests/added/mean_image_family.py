"""A kind of generator that a package adds, and no GAN: the mean image of each class, learned bit by bit, with grain.

Light: torch comes with `mean_image_learner`, when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from gist.generators.family import Family, Paper
from gist.generators.learning.plan import Fingerprint
from gist.stages.promise import Section
from gist.stages.train import TrainSettings

if TYPE_CHECKING:
    from gist.generators.learning.learner import Learner, TrainingContext
    from gist.generators.learning.plan import TrainingPlan
    from gist.generators.model import Model, Start


class MeanImageSettings(Section):
    noise: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Standard deviation of the grain, in grey levels from -1 to 1."""


class MeanImageFamily(Family):
    name = "mean-image"
    title = "Mean image"
    summary = "the mean of each class with grain"
    papers = (Paper("Galton F. Composite portraits. Nature 1878.", "10.1038/018097a0"),)
    settings = MeanImageSettings
    without = frozenset({"precision", "allow_mirror"})

    def plan(self, settings: TrainSettings, data: Fingerprint, start: Start | None, why: str) -> TrainingPlan:
        from mean_image_learner import MeanImagePlan

        from gist.generators.learning.plan import Choices

        choose = Choices(settings)
        choose("architecture", self.name, why)
        batch = choose.batch(data)
        kimg = choose.length(data, transfer=start is not None)
        return MeanImagePlan(
            architecture=self.name,
            conditional=choose.conditional(data),
            kimg=kimg,
            batch=batch,
            micro_batch=choose.micro_batch(batch),
            snapshot_kimg=choose.snapshots(kimg),
            noise=choose("noise"),
            reasons=choose.reasons,
        )

    def model(self, description: Mapping[str, Any]) -> Model:
        from mean_image_learner import MeanImage

        return MeanImage(
            int(description["side"]),
            int(description["channels"]),
            int(description["classes"]),
            float(description["noise"]),
        )

    def learner(self, plan: TrainingPlan, context: TrainingContext) -> Learner:
        from mean_image_learner import MeanImageLearner, MeanImagePlan

        assert isinstance(plan, MeanImagePlan)
        return MeanImageLearner(plan, context)


FAMILY = MeanImageFamily()
