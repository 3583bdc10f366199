"""Images of the minority classes decoded from points between codes: DeepSMOTE."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from gan_study.trainables.balancing.autoencoder.training import AutoencoderSettings, AutoencoderTrainer
from gan_study.trainables.balancing.balancer import BalancerEntry
from gan_study.trainables.balancing.generator import GeneratorBalancing, TrainedGenerators
from gan_study.trainables.balancing.methods.smote import smote_request
from gan_study.trainables.base.settings import settings
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.batched import ALONE, TrialExecution
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.length import TrainingLength, with_one_length
from gan_study.trainables.gans.variant import TrainingData


@settings
class DeepSmote(GeneratorBalancing):
    """Fills each minority class with SMOTE between codes of its images, decoded, up to `balance_to` and `dose`.

    One autoencoder learns codes from the images of all classes (Dablain, Krawczyk and Chawla 2022).
    """

    autoencoder: Annotated[AutoencoderSettings, BeforeValidator(with_one_length)] = Field(
        default_factory=AutoencoderSettings
    )
    """How the autoencoder is trained, and between which codes images are made."""

    @property
    def length(self) -> AutoencoderSettings:
        """The settings of the training."""
        return self.autoencoder

    def with_length(self, length: TrainingLength) -> Self:
        """The same with other settings of the training."""
        assert isinstance(length, AutoencoderSettings)
        return replace(self, autoencoder=length)

    @property
    def knows_classes(self) -> bool:
        """Whether one generator makes the images of all classes: yes."""
        return True

    def trainer(self, data: TrainingData, *, seed: int) -> AutoencoderTrainer:
        """An autoencoder before its first step on `data`."""
        return AutoencoderTrainer(self.autoencoder, data, seed=seed)

    def train(
        self,
        training: TrainingSet,
        *,
        seed: int,
        checkpoints: Checkpoints | None = None,
        execution: TrialExecution = ALONE,
    ) -> Iterator[TrainedGenerators]:
        """As `GeneratorBalancing.train`; raises DataError for a class of fewer than two images."""
        k_neighbors = self.autoencoder.k_neighbors
        request = smote_request(training, self.additions(training), k_neighbors=k_neighbors)
        for trained in super().train(training, seed=seed, checkpoints=checkpoints, execution=execution):
            yield replace(trained, notes=(*request.notes, *trained.notes))


DEEP_SMOTE = BalancerEntry(
    name="deep_smote",
    summary="SMOTE between the codes of an autoencoder that is trained on all classes, decoded to images",
    settings=DeepSmote,
    training_section="autoencoder",
    adds_images=True,
)
