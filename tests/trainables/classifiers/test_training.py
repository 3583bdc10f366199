import math
from dataclasses import replace
from itertools import islice, pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.reference import with_torchs_layers
from gan_study.trainables.base.seeding import derive_seed, index_batches, seeded_global_state, torch_generator
from gan_study.trainables.classifiers.augmentation import Augmentation
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import (
    Adam,
    ClassifierConfig,
    EarlyStopping,
    PlateauRate,
    Sgd,
    StepRate,
)
from gan_study.trainables.classifiers.loss_plans import FittingPlan, HeadStage, weighted_cross_entropy
from gan_study.trainables.classifiers.models.simple_cnn import SIMPLE_CNN
from gan_study.trainables.classifiers.training import (
    DivergedClassifierError,
    Validation,
    fit,
    mix_weighted,
    num_steps,
    proportional_weights,
)
from gan_study.trainables.data.images import Classes, TrainingSet
from tests.members import each


@pytest.fixture
def bars():
    """Three classes of 8x8 images, each bright in rows of its own, with noise; easy to tell apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(20)
    images = 0.3 * torch.randn(60, 1, 8, 8, generator=generator)
    for row, label in enumerate(labels):
        images[row, 0, 2 * label : 2 * label + 2] += 1
    return TrainingSet(
        images=images.clamp(-1, 1),
        labels=labels,
        weights=torch.ones(60),
        synthetic=torch.zeros(60, dtype=torch.bool),
        classes=Classes(names=("a", "b", "c"), minority=(2,)),
    )


CONFIG = ClassifierConfig(batch_size=16)


def probabilities(training, *, config=CONFIG, steps=20, seed=0):
    return fit(config, training, steps=steps, seed=seed).probabilities(training.images)


def test_every_arm_gets_the_same_steps_unless_epochs_are_asked_for():
    config = ClassifierConfig(epochs=3, batch_size=10)
    assert num_steps(config, balanced_size=100, unbalanced_size=41) == 3 * 5
    assert num_steps(replace(config, budget="epochs"), balanced_size=100, unbalanced_size=41) == 3 * 10


def test_bf16_is_of_the_body_in_training(bars):
    exact = probabilities(bars)
    assert torch.equal(probabilities(bars, config=replace(CONFIG, precision="float32")), exact)
    rounded = fit(replace(CONFIG, precision="bf16"), bars, steps=20, seed=0)
    found = rounded.probabilities(bars.images)
    assert not torch.equal(found, exact)
    torch.testing.assert_close(found, exact, atol=0.05, rtol=0)
    # Predicted in float32: in bf16 they would be the same to two or three digits alone.
    assert {weight.dtype for weight in rounded.body.parameters()} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        in_bf16 = rounded.probabilities(bars.images)
    assert found.dtype == torch.float32
    assert 0 < (in_bf16 - found).abs().max() < 0.05


def test_in_bf16_head_and_loss_stay_in_float32(bars):
    dtypes = set()

    def loss(step):
        dtypes.add(step.logits.dtype)
        return functional.cross_entropy(step.logits, step.targets)

    fit(replace(CONFIG, precision="bf16"), bars, steps=1, seed=0, plan=FittingPlan(loss=loss))
    assert dtypes == {torch.float32}


def test_it_learns(bars):
    predicted = probabilities(bars, steps=100).argmax(dim=1)
    assert (predicted == bars.labels).float().mean() > 0.95


# Half of the time of all goes into resnet18, whose blocks resnet32 has too.
@pytest.mark.parametrize(
    "name",
    [*each(name for name in CLASSIFIERS if name != "resnet18"), pytest.param("resnet18", marks=pytest.mark.soak)],
)
def test_every_model_learns(bars, name):
    fitted = fit(replace(CONFIG, name=name), bars, steps=100, seed=0)
    assert (fitted.probabilities(bars.images).argmax(dim=1) == bars.labels).float().mean() > 0.9


# vgg_svm has dropout, whose masks lie as its maps do in memory, and a head that is fitted to features.
@pytest.mark.parametrize("name", each(name for name in CLASSIFIERS if name != "vgg_svm"))
def test_the_numbers_are_those_of_a_plain_loop(bars, name):
    """Torch's own layers, their usual order and memory layout, and its plain Adam; in float64."""
    torch.set_default_dtype(torch.double)
    try:
        training = replace(bars, images=bars.images.double(), weights=bars.weights.double())
        config, steps, seed = replace(CONFIG, name=name), 4, 3
        fitted = fit(config, training, steps=steps, seed=seed)
        with seeded_global_state(derive_seed(seed, "global state")):
            body, num_features = CLASSIFIERS[config.name].body(training.shape)
            network = with_torchs_layers(nn.Sequential(body, nn.Linear(num_features, 3)))
            optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate, foreach=False)
            batches = index_batches(len(training), config.batch_size, torch_generator(seed, "batches"))
            for rows in islice(batches, steps):
                optimiser.zero_grad()
                functional.cross_entropy(network(training.images[rows]), training.labels[rows]).backward()
                optimiser.step()
    finally:
        torch.set_default_dtype(torch.float)
    ours = [*fitted.body.state_dict().items(), *fitted.head.state_dict().items()]
    for (key, our), their in zip(ours, network.state_dict().values(), strict=True):
        assert torch.allclose(our.double(), their.double(), rtol=0, atol=1e-10), key


def test_probabilities_sum_to_one(bars):
    assert torch.allclose(probabilities(bars).sum(dim=1), torch.ones(60))


def test_the_seed_decides_whatever_the_global_random_state(bars):
    first = probabilities(bars)
    torch.manual_seed(999)
    before = torch.get_rng_state()
    assert torch.equal(probabilities(bars), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(probabilities(bars, seed=1), first)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-2},
        {"batch_size": 8},
        {"optimiser": Adam(weight_decay=0.1)},
        {"optimiser": Sgd()},
        {"optimiser": Sgd(momentum=0.5)},
        {"optimiser": Sgd(weight_decay=0.1)},
        {"schedule": StepRate(warmup_epochs=2)},
        {"schedule": StepRate(factors={1: 0.1})},
        {"augmentation": Augmentation(rotation_degrees=20)},
        {"augmentation": Augmentation(zoom=0.2)},
        {"augmentation": Augmentation(shift=0.2)},
        {"augmentation": Augmentation(flip_probability=0.5)},
        {"augmentation": Augmentation(crop_padding=2)},
    ],
    ids=str,
)
def test_every_setting_changes_the_result(bars, change):
    others = [CONFIG, replace(CONFIG, optimiser=Sgd())]
    changed = probabilities(bars, config=replace(CONFIG, **change))
    assert all(
        not torch.equal(changed, probabilities(bars, config=o)) for o in others if o != replace(CONFIG, **change)
    )


def validation(images, labels, weights=None):
    return Validation(
        images=images, labels=labels, weights=torch.ones(len(labels)) if weights is None else weights
    )


def misleading(bars):
    """A validation set on which every step of the training makes the classifier worse."""
    return validation(bars.images, (bars.labels + 1) % 3)


@pytest.mark.parametrize(
    "change",
    [
        {"early_stopping": EarlyStopping(patience=1)},
        {"schedule": PlateauRate(patience=1)},
        {"schedule": PlateauRate(patience=1, factor=0.5)},
        {"schedule": PlateauRate(patience=2)},
    ],
    ids=str,
)
def test_a_training_that_watches_validation_heeds_it(bars, change):
    config = replace(CONFIG, **change)
    watched = fit(config, bars, steps=50, seed=0, validation=misleading(bars)).probabilities(bars.images)
    assert not torch.equal(watched, fit(CONFIG, bars, steps=50, seed=0).probabilities(bars.images))
    kind = fit(config, bars, steps=50, seed=0, validation=validation(bars.images, bars.labels))
    assert not torch.equal(watched, kind.probabilities(bars.images))


def test_an_early_stop_gives_back_the_weights_of_the_best_epoch(bars):
    # Each epoch is ten steps, and worse than the one before: what is given back is the first.
    config = replace(CONFIG, epochs=5, early_stopping=EarlyStopping(patience=2))
    stopped = fit(config, bars, steps=50, seed=0, validation=misleading(bars))
    ten_steps = fit(replace(CONFIG, epochs=1), bars, steps=10, seed=0)
    assert torch.equal(stopped.probabilities(bars.images), ten_steps.probabilities(bars.images))


def test_images_of_weight_0_do_not_count_in_the_validation_loss(bars):
    config = replace(CONFIG, epochs=5, early_stopping=EarlyStopping(patience=2))
    wrong = misleading(bars)
    both = validation(
        torch.cat([wrong.images, bars.images]),
        torch.cat([wrong.labels, bars.labels]),
        torch.cat([torch.zeros(len(bars)), torch.ones(len(bars))]),
    )
    found = fit(config, bars, steps=50, seed=0, validation=both).probabilities(bars.images)
    kind = fit(config, bars, steps=50, seed=0, validation=validation(bars.images, bars.labels))
    assert torch.equal(found, kind.probabilities(bars.images))


def test_the_validation_loss_is_that_of_the_predictions(bars):
    # Moved so far towards class 1 that every prediction is 1: no training mends it, and the first epoch is best.
    plan = FittingPlan(log_adjustment=(0.0, 1e6, 0.0))
    config = replace(CONFIG, epochs=5, early_stopping=EarlyStopping(patience=2))
    held = validation(bars.images[bars.labels == 1], bars.labels[bars.labels == 1])
    stopped = fit(config, bars, steps=50, seed=0, plan=plan, validation=held)
    ten_steps = fit(replace(CONFIG, epochs=1), bars, steps=10, seed=0)
    assert torch.equal(stopped.features(bars.images), ten_steps.features(bars.images))


def test_validation_classes_weigh_their_shares():
    weights = proportional_weights(torch.tensor([0, 0, 0, 0, 2]), (0.5, 0.25, 0.25))
    assert weights.tolist() == [0.125, 0.125, 0.125, 0.125, 0.25]


def test_the_losses_of_each_epoch_are_recorded(bars):
    each = []

    def loss(step):
        each.append(weighted_cross_entropy(step))
        return each[-1]

    held = validation(bars.images[::2], bars.labels[::2])
    fitted = fit(replace(CONFIG, epochs=5), bars, steps=11, seed=0, plan=FittingPlan(loss=loss), validation=held)
    # Eleven steps in five epochs: 2, 2, 2, 2, 3.
    means = [torch.stack(each[begin:end]).mean().item() for begin, end in pairwise((0, 2, 4, 6, 8, 11))]
    assert fitted.training_losses == pytest.approx(means)
    unseen, second, _, fourth, last = fitted.validation_losses
    assert math.isnan(unseen) and 0 < last < fourth < second
    expected = functional.cross_entropy(fitted.logits(held.images), held.labels)
    assert last == pytest.approx(expected.item())


def test_a_training_that_watches_validation_records_every_epoch_up_to_its_stop(bars):
    config = replace(CONFIG, epochs=5, early_stopping=EarlyStopping(patience=2))
    stopped = fit(config, bars, steps=50, seed=0, validation=misleading(bars))
    for losses in (stopped.training_losses, stopped.validation_losses):
        assert [math.isnan(loss) for loss in losses] == [False] * 3 + [True] * 2


def test_at_most_twenty_validation_losses_are_recorded_and_the_last_is(bars):
    held = validation(bars.images, bars.labels)
    losses = fit(replace(CONFIG, epochs=50), bars, steps=50, seed=0, validation=held).validation_losses
    assert [epoch for epoch, loss in enumerate(losses, start=1) if not math.isnan(loss)] == [*range(3, 49, 3), 50]
    assert all(map(math.isnan, fit(replace(CONFIG, epochs=2), bars, steps=4, seed=0).validation_losses))


def test_the_losses_of_a_head_that_is_fitted_anew_are_those_of_the_one_before(bars):
    stage = HeadStage(
        rebalance=lambda features, labels, weights, seed: (features, labels, weights), steps_share=0.5
    )
    plain = fit(CONFIG, bars, steps=20, seed=0)
    staged = fit(CONFIG, bars, steps=40, seed=0, plan=FittingPlan(head_stage=stage))
    assert staged.training_losses == plain.training_losses


def test_the_validation_part_decides_nothing_unless_asked_to(bars):
    nothing = validation(torch.full((3, 1, 8, 8), float("nan")), torch.zeros(3, dtype=torch.int64))
    unseen = fit(CONFIG, bars, steps=20, seed=0, validation=nothing).probabilities(bars.images)
    assert torch.equal(unseen, probabilities(bars))


def test_a_training_that_watches_nothing_is_refused(bars):
    with pytest.raises(AssertionError, match="nothing to watch"):
        fit(replace(CONFIG, early_stopping=EarlyStopping()), bars, steps=5, seed=0)


def test_another_model_may_be_fitted(bars):
    model = replace(SIMPLE_CNN, body=lambda shape: (nn.Flatten(), 64))
    assert fit(CONFIG, bars, steps=5, seed=0, model=model).features(bars.images).shape == (60, 64)


def test_images_of_weight_zero_do_not_count(bars):
    weights = (bars.labels != 2).float()
    predicted = probabilities(replace(bars, weights=weights), steps=100).argmax(dim=1)
    assert (predicted[bars.labels == 2] == 2).float().mean() < 0.1


def test_a_loss_that_is_not_finite_is_an_error(bars):
    broken = replace(bars, images=bars.images * float("nan"))
    with pytest.raises(DivergedClassifierError, match=r"diverged at learning rate 0\.001"):
        fit(CONFIG, broken, steps=2, seed=0)


def test_dropout_is_seeded_too(bars):
    model = replace(SIMPLE_CNN, body=lambda shape: (nn.Sequential(nn.Flatten(), nn.Dropout(0.5)), 64))
    first, second = (fit(CONFIG, bars, steps=20, seed=0, model=model).logits(bars.images) for _ in range(2))
    assert torch.equal(first, second)


def test_the_loss_of_the_plan_is_minimised_and_knows_the_progress(bars):
    seen = []

    def loss(step):
        seen.append((step.progress, step.logits.shape))
        return weighted_cross_entropy(replace(step, targets=(step.targets + 1) % 3))

    fitted = fit(CONFIG, bars, steps=100, seed=0, plan=FittingPlan(loss=loss))
    assert seen[0] == (0.0, (16, 3)) and seen[50][0] == 0.5 and len(seen) == 100
    predicted = fitted.probabilities(bars.images).argmax(dim=1)
    assert (predicted == (bars.labels + 1) % 3).float().mean() > 0.95


def test_batches_are_mixed_as_the_plan_says(bars):
    def mix(images, labels):
        return -images, functional.one_hot(labels, 3).float()

    fitted = fit(CONFIG, bars, steps=100, seed=0, plan=FittingPlan(mix=mix))
    assert (fitted.probabilities(-bars.images).argmax(dim=1) == bars.labels).float().mean() > 0.95


def test_a_cosine_head_keeps_logits_within_its_scale(bars):
    fitted = fit(CONFIG, bars, steps=50, seed=0, plan=FittingPlan(cosine_scale=4.0))
    logits = fitted.head(fitted.features(bars.images))
    assert logits.abs().max() <= 4.0 + 1e-5
    # Of lengths unscaled they would lie within 1.
    assert logits.abs().max() > 1.5


def test_an_adjustment_is_added_to_the_logits_of_predictions_alone(bars):
    plain = fit(CONFIG, bars, steps=20, seed=0)
    moved = fit(CONFIG, bars, steps=20, seed=0, plan=FittingPlan(log_adjustment=(0.0, 2.0, -1.0)))
    features = plain.features(bars.images)
    assert torch.equal(features, moved.features(bars.images))
    assert torch.allclose(moved.head(features), plain.head(features) + torch.tensor([0.0, 2.0, -1.0]))


def test_a_second_stage_fits_a_new_head_to_what_it_is_given_and_leaves_the_body(bars):
    def rebalance(features, labels, weights, seed):
        return features[labels != 0], labels[labels != 0], weights[labels != 0]

    stage = HeadStage(rebalance=rebalance, steps_share=0.75)
    plain = fit(CONFIG, bars, steps=50, seed=0)
    staged = fit(CONFIG, bars, steps=200, seed=0, plan=FittingPlan(head_stage=stage))
    assert torch.equal(plain.features(bars.images), staged.features(bars.images))
    # The new head never met class 0.
    predicted = staged.probabilities(bars.images).argmax(dim=1)
    assert (predicted != 0).all()
    assert (predicted[bars.labels != 0] == bars.labels[bars.labels != 0]).float().mean() > 0.95


@pytest.mark.parametrize(("steps", "share"), [(20, 0.25), (20, 0.01), (20, 0.99), (2, 0.5)])
def test_two_stages_take_as_many_steps_as_one(bars, monkeypatch, steps, share):
    taken, step = [], torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda *args, **kw: (taken.append(1), step(*args, **kw))[1])
    stage = HeadStage(
        rebalance=lambda features, labels, weights, seed: (features, labels, weights), steps_share=share
    )
    fit(CONFIG, bars, steps=steps, seed=0, plan=FittingPlan(head_stage=stage))
    assert len(taken) == steps


def test_a_final_head_is_fitted_to_the_features_of_the_body(bars):
    def nearest_mean(features, labels, weights, num_classes, seed):
        means = torch.stack([features[labels == label].mean(dim=0) for label in range(num_classes)])
        return lambda queries: -torch.cdist(queries, means)

    fitted = fit(CONFIG, bars, steps=20, seed=0, model=replace(SIMPLE_CNN, final_head=nearest_mean))
    features = fitted.features(bars.images)
    assert torch.allclose(fitted.head(features), nearest_mean(features, bars.labels, None, 3, 0)(features))


def test_the_weights_of_mixed_images_are_mixed_as_the_images_are():
    def mix(images, labels):
        """A quarter of each image's neighbour."""
        return 0.75 * images + 0.25 * images.roll(1, 0), torch.eye(2)[labels]

    images, labels = torch.rand(3, 1, 4, 4), torch.tensor([0, 1, 1])
    mixed, shares, weights = mix_weighted(mix, images, labels, torch.tensor([1.0, 0.2, 0.6]))
    wanted_images, wanted_shares = mix(images, labels)
    torch.testing.assert_close(mixed, wanted_images)
    assert torch.equal(shares, wanted_shares)
    # 0.75 + 0.15, 0.15 + 0.25, 0.45 + 0.05.
    torch.testing.assert_close(weights, torch.tensor([0.9, 0.4, 0.5]))


def test_a_mixed_batch_is_fitted_by_the_weights_of_its_images(bars):
    def mix(images, labels):
        return images, torch.eye(len(bars.classes.names))[labels]

    plan, halved = FittingPlan(mix=mix), replace(bars, weights=torch.where(bars.labels == 0, 0.01, 1.0))
    both = (fit(CONFIG, each, steps=20, seed=0, plan=plan) for each in (bars, halved))
    alike, weighted = (fitted.probabilities(bars.images) for fitted in both)
    assert weighted[:, 0].mean() < alike[:, 0].mean()
