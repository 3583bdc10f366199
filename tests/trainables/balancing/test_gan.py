from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_study.trainables.balancing import training_length
from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.gan import GanBalancing
from gan_study.trainables.balancing.plans import PLANS
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.classifiers.loss_plans import PLAIN, AdjustedCrossEntropy
from gan_study.trainables.data.byte_images import resize
from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.gans.batched import GanExecution
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.training import TrainedGenerator, train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData
from tests.members import each
from tests.trainables.balancing.tiny import training_set_of


def balancer(name: str, **given: object) -> GanBalancing:
    gan = {"generator_steps": 4, "batch_size": 4, "latent_size": 8, "milestones": [1, 3], **given}
    parsed = parse_balancing({"name": name, "gan": gan}).balancer
    assert isinstance(parsed, GanBalancing)
    return parsed


def test_yields_at_each_milestone_and_last_the_answer(training: TrainingSet) -> None:
    versions = list(balancer("vanilla_gan").balance(training, seed=1))
    assert [version.generator_steps for version in versions] == [1, 3, 4]
    assert [version.is_final for version in versions] == [False, False, True]
    assert all(version.training.class_counts() == (6, 6, 6) for version in versions)
    steps = [{name: gan.generator_steps for name, gan in version.gans.items()} for version in versions]
    assert steps == [{"some": n, "few": n} for n in (1, 3, 4)]
    for earlier, later in pairwise(versions):
        assert not torch.equal(earlier.training.images, later.training.images)


def test_losses_up_to_the_step_of_each_class_that_was_filled(training: TrainingSet) -> None:
    chosen = balancer("vanilla_gan", generator_steps=34, milestones=[16, 33])
    first, second, last = chosen.balance(training, seed=1)
    assert set(first.gans) == set(last.gans) == {"some", "few"}
    assert [version.gans["few"].loss_steps for version in (first, second, last)] == [
        (16,),
        (16, 32, 33),
        (16, 32, 34),
    ]
    assert first.gans["some"].losses == last.gans["some"].losses[:1]


def test_where_an_epoch_of_a_class_is_shorter_its_gan_ends_earlier(training: TrainingSet) -> None:
    """Three images are two batches of two, two images are one: four steps and two in two epochs."""
    chosen = balancer("vanilla_gan", generator_steps=None, epochs=2, batch_size=2)
    at_one, at_three, last = chosen.balance(training, seed=1)
    versions = (at_one, at_three, last)
    steps = [{name: gan.generator_steps for name, gan in version.gans.items()} for version in versions]
    assert steps == [{"some": 1, "few": 1}, {"some": 3, "few": 2}, {"some": 4, "few": 2}]
    assert [version.generator_steps for version in versions] == [1, 3, 4]
    assert [version.is_final for version in versions] == [False, False, True]
    few = [version.training.of_class(2) for version in versions]
    assert not torch.equal(few[0], few[1]) and torch.equal(few[1], few[2])
    assert not torch.equal(at_three.training.of_class(1), last.training.of_class(1))


def test_a_conditional_variant_is_trained_once_on_all_classes(training: TrainingSet) -> None:
    *_, last = balancer("cgan").balance(training, seed=1)
    assert set(last.gans) == {"all classes"}
    assert last.training.class_counts() == (6, 6, 6)


def test_only_classes_that_lack_images_get_a_gan(training: TrainingSet) -> None:
    *_, last = replace(balancer("vanilla_gan"), balance_to=0.5).balance(training, seed=1)
    assert set(last.gans) == {"few"}
    assert last.training.class_counts() == (6, 3, 3)


@pytest.mark.parametrize("name", each(VARIANTS))
def test_without_deficit_the_set_is_left_as_it_is(training: TrainingSet, name: str) -> None:
    nothing_rare = replace(training, classes=Classes(names=training.classes.names, minority=()))
    (only,) = balancer(name).balance(nothing_rare, seed=1)
    assert only == BalancedSet(training=nothing_rare)


def test_milestones_do_not_change_the_answer(training: TrainingSet) -> None:
    *_, with_milestones = balancer("wgan_gp").balance(training, seed=1)
    (without,) = balancer("wgan_gp", milestones=[]).balance(training, seed=1)
    assert torch.equal(with_milestones.training.images, without.training.images)
    assert {name: gan.losses for name, gan in with_milestones.gans.items()} == {
        name: gan.losses for name, gan in without.gans.items()
    }


def test_a_milestone_is_what_a_shorter_training_ends_with(training: TrainingSet) -> None:
    _, at_three, _ = balancer("dcgan").balance(training, seed=1)
    (three,) = balancer("dcgan", generator_steps=3, milestones=[]).balance(training, seed=1)
    assert torch.equal(at_three.training.images, three.training.images)


def test_the_images_of_a_class_come_from_a_gan_of_that_class_alone(training: TrainingSet) -> None:
    chosen = balancer("vanilla_gan")
    *_, last = chosen.balance(training, seed=1)
    few = training.of_class(2)
    labels = torch.full((len(few),), 2)
    seed = derive_seed(1, "gan", "few")
    data = TrainingData(images=few, labels=labels, num_classes=3)
    (alone,) = train_gan(VARIANTS["vanilla_gan"], chosen.gan, data, seed=seed, at={4})
    made = sample(alone.generator, torch.full((4,), 2), 8, seed=derive_seed(1, "samples", 2))
    assert torch.equal(last.training.of_class(2)[2:], made)


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        ((36, 30, 30), "2 GANs were trained as one computation"),
        # A fifth of 30 is held out, nothing of 24: as many are shown, but one of them ends at a fixed length.
        ((36, 30, 24), "a GAN was trained alone"),
    ],
)
def test_as_one_computation_the_classes_are_filled_as_one_at_a_time(
    counts: tuple[int, ...], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every milestone, from averaged weights, and by the nearest generator."""
    monkeypatch.setattr(training_length, "COMPARE_EVERY", 2)
    chosen = balancer("dcgan", generator_steps=2, most_generator_steps=7, ema_decay=0.9, learning_rate=2e-3)
    alone, together = (
        list(chosen.balance(training_set_of(*counts), seed=1, execution=GanExecution(way=way).for_seeds()))
        for way in ("one_at_a_time", "batched")
    )
    assert [version.generator_steps for version in together] == [1, 3, 7]
    for wanted, found in zip(alone, together, strict=True):
        assert torch.allclose(found.training.images, wanted.training.images, rtol=0, atol=1e-4)
        first, *picks = found.notes
        assert first.startswith(note)
        assert tuple(picks) == wanted.notes
        for one, other in zip(wanted.gans.values(), found.gans.values(), strict=True):
            assert (other.generator_steps, other.taken_from) == (one.generator_steps, one.taken_from)
            assert (other.end is None) == (one.end is None)
            if one.end and other.end:
                assert other.end.compared_at == one.end.compared_at
                assert other.end.distances == pytest.approx(one.end.distances, rel=0, abs=1e-4)
    distances = alone[-1].gans["class 1"].end.distances
    assert max(distances) - min(distances) > 1e-2, "else the wrong generators would not be noticed"


def test_settings_that_do_not_fit_the_variant_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'dcgan'"):
        GanBalancing(name="dcgn", gan=VARIANTS["dcgan"].defaults)
    with pytest.raises(ConfigError, match="wgan_gp needs the weights"):
        GanBalancing(name="wgan_gp", gan=VARIANTS["dcgan"].defaults)


def test_a_gan_of_another_size_sees_and_makes_images_of_that_size(
    training: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(
        variant: GanVariant, settings: GanSettings, data: TrainingData, **others: Any
    ) -> Iterator[TrainedGenerator]:
        seen.append(tuple(data.images.shape))
        return train_gan(variant, settings, data, **others)

    monkeypatch.setattr("gan_study.trainables.gans.batched.train_gan", watched)
    larger = replace(training, images=resize(training.images, 32))
    *_, last = replace(balancer("vanilla_gan"), image_size=16).balance(larger, seed=1)
    assert seen == [(3, 1, 16, 16), (2, 1, 16, 16)]
    assert last.training.images.shape == (18, 1, 32, 32)
    assert last.training.images.abs().max() <= 1


def test_resizing_keeps_the_mean_and_the_range() -> None:
    checkered = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).repeat(8, 8)[None, None]
    assert resize(checkered, 8).abs().max() < 0.3
    assert resize(checkered, 8).mean().abs() < 1e-6
    assert resize(checkered, None) is checkered
    assert resize(resize(checkered, 32), 32).shape == (1, 1, 32, 32)


def last_of(chosen: GanBalancing, training: TrainingSet, **given: Any) -> BalancedSet:
    *_, last = chosen.balance(training, seed=1, **given)
    return last


@pytest.mark.parametrize(
    ("dose", "counts"), [(1.0, (6, 6, 6)), (0.5, (6, 5, 4)), (0.25, (6, 4, 3)), (0.01, (6, 4, 3))]
)
def test_a_dose_is_a_share_of_what_is_missing_and_at_least_one(
    training: TrainingSet, dose: float, counts: tuple[int, ...]
) -> None:
    # Three and four images are missing.
    assert last_of(replace(balancer("dcgan"), dose=dose), training).training.class_counts() == counts


@pytest.mark.parametrize("name", ["dcgan", "cgan"])
def test_a_smaller_dose_has_the_first_images_of_the_same_generator(training: TrainingSet, name: str) -> None:
    whole, half = (last_of(replace(balancer(name), dose=dose), training) for dose in (1.0, 0.5))
    for label in (1, 2):
        few = half.training.of_class(label)
        assert torch.equal(few, whole.training.of_class(label)[: len(few)])
    assert {key: gan.losses for key, gan in half.gans.items()} == {
        key: gan.losses for key, gan in whole.gans.items()
    }


def test_by_default_images_weigh_alike_and_the_classifier_is_fitted_plainly(training: TrainingSet) -> None:
    last = last_of(balancer("dcgan"), training)
    assert last.plan is PLAIN
    assert torch.equal(last.training.weights, torch.ones(18))
    assert last.filtered == {}


def test_a_plan_is_given_the_sizes_of_the_filled_set_by_weight(
    training: TrainingSet,
) -> None:
    chosen = replace(balancer("dcgan"), plan="balanced_softmax", synthetic_weight=0.25)
    last = last_of(chosen, training)
    assert isinstance(last.plan.loss, AdjustedCrossEntropy)
    # 6 real images; 3 real and 3 generated; 2 and 4.
    sizes = torch.tensor([6, 3.75, 3])
    torch.testing.assert_close(last.plan.loss.adjustment, (sizes / sizes.sum()).log())
    assert torch.equal(last.training.weights, torch.where(last.training.synthetic, 0.25, 1.0))


def test_class_weights_multiply_those_of_images_so_that_classes_weigh_alike(
    training: TrainingSet,
) -> None:
    last = last_of(replace(balancer("dcgan"), plan="class_weights", synthetic_weight=0.25), training)
    torch.testing.assert_close(torch.tensor(last.training.weighted_class_counts()), torch.full((3,), 12.75 / 3))
    real, made = (last.training.weights[last.training.synthetic == is_made] for is_made in (False, True))
    assert real.min() > made.max()


@pytest.mark.parametrize("plan", each(PLANS))
def test_any_plan_leaves_the_filled_images_as_they_are(training: TrainingSet, plan: str) -> None:
    plain = last_of(balancer("vanilla_gan"), training)
    planned = last_of(replace(balancer("vanilla_gan"), plan=plan), training)
    assert torch.equal(planned.training.images, plain.training.images)
    assert planned.gans.keys() == plain.gans.keys() and planned.is_final


def test_a_filter_that_is_applied_replaces_what_it_rejects(training: TrainingSet) -> None:
    chosen = balancer("dcgan")
    unfiltered = last_of(chosen, training).training
    worst = unfiltered.of_class(1)[3]

    def reject(images: Tensor, label: int) -> Mapping[str, Tensor]:
        return {"the first": (images == worst).all(dim=(1, 2, 3))}

    last = last_of(replace(chosen, filter="apply"), training, reject=reject)
    assert last.training.class_counts() == (6, 6, 6)
    assert torch.equal(last.training.of_class(1)[3:5], unfiltered.of_class(1)[4:6])
    assert torch.equal(last.training.of_class(2), unfiltered.of_class(2))
    assert {label: (found.num_made, found.num_rejected) for label, found in last.filtered.items()} == {
        1: (4, 1),
        2: (4, 0),
    }
    assert torch.equal(last_of(chosen, training, reject=reject).training.images, unfiltered.images)


def test_a_class_of_which_nothing_passes_stays_small_and_a_note_says_so(training: TrainingSet) -> None:
    def reject(images: Tensor, label: int) -> Mapping[str, Tensor]:
        return {"all of one class": torch.full((len(images),), label == 2)}

    last = last_of(replace(balancer("dcgan"), filter="apply"), training, reject=reject)
    assert last.training.class_counts() == (6, 6, 2)
    assert last.notes == ("class 'few': 0 of 4 images; the filter rejected 40 of 40",)
