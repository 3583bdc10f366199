import pytest

from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.variant import parse_gan_settings


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_given_keys_overlay_the_variants_defaults(variant) -> None:
    parsed = parse_gan_settings(variant, {"epochs": 7}, where="gan")
    assert dump(parsed) == {**dump(variant.defaults), "epochs": 7}


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
            {"epochs": 5, "milestones": [2, 5]},
            "gan: milestones [2, 5] have to ascend between epoch 1 and the last, 5",
        ),
        (
            {"epochs": 5, "milestones": [3, 2]},
            "gan: milestones [3, 2] have to ascend between epoch 1 and the last, 5",
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
