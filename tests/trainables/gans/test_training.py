from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.gans.sampling import sample
from gan_study.trainables.gans.trainer import class_balanced_batches, clip_weights
from gan_study.trainables.gans.training import TrainedGenerator, train_gan
from gan_study.trainables.gans.variant import (
    AdversarialStep,
    GanSettings,
    GanVariant,
    Networks,
    Term,
    TrainingData,
    parse_gan_settings,
)
from tests.tensor_bytes import largest_made

SMALL: Mapping[str, object] = {"generator_steps": 4, "batch_size": 4, "latent_size": 8, "discriminator_steps": 2}
LABELS = torch.tensor([0, 1, 0, 1, 1, 0, 1, 1, 1, 1])
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
# For what the trainer does alike for all: batch norm; a penalty; class labels, class logits and a warm start.
NAMES = ("dcgan", "wgan_gp", "bagan")
three_variants = pytest.mark.parametrize("variant", [VARIANTS[name] for name in NAMES], ids=NAMES)


def images(number: int = 10) -> Tensor:
    return torch.rand(number, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


DATA = TrainingData(images=images(), labels=LABELS, num_classes=2)


def settings_of(variant: GanVariant, given: Mapping[str, object] = {}) -> GanSettings:
    warm_start = {"warm_start_epochs": 1} if variant.warm_start else {}
    return parse_gan_settings(variant, {**SMALL, **warm_start, **given}, where="gan")


def trained(variant: GanVariant, given: Mapping[str, object] = {}, *, seed: int = 1) -> Iterator[TrainedGenerator]:
    """The GAN after each of its generator steps."""
    settings = settings_of(variant, given)
    return train_gan(variant, settings, DATA, seed=seed, at=range(1, settings.num_generator_steps(10) + 1))


def outcome(variant: GanVariant, given: Mapping[str, object] = {}, *, seed: int = 1) -> tuple[object, ...]:
    """Losses and weights after the last step."""
    *_, last = trained(variant, given, seed=seed)
    weights = tuple(round(w.double().sum().item(), 9) for w in last.generator.state_dict().values())
    return last.losses[-1].discriminator, last.losses[-1].generator, weights


@every_variant
def test_equal_seeds_give_equal_generators_and_other_seeds_others(variant: GanVariant) -> None:
    first = outcome(variant)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert outcome(variant) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert outcome(variant, seed=2) != first


@three_variants
def test_sampling_on_the_way_changes_nothing(variant: GanVariant) -> None:
    undisturbed = outcome(variant)
    for state in trained(variant):
        sample(state.generator, LABELS, 8, seed=3)
    weights = tuple(round(w.double().sum().item(), 9) for w in state.generator.state_dict().values())
    assert (state.losses[-1].discriminator, state.losses[-1].generator, weights) == undisturbed


@every_variant
def test_trains_on_one_image_of_one_class(variant: GanVariant) -> None:
    settings = settings_of(variant, {"discriminator_steps": 5})
    data = TrainingData(images=images(1), labels=torch.zeros(1, dtype=torch.int64), num_classes=1)
    states = list(train_gan(variant, settings, data, seed=1, at={1, 2}))
    assert [state.generator_steps for state in states] == [1, 2]
    assert sample(states[-1].generator, 0 * LABELS, 8, seed=0).isfinite().all()


@three_variants
def test_trains_where_most_classes_have_no_image(variant: GanVariant) -> None:
    settings = settings_of(variant)
    data = TrainingData(images=images(), labels=LABELS, num_classes=43)
    (last,) = train_gan(variant, settings, data, seed=1, at={1})
    assert sample(last.generator, torch.arange(43), 8, seed=0).isfinite().all()


@three_variants
@pytest.mark.parametrize(
    "given", [{"diff_augment": True}, {"ema_decay": 0.9}], ids=lambda given: next(iter(given))
)
def test_the_switches_change_the_outcome(variant: GanVariant, given: Mapping[str, object]) -> None:
    assert outcome(variant, given) != outcome(variant)


@pytest.mark.parametrize(
    "given",
    [
        {"generator_steps": 5},
        {"learning_rate": 1e-3},
        {"beta1": 0.6},
        {"beta2": 0.99},
        {"batch_size": 5},
        {"latent_size": 9},
        {"discriminator_steps": 1},
        {"weights": {"gradient_penalty": 9.0}},
        {"weight_clip": 0.01},
        {"diff_augment": True},
        {"ema_decay": 0.9},
        {"precision": "bf16"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_every_setting_changes_the_outcome(given: Mapping[str, object]) -> None:
    assert outcome(VARIANTS["wgan_gp"], given) != outcome(VARIANTS["wgan_gp"])


def test_learning_rate_is_that_of_both_networks() -> None:
    def first_losses(rate: float) -> tuple[float, float]:
        state = next(trained(VARIANTS["vanilla_gan"], {"learning_rate": rate}))
        return state.losses[-1].discriminator, state.losses[-1].generator

    slow, fast = first_losses(1e-5), first_losses(1e-3)
    assert all(abs(a - b) > 1e-4 for a, b in zip(slow, fast, strict=True))


def counting(steps: Counter[str]) -> GanVariant:
    """The vanilla GAN with a term of value 0 for each network, which counts its steps."""

    def count(network: str) -> Term:
        def function(step: AdversarialStep) -> Tensor:
            steps[network] += 1
            return 0 * step.fake.logits.sum()

        return Term(name=network, function=function)

    vanilla = VARIANTS["vanilla_gan"]
    return replace(
        vanilla,
        defaults=replace(vanilla.defaults, weights={"discriminator": 1.0, "generator": 1.0}),
        discriminator_terms=(count("discriminator"),),
        generator_terms=(count("generator"),),
    )


@pytest.mark.parametrize(
    ("batch_size", "discriminator_steps", "expected"),
    [
        # ceil(10 / 4) = 3 batches an epoch, 9 in all, and a generator step after every second: at 2, 4, 6, 8. The
        # ninth, which no step of the generator would follow, is left out.
        (4, 2, {"discriminator": 8, "generator": 4}),
        (4, 1, {"discriminator": 9, "generator": 9}),
        # One batch would see all images, but an epoch has at least one generator step.
        (10, 5, {"discriminator": 15, "generator": 3}),
    ],
)
def test_steps_of_three_epochs(batch_size: int, discriminator_steps: int, expected: Mapping[str, int]) -> None:
    steps: Counter[str] = Counter()
    given = {
        "generator_steps": None,
        "epochs": 3,
        "batch_size": batch_size,
        "discriminator_steps": discriminator_steps,
    }
    *_, last = trained(counting(steps), given)
    assert steps == expected
    assert last.generator_steps == expected["generator"]


def test_generator_terms_enter_the_generators_loss_alone() -> None:
    vanilla = VARIANTS["vanilla_gan"]
    one = Term(name="one", function=lambda step: torch.ones(()))
    defaults = replace(vanilla.defaults, weights={"one": 2.5})
    with_term = replace(vanilla, defaults=defaults, generator_terms=(one,))
    plain, changed = next(trained(vanilla)), next(trained(with_term))
    assert changed.losses[-1].generator - plain.losses[-1].generator == pytest.approx(2.5, abs=1e-6)
    assert changed.losses[-1].discriminator == plain.losses[-1].discriminator


def test_a_variant_gives_every_term_a_weight() -> None:
    with pytest.raises(AssertionError, match="a weight for each term"):
        replace(VARIANTS["wgan_gp"], discriminator_terms=())


@three_variants
def test_an_absurd_learning_rate_is_said_to_diverge(variant: GanVariant) -> None:
    loss = "(discriminator|generator)'s loss"
    with pytest.raises(DivergedError, match=rf"^{variant.name}: the {loss} is .* by generator step \d+$"):
        list(trained(variant, {"learning_rate": 1e30, "generator_steps": 9}))


def test_images_that_are_no_numbers_are_said_to_diverge() -> None:
    variant = VARIANTS["vanilla_gan"]
    settings = parse_gan_settings(variant, SMALL, where="gan")
    with pytest.raises(DivergedError, match=r"vanilla_gan: the discriminator's loss is nan by generator step 1$"):
        list(train_gan(variant, settings, replace(DATA, images=DATA.images * torch.nan), seed=1, at={1}))


def test_class_balanced_batches_draw_every_class_alike() -> None:
    labels = torch.tensor([2] * 990 + [0] * 10)
    batches = class_balanced_batches(labels, 50, torch.Generator().manual_seed(0))
    rows = torch.cat(list(islice(batches, 80)))
    drawn = labels[rows].bincount(minlength=3)
    # 4,000 draws with p = 1/2: standard deviation 32.
    assert drawn[1] == 0
    assert abs(drawn[0].item() - 2000) < 130
    assert rows[labels[rows] == 0].unique().numel() == 10


@pytest.mark.parametrize("number", [2, 3, 1000, 100_000])
def test_class_balanced_batches_are_those_of_multinomial(number: int) -> None:
    """Whose draws they were when it was called for each batch; so a GAN's numbers are as they were."""
    shares = torch.tensor([0.9, 0.07, 0.03])
    labels = shares.multinomial(number, replacement=True, generator=torch.Generator().manual_seed(number))
    ours, theirs = (torch.Generator().manual_seed(3) for _ in range(2))
    batches = class_balanced_batches(labels, 64, ours)
    weights = 1 / labels.bincount()[labels]
    for _ in range(20):
        assert torch.equal(next(batches), weights.multinomial(64, replacement=True, generator=theirs))
    assert torch.equal(ours.get_state(), theirs.get_state())


def test_a_class_balanced_batch_costs_what_its_rows_cost() -> None:
    labels = torch.arange(100_000) % 3
    batches = class_balanced_batches(labels, 64, torch.Generator().manual_seed(0))
    next(batches)
    assert largest_made(lambda: next(batches)) <= 64 * 8


def test_gan_learns_the_colour_of_its_class() -> None:
    """A conditional GAN on black and white images makes dark ones of one class and bright ones of the other."""
    cgan = VARIANTS["cgan"]
    given = {"batch_size": 16, "learning_rate": 1e-3}
    settings: GanSettings = parse_gan_settings(cgan, given, where="gan")
    labels = torch.tensor([0] * 12 + [1] * 4)
    pictures = (labels.float() * 1.8 - 0.9)[:, None, None, None].expand(-1, 1, 8, 8)
    data = TrainingData(images=pictures, labels=labels, num_classes=2)
    (last,) = train_gan(cgan, settings, data, seed=0, at={40})
    made = sample(last.generator, torch.tensor([0] * 20 + [1] * 20), settings.latent_size, seed=1)
    brightness = made.mean(dim=(1, 2, 3))
    assert brightness[:20].mean() < -0.4
    assert brightness[20:].mean() > 0.4


def test_clipping_brings_every_weight_into_its_limit() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data, layer.bias.data = torch.tensor([[0.5, -0.002]]), torch.tensor([-3.0])
    clip_weights(layer.parameters(), 0.01)
    torch.testing.assert_close(layer.weight.data, torch.tensor([[0.01, -0.002]]))
    torch.testing.assert_close(layer.bias.data, torch.tensor([-0.01]))


def test_a_warm_start_comes_before_the_first_step_and_on_the_same_data() -> None:
    seen = []

    def warm_start(networks: Networks, data: TrainingData, settings: GanSettings, random: torch.Generator) -> None:
        seen.append((data.num_classes, settings.warm_start_epochs))
        for weight in networks.generator.parameters():
            weight.data.zero_()

    cold = replace(VARIANTS["vanilla_gan"], warm_start=warm_start)
    settings = parse_gan_settings(cold, {**SMALL, "warm_start_epochs": 4, "learning_rate": 1e-9}, where="gan")
    first = next(train_gan(cold, settings, DATA, seed=1, at={1}))
    assert seen == [(2, 4)]
    assert sample(first.generator, LABELS, 8, seed=0).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["vanilla_gan", "wgan_gp", "r3gan"])
def test_the_generators_step_scores_real_images_only_to_compare(name: str) -> None:
    variant = VARIANTS[name]
    seen: list[tuple[int, int]] = []

    def watched(real: Tensor, fake: Tensor) -> Tensor:
        seen.append((len(real), len(fake)))
        return variant.loss.generator(real, fake)

    watching = replace(variant, loss=replace(variant.loss, generator=watched))
    list(trained(watching))
    assert set(seen) == {(4 if variant.loss.compares else 0, 4)}
