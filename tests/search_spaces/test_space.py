import optuna
import pytest

from gan_study.search_spaces.optuna_adapter import suggest
from gan_study.search_spaces.space import BALANCER, GENERATOR_STEPS, RATIO, apply_changes, nest
from gan_study.search_spaces.spaces import GAN_VARIANTS, GENERATORS, SPACES
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.base.tunable import Choice, Float, Int, contains
from gan_study.trainables.gans.catalog import VARIANTS


def points(space, count):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [suggest(space, study.ask()) for _ in range(count)]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_every_point_of_every_space_is_a_configuration(space):
    drawn = points(space, 300)
    assert {point[BALANCER] for point in drawn} == set(space.balancers)
    for point in drawn:
        assert parse_balancing(nest(point)["balancing"]).name == point[BALANCER]
        assert all(contains(space.parameters[key], value) for key, value in point.items())


def test_a_parameter_exists_only_where_the_balancer_has_it():
    assert "balancing/gan/weights/gradient_penalty" in GAN_VARIANTS.keys_of("wgan_gp")
    assert "balancing/gan/weights/gradient_penalty" not in GAN_VARIANTS.keys_of("dcgan")


def test_the_range_of_one_balancer_goes_before_that_of_all():
    both = apply_changes(
        GAN_VARIANTS,
        {
            "balancing/gan/generator_steps": Int(low=1, high=2),
            "balancing/gan/generator_steps@cgan": Int(low=3, high=4),
        },
    )
    assert "balancing/gan/generator_steps@cgan" in both.keys_of("cgan")
    assert "balancing/gan/generator_steps" not in both.keys_of("cgan")
    assert "balancing/gan/generator_steps" in both.keys_of("dcgan")


def test_a_change_for_all_balancers_takes_the_place_of_ranges_for_single_ones():
    assert "balancing/gan/generator_steps@dcgan" in GAN_VARIANTS.keys_of("dcgan")
    everywhere = apply_changes(GAN_VARIANTS, {"balancing/gan/generator_steps": Int(low=1, high=2)})
    assert "balancing/gan/generator_steps" in everywhere.keys_of("dcgan")
    assert "balancing/gan/generator_steps@dcgan" not in everywhere.parameters
    nowhere = apply_changes(GAN_VARIANTS, {"balancing/gan/generator_steps": None})
    assert not [key for key in nowhere.parameters if "generator_steps" in key]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_lengths_are_searched_from_each_variants_least_to_three_times_that(variant):
    domain = GAN_VARIANTS.parameters[f"balancing/gan/generator_steps@{variant.name}"]
    assert (domain.low, domain.high) == (variant.defaults.generator_steps, 3 * variant.defaults.generator_steps)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_dose_of_every_gan_is_searched(space):
    assert space.parameters["balancing/dose"] == Choice(options=(0.25, 0.5, 1.0))
    assert all("balancing/dose" in space.keys_of(name) for name in (*VARIANTS, "flow_matching", "deep_smote"))


def test_other_generators_are_searched_by_settings_of_their_own():
    assert set(GENERATORS.keys_of("deep_smote")) == {
        *("balancing/autoencoder/generator_steps", "balancing/autoencoder/learning_rate"),
        *("balancing/autoencoder/code_size", "balancing/dose"),
    }
    assert set(GENERATORS.keys_of("flow_matching")) == {
        *("balancing/flow/generator_steps", "balancing/flow/learning_rate", "balancing/flow/sampler_steps"),
        "balancing/dose",
    }
    assert not any(key.startswith("balancing/flow") for key in GENERATORS.keys_of("dcgan"))
    few = apply_changes(GENERATORS, {"balancing/flow/generator_steps": Choice(options=(5, 7))})
    assert (few.chosen_steps("flow_matching"), few.chosen_steps("dcgan")) == ({5, 7}, frozenset())


def test_a_point_is_nested_by_its_paths():
    point = {
        BALANCER: "cgan",
        RATIO: 5,
        "balancing/gan/generator_steps@cgan": 7,
        "balancing/gan/learning_rate": 0.1,
    }
    assert nest(point) == {
        "balancing": {"name": "cgan", "gan": {"generator_steps": 7, "learning_rate": 0.1}},
        "imbalance": {"ratio": 5},
    }


def test_changes_replace_add_and_take_out():
    space = apply_changes(
        GAN_VARIANTS,
        {
            BALANCER: Choice(options=("dcgan", "random_oversampling")),
            "balancing/balance_to": Float(low=0.5, high=1),
            "balancing/gan/generator_steps": Int(low=3, high=4),
        },
    )
    assert space.keys_of("random_oversampling") == ("balancing/dose", "balancing/balance_to")
    assert set(space.keys_of("dcgan")) == {
        "balancing/dose",
        "balancing/balance_to",
        "balancing/gan/generator_steps",
        "balancing/gan/learning_rate",
    }
    assert "balancing/gan/generator_steps@cgan" not in space.parameters


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"balancing/gan/generator_step": Int(low=1, high=2)},
            "not a setting of any searched balancer; did you mean",
        ),
        ({"balancing/gan/weights/gradient_penalty@dcgan": Int(low=1, high=2)}, "not a setting of dcgan"),
        ({"balancing/gan/generator_step": None}, "not in the space; did you mean 'balancing/gan/generator_steps'"),
        ({"balancing/gan/generator_steps@dcgn": Int(low=1, high=2)}, "'dcgn' is unknown; did you mean 'dcgan'"),
        ({"classifier/epochs": Int(low=1, high=2)}, "only imbalance/ratio and settings of balancing/"),
        ({RATIO: Float(low=1, high=2)}, "a choice is needed"),
        ({RATIO: Choice(options=("x",))}, "a ratio is a number from 1 up"),
        ({BALANCER: Choice(options=("dcgn",))}, "'dcgn' is unknown; did you mean 'dcgan'"),
        ({BALANCER: None}, "a choice of balancers is needed"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        apply_changes(GAN_VARIANTS, changes)
    assert message in str(error.value)


def test_chosen_steps_are_those_of_balancers_that_have_them():
    of_all = {BALANCER: Choice(options=("dcgan", "smote")), GENERATOR_STEPS: Choice(options=(5, 10))}
    space = apply_changes(GAN_VARIANTS, {**of_all, "balancing/balance_to": Float(low=0.5, high=1.0)})
    assert space.chosen_steps("dcgan") == {5, 10}
    assert space.chosen_steps("smote") == frozenset()
