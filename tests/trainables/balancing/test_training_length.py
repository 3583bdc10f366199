import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gan_study.trainables.balancing import training_length
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.generator import samples_seed
from gan_study.trainables.balancing.training_length import (
    at_fixed_length,
    comparison_steps,
    distance_to,
    hold_out,
    is_still_improving,
    until_no_nearer,
)
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.data.images import TrainingSet
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.training import FIXED, TrainedGenerator, TrainingEnd, pretrain, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData
from tests.trainables.balancing.tiny import training_set_of


class Grey(nn.Module):
    """Images of one brightness, with a little noise."""

    def __init__(self, brightness: float) -> None:
        super().__init__()
        self.brightness = nn.Parameter(torch.tensor(brightness))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.brightness + 0.1 * latents[:, :, None, None].expand(-1, -1, 2, 2)


HELD_OUT = TrainingData(
    images=0.5 + 0.1 * torch.randn(50, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
    labels=torch.zeros(50, dtype=torch.int64),
    num_classes=1,
)


def training(brightness: Sequence[float], steps: Sequence[int] = ()) -> Iterator[TrainedGenerator]:
    """One generator in training, which has these brightnesses one after another, by itself every 250 steps."""
    generator = Grey(0.0)
    for step, value in zip(steps or count(250, 250), brightness, strict=False):
        generator.brightness.data.fill_(value)
        yield TrainedGenerator(
            generator_steps=step, losses=(), taken_from=step, generator=generator, latent_size=1
        )


def passed_on(
    states: Iterator[TrainedGenerator], *, least: int = 250, most: int = 6000
) -> list[tuple[TrainedGenerator, float]]:
    """What `until_no_nearer` gives, each with the brightness that it had when it was given."""
    found = until_no_nearer(states, HELD_OUT, least=least, most=most, seed=0)
    return [(state, round(state.generator.brightness.item(), 3)) for state in found]


def ended(*brightness: float, least: int = 250, most: int = 6000) -> tuple[int, TrainingEnd, int, float]:
    """The generator step at which a training ends, how, which step's generator is taken, and its brightness."""
    last, taken = passed_on(training(brightness), least=least, most=most)[-1]
    assert last.end is not None
    return last.generator_steps, last.end, last.taken_from, taken


def test_a_training_ends_after_four_comparisons_that_were_no_nearer() -> None:
    steps, end, taken_from, brightness = ended(0.0, 0.5, 0.2, 0.3, 0.1, 0.4, 0.5, 0.5)
    assert (steps, taken_from, brightness) == (1500, 500, 0.5)
    assert (end.reason, end.still_improving) == ("converged", False)
    assert end.compared_at == (250, 500, 750, 1000, 1250, 1500)
    # From 0.5 they are away by 0.5, 0, 0.3, 0.2, 0.4 and 0.1.
    assert sorted(range(6), key=lambda place: end.distances[place]) == [1, 5, 3, 2, 4, 0]


def test_a_nearer_one_gives_it_four_more() -> None:
    steps, end, taken_from, _ = ended(0.0, 0.3, 0.2, 0.2, 0.2, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2)
    assert (steps, taken_from, end.reason) == (2500, 1500, "converged")


def test_one_that_still_comes_nearer_is_cut_off_at_the_cap() -> None:
    steps, end, taken_from, brightness = ended(0.0, 0.1, 0.2, 0.3, 0.4, most=1000)
    assert (steps, taken_from, brightness) == (1000, 1000, 0.3)
    assert (end.reason, end.still_improving) == ("cap", True)


def test_one_that_came_no_nearer_before_the_cap_has_converged_there() -> None:
    steps, end, taken_from, _ = ended(0.5, 0.0, 0.0, 0.0, 0.0, least=1250, most=1250)
    # The nearest, at 250, is from below the least length.
    assert (steps, taken_from, end.reason, end.still_improving) == (1250, 1250, "converged", False)


def test_it_never_ends_before_the_least_length() -> None:
    steps, end, taken_from, brightness = ended(0.5, *[0.0] * 20, least=2000)
    assert (steps, taken_from, brightness, end.reason) == (2000, 2000, 0.0, "converged")
    assert ended(0.5, *[0.0] * 20, least=2100)[0] == 2250


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), min_size=24, max_size=24),
    st.integers(1, 24).map(lambda number: 250 * number),
    st.integers(1, 24).map(lambda number: 250 * number),
)
@hypothesis_settings(max_examples=10, deadline=None)
def test_the_nearest_from_the_least_length_on_is_taken(brightness: list[float], one: int, other: int) -> None:
    least, most = sorted((one, other))
    steps, end, taken_from, shown = ended(*brightness, least=least, most=most)
    eligible = {step: far for step, far in zip(end.compared_at, end.distances, strict=True) if step >= least}
    assert least <= steps <= most
    assert taken_from == min(eligible, key=lambda step: eligible[step])
    assert shown == brightness[taken_from // 250 - 1]


FALLING = [1 / (1 + place) for place in range(24)]
NOISE = np.random.default_rng(0).normal(size=24).tolist()


@pytest.mark.parametrize(
    ("distances", "is_improving"),
    [
        pytest.param(FALLING, True, id="falling"),
        pytest.param([1.0, 0.9, 0.8, 0.7], True, id="falling evenly"),
        pytest.param([2.0, 1.0], True, id="two"),
        pytest.param([math.exp(-place / 8) for place in range(24)], True, id="levelling off"),
        pytest.param(
            [1 - 0.03 * place + 0.01 * noise for place, noise in enumerate(NOISE)],
            True,
            id="falling with little noise",
        ),
        pytest.param(
            [1 - 0.03 * place + 0.5 * noise for place, noise in enumerate(NOISE)], False, id="noise above the fall"
        ),
        pytest.param([1.64, 2.157, 1.128, 2.115], False, id="best before"),
        pytest.param([math.exp(-place) for place in range(24)], True, id="steep"),
        pytest.param([1 - 0.03 * place + 0.5 * (place == 5) for place in range(24)], True, id="one rise"),
        pytest.param([1 + 0.1 * noise for noise in NOISE], False, id="flat noisy"),
        pytest.param([*FALLING[:8], *[FALLING[8]] * 16], False, id="fallen and flat"),
        pytest.param([0.5] * 8, False, id="flat"),
        pytest.param([0.1, 0.2, 0.3, 0.4], False, id="rising"),
        pytest.param([0.5], False, id="one"),
    ],
)
def test_only_a_curve_that_falls_by_more_than_it_fluctuates_is_still_improving(
    distances: list[float], is_improving: bool
) -> None:
    assert is_still_improving(distances) == is_improving


def test_hardly_any_flat_curve_is_called_still_improving() -> None:
    rng = np.random.default_rng(1)
    for number in (8, 12, 24):
        called = [is_still_improving(rng.normal(1, 0.1, size=number).tolist()) for _ in range(1000)]
        assert np.mean(called) < 0.1


def test_the_nearest_is_a_copy_since_the_generator_in_training_changes() -> None:
    (first, at_first), *_, (last, at_last) = passed_on(training([0.5, 0.0, 0.0, 0.0, 0.0]))
    assert (at_first, at_last) == (0.5, 0.5)
    assert [round(state.generator.brightness.item(), 3) for state in (first, last)] == [0.0, 0.5]


def test_every_state_on_the_way_is_passed_on_as_it_is_and_compared_at_its_own_steps_alone() -> None:
    steps = (100, 250, 300, 500, 700, 750)
    found = passed_on(training([0.1, 0.2, 0.5, 0.3, 0.5, 0.4], steps), most=750)
    assert [(state.generator_steps, brightness) for state, brightness in found] == list(
        zip(steps, (0.1, 0.2, 0.5, 0.3, 0.5, 0.4), strict=True)
    )
    assert [state.end is not None for state, _ in found] == [False] * 5 + [True]
    end = found[-1][0].end
    assert end is not None and end.compared_at == (250, 500, 750)
    assert found[-1][0].taken_from == 750


def test_a_training_that_has_ended_is_asked_for_no_more() -> None:
    states = training([0.5, *[0.0] * 10])
    passed_on(states)
    assert next(states).generator_steps == 1500


def test_comparisons_are_250_steps_apart_and_the_last_is_at_the_cap() -> None:
    assert sorted(comparison_steps(1000)) == [250, 500, 750, 1000]
    assert sorted(comparison_steps(600)) == [250, 500, 600]
    assert sorted(comparison_steps(100)) == [100]


def test_at_a_fixed_length_the_last_state_alone_has_an_end() -> None:
    states = list(at_fixed_length(training([0.1, 0.2, 0.3]), FIXED, last=750))
    assert [(state.generator_steps, state.end) for state in states] == [(250, None), (500, None), (750, FIXED)]


def test_distance_grows_with_the_difference_and_is_the_mean_over_classes() -> None:
    def distance(held_out: TrainingData, brightness: float) -> float:
        (state,) = training([brightness])
        return distance_to(held_out, state, seed=0)

    near, far = distance(HELD_OUT, 0.52), distance(HELD_OUT, 0.8)
    assert 0 < 10 * abs(near) < far
    # Of a second class the same images, 0.3 darker: as far from 0.5 as the first is from 0.8, but for the latents.
    other = replace(HELD_OUT, images=HELD_OUT.images - 0.3, labels=HELD_OUT.labels + 1, num_classes=2)
    both = TrainingData(
        images=torch.cat([HELD_OUT.images, other.images]),
        labels=torch.cat([HELD_OUT.labels, other.labels]),
        num_classes=2,
    )
    alone = [distance(data, 0.5) for data in (HELD_OUT, other)]
    assert distance(both, 0.5) == pytest.approx(sum(alone) / 2, rel=1e-9)
    assert alone[1] > 10 * abs(alone[0])


# Of four classes 40, 10, 29 and 30 images, mixed; the value of an image is its place.
LABELS = torch.tensor([0] * 40 + [1] * 10 + [2] * 29 + [3] * 30)[
    torch.randperm(109, generator=torch.Generator().manual_seed(0))
]
NUMBERED = TrainingData(
    images=torch.arange(109.0)[:, None, None, None].expand(-1, 1, 2, 2), labels=LABELS, num_classes=4
)


def places(data: TrainingData) -> list[int]:
    return data.images[:, 0, 0, 0].int().tolist()


def test_a_fifth_is_held_out_of_each_class_of_at_least_30_images() -> None:
    shown, held_out = hold_out(NUMBERED, (0, 1, 2, 3), seed=1)
    assert held_out.labels.bincount(minlength=4).tolist() == [8, 0, 0, 6]
    assert shown.labels.bincount().tolist() == [32, 10, 29, 24]
    assert sorted(places(shown) + places(held_out)) == list(range(109))
    for part in (shown, held_out):
        assert places(part) == sorted(places(part))
        assert torch.equal(part.labels, LABELS[places(part)])
        assert part.num_classes == 4


def test_what_is_held_out_depends_on_the_seed_and_on_the_classes_that_are_filled() -> None:
    held_out = places(hold_out(NUMBERED, (0, 3), seed=1)[1])
    assert places(hold_out(NUMBERED, (0, 3), seed=1)[1]) == held_out
    assert places(hold_out(NUMBERED, (0, 3), seed=2)[1]) != held_out
    alone = places(hold_out(NUMBERED, (3,), seed=1)[1])
    assert alone == [place for place in held_out if LABELS[place] == 3]


@pytest.mark.parametrize("labels", [(), (1, 2)], ids=["none is filled", "too few images"])
def test_nothing_is_held_out_without_need(labels: tuple[int, ...]) -> None:
    shown, held_out = hold_out(NUMBERED, labels, seed=1)
    assert places(shown) == list(range(109))
    assert held_out.images.shape == (0, 1, 2, 2) and len(held_out.labels) == 0


@pytest.fixture
def compared_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_length, "COMPARE_EVERY", 1)


@pytest.fixture
def shown_to_gans(monkeypatch: pytest.MonkeyPatch) -> list[TrainingData]:
    """What GANs are trained on from now on."""
    seen: list[TrainingData] = []

    def watched(variant: GanVariant, settings: GanSettings, data: TrainingData, **others: Any) -> object:
        seen.append(data)
        return train_gan(variant, settings, data, **others)

    monkeypatch.setattr("gan_study.trainables.gans.batched.train_gan", watched)
    return seen


def trained(name: str, training: TrainingSet, **lengths: int):
    gan = {"batch_size": 4, "latent_size": 8, **lengths}
    (last,) = parse_balancing({"name": name, "gan": gan}).balancer.balance(training, seed=1)
    return last


@pytest.mark.usefixtures("compared_every_step")
def test_a_class_is_filled_by_the_generator_that_was_nearest_to_what_was_held_out(
    shown_to_gans: list[TrainingData],
) -> None:
    training = training_set_of(40, 32, 30)
    last = trained("vanilla_gan", training, generator_steps=3, most_generator_steps=9)
    assert [len(data.images) for data in shown_to_gans] == [32 - 6, 30 - 6]
    expected = []
    for (name, gan), data, label in zip(last.gans.items(), shown_to_gans, (1, 2), strict=True):
        assert gan.end is not None and gan.end.compared_at == tuple(range(1, gan.generator_steps + 1))
        nearest = gan.end.distances.index(min(gan.end.distances[2:])) + 1
        assert gan.taken_from == nearest
        (alone,) = train_gan(
            VARIANTS["vanilla_gan"],
            parse_balancing({"name": "vanilla_gan", "gan": {"batch_size": 4, "latent_size": 8}}).balancer.gan,
            data,
            seed=derive_seed(1, "gan", name),
            at={nearest},
        )
        wanted = torch.full((40 - len(training.of_class(label)),), label)
        made = sample(alone.generator, wanted, 8, seed=samples_seed(1, label))
        assert torch.equal(last.training.of_class(label)[-len(wanted) :], made)
        if nearest != gan.generator_steps:
            expected.append(
                f"GAN of {name}: of {gan.generator_steps} generator steps, the generator of step {nearest} fills"
                " the class"
            )
    assert expected, "the test wants a class whose nearest generator was not the last"
    assert list(last.notes) == expected


@pytest.mark.usefixtures("compared_every_step")
def test_a_conditional_gan_holds_out_of_those_classes_that_have_enough(shown_to_gans: list[TrainingData]) -> None:
    last = trained("cgan", training_set_of(60, 40, 10), generator_steps=2, most_generator_steps=3)
    (shown,) = shown_to_gans
    assert shown.labels.bincount().tolist() == [60, 32, 10]
    end = last.gans["all classes"].end
    assert end is not None and end.reason == "cap" and end.compared_at == (1, 2, 3)
    assert last.training.class_counts() == (60, 60, 60)


@pytest.mark.usefixtures("compared_every_step")
def test_below_30_images_the_least_length_is_the_length(shown_to_gans: list[TrainingData]) -> None:
    last = trained("vanilla_gan", training_set_of(40, 29, 2), generator_steps=2, most_generator_steps=5)
    assert [len(data.images) for data in shown_to_gans] == [29, 2]
    for gan in last.gans.values():
        assert (gan.generator_steps, gan.taken_from) == (2, 2)
        assert gan.end == TrainingEnd(reason="floor", still_improving=None, compared_at=(), distances=())
    assert not last.notes


@pytest.mark.parametrize(("lengths", "steps"), [({"generator_steps": 3}, 3), ({"epochs": 1}, 8)])
def test_an_exact_length_is_kept_to_and_all_images_are_shown(
    shown_to_gans: list[TrainingData], lengths: dict[str, int], steps: int
) -> None:
    last = trained("vanilla_gan", training_set_of(40, 40, 32), **lengths)
    (shown,) = shown_to_gans
    assert len(shown.images) == 32
    gan = last.gans["class 2"]
    assert (gan.generator_steps, gan.taken_from, gan.end) == (steps, steps, FIXED)


@pytest.mark.usefixtures("compared_every_step")
def test_classes_may_end_at_different_steps() -> None:
    """One has enough images to go on for, the other has not."""
    last = trained("vanilla_gan", training_set_of(40, 30, 5), generator_steps=2, most_generator_steps=4)
    ends = {name: (gan.generator_steps, gan.end.reason) for name, gan in last.gans.items() if gan.end}
    assert ends["class 2"] == (2, "floor")
    assert ends["class 1"] == (4, "cap")
    assert last.generator_steps == 4


@pytest.mark.usefixtures("compared_every_step")
def test_weights_to_begin_with_have_not_seen_what_is_held_out(
    shown_to_gans: list[TrainingData], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images of all classes but those that a GAN of any class is compared with."""
    pretrained_on: list[TrainingData] = []

    def watched(variant: GanVariant, settings: GanSettings, data: TrainingData, **others: Any) -> object:
        pretrained_on.append(data)
        return pretrain(variant, settings, data, **others)

    monkeypatch.setattr("gan_study.trainables.balancing.gan.pretrain", watched)
    training = training_set_of(50, 40, 30, 6)
    gan = {"batch_size": 4, "latent_size": 8, "pretrain": "all_classes", "generator_steps": 2}
    for lengths, num_shown in (({"most_generator_steps": 3}, (32, 24, 6)), ({}, (40, 30, 6))):
        shown_to_gans.clear()
        list(parse_balancing({"name": "dcgan", "gan": gan | lengths}).balancer.balance(training, seed=1))
        assert [len(each.images) for each in shown_to_gans] == list(num_shown)
        shown = [image for each in shown_to_gans for image in each.images]
        majority = list(training.of_class(0))
        expected = sorted(image.flatten().tolist() for image in (*majority, *shown))
        assert sorted(image.flatten().tolist() for image in pretrained_on[-1].images) == expected
