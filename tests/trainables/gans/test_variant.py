from dataclasses import replace

import pytest

from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.length import LENGTHS
from gan_study.trainables.gans.variant import DEFAULTS, GanSettings, GanVariant, parse_gan_settings


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_given_keys_overlay_the_variants_defaults(variant) -> None:
    parsed = parse_gan_settings(variant, {"batch_size": 7}, where="gan")
    assert dump(parsed) == {**dump(variant.defaults), "batch_size": 7}


def lengths(settings: GanSettings) -> tuple[int | None, ...]:
    return tuple(getattr(settings, name) for name in LENGTHS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (2000, 6000, None)),
        ({"generator_steps": 3000}, (3000, None, None)),
        ({"generator_steps": 3000, "most_generator_steps": 4000}, (3000, 4000, None)),
        ({"most_generator_steps": 2500}, (2000, 2500, None)),
        ({"epochs": 7}, (None, None, 7)),
        # As a dumped setting has them: those that are None are not given.
        ({"generator_steps": None, "most_generator_steps": None, "epochs": 7}, (None, None, 7)),
        ({"generator_steps": 5, "most_generator_steps": None, "epochs": None}, (5, None, None)),
        ({"generator_steps": None, "most_generator_steps": None, "epochs": None}, None),
    ],
)
def test_a_given_length_takes_the_place_of_all_that_the_variant_has(
    given: dict[str, object], expected: tuple[int | None, ...] | None
) -> None:
    defaults = replace(DEFAULTS, generator_steps=2000, most_generator_steps=6000, epochs=None)
    variant = replace(VARIANTS["dcgan"], defaults=defaults)
    if expected is None:
        with pytest.raises(ConfigError, match=r"^gan: generator_steps is None and epochs is None"):
            parse_gan_settings(variant, given, where="gan")
    else:
        assert lengths(parse_gan_settings(variant, given, where="gan")) == expected


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_variant_ends_by_itself_from_2000_to_6000_steps_or_after_those_of_its_source(
    variant: GanVariant,
) -> None:
    of_source = {"bagan_gp": (5800, None, None)}
    assert lengths(variant.defaults) == of_source.get(variant.name, (2000, 6000, None))


@pytest.mark.parametrize(
    ("num_images", "batch_size", "discriminator_steps", "expected"),
    [
        # ceil(50 / 8) = 7 batches an epoch, 21 in three, and a generator step after every fifth of them.
        (50, 8, 5, 4),
        # Two batches would show all ten images, but an epoch has at least one step of the generator.
        (10, 8, 5, 3),
        (10, 8, 1, 6),
        (1, 8, 1, 3),
    ],
)
def test_steps_of_three_epochs(num_images: int, batch_size: int, discriminator_steps: int, expected: int) -> None:
    given = {"epochs": 3, "batch_size": batch_size, "discriminator_steps": discriminator_steps}
    settings = parse_gan_settings(VARIANTS["dcgan"], given, where="gan")
    assert settings.num_generator_steps(num_images) == expected


def test_a_length_in_steps_does_not_depend_on_the_images() -> None:
    given = {"generator_steps": 300, "most_generator_steps": 900, "discriminator_steps": 5}
    settings = parse_gan_settings(VARIANTS["dcgan"], given, where="gan")
    assert [settings.num_generator_steps(number) for number in (1, 1000)] == [300, 300]


def test_an_exact_length_has_no_cap_and_no_milestone() -> None:
    given = {"generator_steps": 300, "most_generator_steps": 900, "milestones": [800]}
    settings = parse_gan_settings(VARIANTS["dcgan"], given, where="gan").of_length(20)
    assert (*lengths(settings), settings.milestones) == (20, None, None, ())


def test_given_weights_overlay_the_default_weights() -> None:
    parsed = parse_gan_settings(VARIANTS["wgan_gp"], {"weights": {"gradient_penalty": 3}}, where="gan")
    assert parsed.weights == {"gradient_penalty": 3.0}
    assert parse_gan_settings(VARIANTS["wgan_gp"], {"weights": {}}, where="gan").weights == {
        "gradient_penalty": 10
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "gan.epoch: unknown key; did you mean 'epochs'?"),
        ({"weights": {"gradient": 1}}, "gan.weights.gradient: unknown key; did you mean 'gradient_penalty'?"),
        ({"weights": 3}, "gan.weights: 3 cannot be used; a mapping of names to values is needed"),
        (3, "gan: 3 cannot be used; a mapping of names to values is needed"),
        (
            {"generator_steps": 5, "milestones": [2, 5]},
            "gan: milestones [2, 5] must increase between generator step 1 and the last, 5",
        ),
        (
            {"generator_steps": 5, "milestones": [3, 2]},
            "gan: milestones [3, 2] must increase between generator step 1 and the last, 5",
        ),
        (
            {"generator_steps": 5, "most_generator_steps": 9, "milestones": [6, 9]},
            "gan: milestones [6, 9] must increase between generator step 1 and the last, 9",
        ),
        (
            {"generator_steps": 5, "epochs": 2},
            "gan: generator_steps is 5 and epochs is 2: set exactly one of them as the length of the "
            "training; the other must be null",
        ),
        (
            {"generator_steps": 5, "most_generator_steps": 4},
            "gan: most_generator_steps is 4; it must be at least generator_steps, 5",
        ),
        (
            {"epochs": 5, "most_generator_steps": 40},
            "gan: most_generator_steps is 40 and epochs is 5: epochs are an exact length; most_generator_steps "
            "can only be used with generator_steps, the minimum length",
        ),
    ],
)
def test_mistakes_are_named_in_one_line(values: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_gan_settings(VARIANTS["wgan_gp"], values, where="gan")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("generator_steps", 0),
        ("most_generator_steps", 0),
        ("epochs", 0),
        ("learning_rate", 0.0),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("batch_size", 1),
        ("latent_size", 0),
        ("discriminator_steps", 0),
        ("milestones", [0]),
        ("weights", {"gradient_penalty": -1.0}),
    ],
)
def test_values_out_of_range_are_refused(key: str, value: object) -> None:
    # That its own range refuses it, and not that there is no such key.
    with pytest.raises(ConfigError, match=rf"^gan(\.{key}|: {key} )(?!.*unknown key)"):
        parse_gan_settings(VARIANTS["wgan_gp"], {key: value}, where="gan")


def test_a_variant_without_terms_says_so() -> None:
    with pytest.raises(ConfigError, match="dcgan has no extra term"):
        parse_gan_settings(VARIANTS["dcgan"], {"weights": {"gradient_penalty": 1.0}}, where="gan")
