"""Images of the minority classes made by flow matching."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from gan_study.trainables.balancing.balancer import BalancerEntry
from gan_study.trainables.balancing.generator import GeneratorBalancing
from gan_study.trainables.base.settings import settings
from gan_study.trainables.flow.training import FlowSettings, FlowTrainer
from gan_study.trainables.gans.length import TrainingLength, with_one_length
from gan_study.trainables.gans.variant import TrainingData


@settings
class FlowMatching(GeneratorBalancing):
    """Fills each minority class with images of a flow, up to `balance_to` and `dose`.

    One small network learns from the images of all classes, with the class as its condition, how to move noise to
    images along straight lines.
    """

    flow: Annotated[FlowSettings, BeforeValidator(with_one_length)] = Field(default_factory=FlowSettings)
    """How the flow is trained and sampled."""

    @property
    def length(self) -> FlowSettings:
        """The settings of the training."""
        return self.flow

    def with_length(self, length: TrainingLength) -> Self:
        """The same with other settings of the training."""
        assert isinstance(length, FlowSettings)
        return replace(self, flow=length)

    @property
    def knows_classes(self) -> bool:
        """Whether one generator makes the images of all classes: yes."""
        return True

    def trainer(self, data: TrainingData, *, seed: int) -> FlowTrainer:
        """A flow before its first step on `data`."""
        return FlowTrainer(self.flow, data, seed=seed)


FLOW_MATCHING = BalancerEntry(
    name="flow_matching",
    summary="images of a flow from noise to images along straight lines (rectified flow), trained on all classes",
    settings=FlowMatching,
    training_section="flow",
    adds_images=True,
)
