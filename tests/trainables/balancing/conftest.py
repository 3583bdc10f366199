import pytest

from gan_study.trainables.data.images import TrainingSet
from tests.trainables.balancing.tiny import tiny_training_set


@pytest.fixture
def training() -> TrainingSet:
    """Six, three and two images of 8x8 pixels, mixed; the two smaller classes are the minority."""
    return tiny_training_set()
