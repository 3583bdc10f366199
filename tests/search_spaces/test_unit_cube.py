"""Points of a space in the unit cube, and points near another one."""

import numpy as np
import pytest

from gan_study.search_spaces.space import BALANCER, RATIO, Space
from gan_study.search_spaces.unit_cube import clip, near, to_unit_cube
from gan_study.trainables.base.tunable import Choice, Float, contains

RATE, DOSE = "balancing/gan/learning_rate", "balancing/balance_to"
SPACE = Space(
    name="test",
    summary="",
    parameters={
        BALANCER: Choice(options=("dcgan", "wgan_gp")),
        DOSE: Choice(options=(0.25, 0.5, 1.0)),
        RATE: Float(low=1e-4, high=1e-2, log=True),
    },
)


def test_each_range_has_its_own_scale_and_each_name_a_coordinate():
    # In the order of keys: dose, learning rate, then an axis for each balancer.
    placed = to_unit_cube(SPACE, {BALANCER: "wgan_gp", DOSE: 0.5, RATE: 1e-3})
    assert placed == pytest.approx([0.5, 0.0, 0.5**0.5, 0.5]) or placed == pytest.approx([0.5, 0.5, 0.0, 0.5**0.5])
    assert len(to_unit_cube(SPACE, {})) == 4 and set(to_unit_cube(SPACE, {})) == {0.5}


def test_points_near_another_lie_in_the_space_and_mostly_within_two_steps():
    rng, fixed = np.random.default_rng(0), {BALANCER: "dcgan"}
    found = [near(SPACE, {DOSE: 1.0, RATE: 1e-3}, rng, fixed=fixed) for _ in range(200)]
    assert all(contains(SPACE.parameters[key], value) for point in found for key, value in point.items())
    steps = [abs(np.log10(point[RATE] / 1e-3)) / 2 for point in found]
    assert 0.9 < np.mean(np.array(steps) < 0.3) < 1
    # A third of the choices is drawn anew, a third of which is what it was.
    assert 0.7 < np.mean([point[DOSE] == 1.0 for point in found]) < 0.86
    assert RATIO not in found[0]


def test_what_lies_outside_is_clipped_and_what_is_no_number_left_out():
    assert clip(SPACE.parameters[RATE], 1.0) == 1e-2
    assert clip(SPACE.parameters[RATE], None) is None
    assert clip(SPACE.parameters[DOSE], 0.3) is None
