"""The loss of the autoencoder, and images between codes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.balancing.autoencoder.code_interpolation import (
    CodeInterpolation,
    autoencoder_loss,
    make_encoder,
)
from gan_study.trainables.data.images import ImageShape

SHAPE = ImageShape(size=8, channels=1)


def interpolation(
    codes: dict[int, list[tuple[float, ...]]], *, num_classes: int = 2, k_neighbors: int = 2
) -> CodeInterpolation:
    """One whose images are its codes."""
    given = {label: torch.tensor(of_class) for label, of_class in codes.items()}
    network = CodeInterpolation(
        SHAPE,
        num_classes=num_classes,
        num_codes=max(map(len, codes.values())),
        code_size=len(next(iter(codes.values()))[0]),
        k_neighbors=k_neighbors,
    )
    network.decoder = nn.Sequential()
    network.remember(given)
    return network.eval()


def normal(*uniform: float) -> Tensor:
    """The normal numbers below which so large a share of others lies."""
    return torch.special.ndtri(torch.tensor([uniform], dtype=torch.float64)).float()


@pytest.mark.parametrize(
    ("penalty", "expected"),
    # Images 1 and 3; a class of 2, 4 and 8; the encoder halves, the decoder does nothing.
    # Reconstruction: (0.5^2 + 1.5^2) / 2. Each from its own code: (1 + 4 + 16) / 3; from the code of the one
    # before it: (2 - 4)^2, (4 - 1)^2, (8 - 2)^2.
    [("same", 1.25 + 7), ("pairs", 1.25 + (4 + 9 + 36) / 3)],
)
def test_the_loss_by_hand(penalty: str, expected: float) -> None:
    halve: Callable[[Tensor], Tensor] = lambda images: images / 2  # noqa: E731
    images, of_a_class = (torch.tensor(values).view(-1, 1, 1, 1) for values in ([1.0, 3.0], [2.0, 4.0, 8.0]))
    loss = autoencoder_loss(halve, nn.Identity(), images, of_a_class, penalty=penalty)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(expected)


def test_a_point_between_two_codes_by_hand() -> None:
    # The nearest to 0 are 1 and 3, to 1 they are 0 and 3 (both nearer than 10), to 10 they are 3 and 1.
    network = interpolation({0: [(0.0,), (1.0,), (3.0,), (10.0,)], 1: [(7.0,), (9.0,)]})
    first_of = {0: 0.1, 1: 0.3, 3: 0.6, 10: 0.9}

    def point(image: int, neighbour: float, share: float, label: int = 0) -> float:
        made: Tensor = network(normal(first_of[image], neighbour, share), torch.tensor([label]))
        return made.item()

    assert point(0, 0.2, 0.25) == pytest.approx(0.25)  # from 0 to 1
    assert point(0, 0.8, 0.25) == pytest.approx(0.75)  # from 0 to 3
    assert point(1, 0.8, 0.5) == pytest.approx(2.0)  # from 1 to 3
    assert point(10, 0.8, 0.9) == pytest.approx(10 - 0.9 * 9)  # from 10 to 1
    # A class of two has one neighbour each.
    assert point(0, 0.8, 0.25, label=1) == pytest.approx(7.5)
    assert point(10, 0.2, 0.25, label=1) == pytest.approx(8.5)


def test_the_only_code_of_a_class_is_its_own_neighbour_and_ends_of_the_range_are_codes() -> None:
    network = interpolation({0: [(0.0,), (4.0,)], 1: [(7.0,)]})
    far = torch.full((1, 3), 40.0)
    assert network(far, torch.tensor([1])).item() == 7
    # At the far end: from the last code, all the way to its neighbour; at the near end: the first code.
    assert network(far, torch.tensor([0])).item() == 0
    assert network(-far, torch.tensor([0])).item() == 0


def test_points_lie_where_those_of_imbalanced_learn_lie() -> None:
    from imblearn.over_sampling import SMOTE

    codes = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    network = interpolation({0: [tuple(map(float, code)) for code in codes]}, num_classes=1, k_neighbors=3)
    latents = torch.randn(6000, 3, generator=torch.Generator().manual_seed(0))
    own = network(latents, torch.zeros(6000, dtype=torch.int64)).numpy()
    sampler = SMOTE(sampling_strategy={0: 6012}, k_neighbors=3, random_state=0)
    other = np.zeros((1, 2), dtype=np.float32)
    reference = sampler.fit_resample(np.concatenate([codes, other]), np.array([0] * 12 + [1]))[0][13:]

    def shares(points: np.ndarray) -> np.ndarray:
        """The share of `points` in each cell of a grid."""
        return np.histogram2d(*points.T, bins=6, range=[[-3, 3], [-3, 3]])[0] / len(points)

    # A share p of 6,000 has a deviation of at most sqrt(0.25 / 6,000) = 0.0065; the difference of two, 0.009.
    assert np.abs(shares(own) - shares(reference)).max() < 0.03
    assert (shares(own) > 0).sum() > 8


def test_codes_that_are_replaced_are_forgotten() -> None:
    network = interpolation({0: [(1.0,), (2.0,), (3.0,)], 1: [(5.0,), (6.0,)]})
    network.remember({1: torch.tensor([[8.0], [9.0]])})
    assert network.counts.tolist() == [0, 2]
    made = network(torch.randn(50, 3), torch.ones(50, dtype=torch.int64))
    assert 8 <= made.min() < made.max() <= 9


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (28, 3)])
def test_networks_fit_images_of_a_shape(size: int, channels: int) -> None:
    shape = ImageShape(size=size, channels=channels)
    images = torch.rand(3, channels, size, size) * 2 - 1
    codes = make_encoder(shape, code_size=5)(images)
    network = CodeInterpolation(shape, num_classes=1, num_codes=3, code_size=5, k_neighbors=2)
    network.remember({0: codes.detach()})
    made = network(torch.randn(4, 3), torch.zeros(4, dtype=torch.int64))
    assert codes.shape == (3, 5)
    assert made.shape == (4, channels, size, size) and made.abs().max() <= 1
