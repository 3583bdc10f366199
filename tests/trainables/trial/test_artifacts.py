"""The arrays that a trial leaves of its GANs."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from gan_study.trainables.gans.generator_trainer import MeanLosses
from gan_study.trainables.gans.training import TrainedGenerator, TrainingEnd
from gan_study.trainables.records.arrays import ARRAYS
from gan_study.trainables.trial.artifacts import gan_arrays
from tests.analysis.planted import planted_record, with_arrays


def gan(steps: int, losses: Sequence[tuple[float, float]], end: TrainingEnd | None = None) -> TrainedGenerator:
    """A GAN with these losses of discriminator and generator, one for each 16 steps or what is left of them."""
    return TrainedGenerator(
        latent_size=1,
        generator_steps=steps,
        losses=tuple(MeanLosses(*pair) for pair in losses),
        generator=nn.Identity(),
        taken_from=steps,
        seconds=steps / 8,
        end=end,
    )


ENDED = TrainingEnd(reason="cap", still_improving=True, compared_at=(20, 40), distances=(0.5, 0.25))
GANS = {
    "some": gan(40, [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)], ENDED),
    "few": gan(20, [(7.0, 8.0), (9.0, 10.0)], TrainingEnd(reason="floor")),
}


def test_gans_of_different_lengths_have_rows_of_one_length() -> None:
    found = gan_arrays(GANS, pretrained_on=None)
    assert found["gan/loss_steps"].tolist() == [[16, 32, 40], [16, 20, -1]]
    np.testing.assert_array_equal(found["gan/discriminator_loss"], [[1.0, 3.0, 5.0], [7.0, 9.0, np.nan]])
    np.testing.assert_array_equal(found["gan/generator_loss"], [[2.0, 4.0, 6.0], [8.0, 10.0, np.nan]])
    assert found["gan/generator_steps"].tolist() == [40, 20]
    assert found["gan/seconds"].tolist() == [5.0, 2.5]
    assert found["gan/reason"].tolist() == ["cap", "floor"]
    assert found["gan/still_improving"].tolist() == [1, -1]
    assert found["gan/length_steps"].tolist() == [[20, 40], [-1, -1]]
    np.testing.assert_array_equal(found["gan/length_distances"], [[0.5, 0.25], [np.nan, np.nan]])
    for name, array in found.items():
        assert ARRAYS[name].kind == "text" or array.dtype == ARRAYS[name].kind, name


def test_they_are_read_without_what_fills_the_rows_up() -> None:
    trial = with_arrays(
        planted_record(balancer="dcgan", validation=0.5, gan=True), gan_arrays(GANS, pretrained_on=None)
    )
    assert {name: losses.steps.tolist() for name, losses in trial.losses.items()} == {
        "some": [16, 32, 40],
        "few": [16, 20],
    }
    assert trial.losses["few"].generator.tolist() == [8.0, 10.0]
    assert trial.losses["few"].discriminator.tolist() == [7.0, 9.0]
    assert trial.gan_lengths == {"some": 40, "few": 20}


def test_exact_lengths_and_trials_without_a_gan_have_no_comparisons() -> None:
    found = gan_arrays({"some": gan(3, [(1.0, 2.0)])}, pretrained_on=None)
    assert found["gan/reason"].tolist() == ["fixed"]
    assert found["gan/length_steps"].shape == found["gan/length_distances"].shape == (1, 0)
    assert gan_arrays({}, pretrained_on=None) == {}
