import pytest
import torch

from gan_study.trainables.balancing.methods.duplicates import Duplicates
from gan_study.trainables.balancing.methods.rand_augment import RandAugment
from gan_study.trainables.balancing.methods.real_upper_bound import RealUpperBound
from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.images import TrainingSet


@pytest.mark.parametrize(
    ("balance_to", "appearances"), [(1.0, {1: (2, 2), 2: (3, 3)}), (1.2, {1: (2, 3), 2: (3, 4)})]
)
def test_duplicates_repeat_each_image_equally_often(
    training: TrainingSet, balance_to: float, appearances: dict[int, tuple[int, int]]
) -> None:
    (balanced,) = Duplicates(balance_to=balance_to).balance(training, seed=1)
    for label, (fewest, most) in appearances.items():
        copies = balanced.training.of_class(label)
        repeats = [sum(torch.equal(copy, image) for copy in copies) for image in training.of_class(label)]
        assert (min(repeats), max(repeats)) == (fewest, most)
    assert torch.equal(balanced.training.of_class(0), training.of_class(0))
    assert not balanced.training.synthetic.any()


def test_the_upper_bound_wants_what_others_make(training: TrainingSet) -> None:
    (balanced,) = RealUpperBound().balance(training, seed=1)
    assert balanced.training is training
    assert balanced.wanted == {1: 3, 2: 4}
    (balanced,) = RealUpperBound(balance_to=0.5).balance(training, seed=1)
    assert balanced.wanted == {2: 1}


def augmented(training: TrainingSet, **settings: int) -> torch.Tensor:
    (balanced,) = RandAugment(balance_to=10.0, **settings).balance(training, seed=1)
    return balanced.training.images[balanced.training.synthetic]


def test_augmented_images_are_bytes_and_differ_from_one_another(training: TrainingSet) -> None:
    made = augmented(training)
    assert len(made) == 57 + 58
    torch.testing.assert_close(made, torch.as_tensor(to_bytes(made)).float() / 127.5 - 1)
    assert len({image.numpy().tobytes() for image in made}) > 80


def test_augmentation_fills_with_background(training: TrainingSet) -> None:
    # White becomes black in no operation but solarising (all of it) and what comes into the frame (some of it).
    white = TrainingSet(
        images=torch.ones_like(training.images),
        labels=training.labels,
        weights=training.weights,
        synthetic=training.synthetic,
        classes=training.classes,
    )
    made = augmented(white, num_ops=1, magnitude=30)
    black = (made == -1).float().mean(dim=(1, 2, 3))
    assert ((black > 0) & (black < 1)).any()


def test_more_and_stronger_operations_change_more(training: TrainingSet) -> None:
    (copied,) = Duplicates(balance_to=10.0).balance(training, seed=1)

    def distance(**settings: int) -> float:
        made = augmented(training, **settings)
        originals = training.images
        return torch.cdist(made.flatten(1), originals.flatten(1)).amin(dim=1).mean().item()

    assert len(copied.training) == len(training) + len(augmented(training))
    assert distance(num_ops=1, magnitude=3) < distance(num_ops=1, magnitude=20) < distance(num_ops=4, magnitude=20)
