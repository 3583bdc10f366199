"""A study that is accepted can try every point of its space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_study.search_spaces.space import BALANCER
from gan_study.search_spaces.unit_cube import near
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.recipe import recipe_names, study_config
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.trial.config import gan_settings

GAN = "balancing/gan/"
STUDY = {"name": "test", "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["0"]}}

AT_LEAST = "at least generator_steps"


def study(balancers=("dcgan",), own=None, **parameters):
    """A study that searches `parameters` alone, and gives the balancers settings of their `own`."""
    names = {"kind": "choice", "options": list(balancers)}
    return parse_study(
        {
            **STUDY,
            "balancers": own or {},
            "search": {"space": "small", "trials": 60, "parameters": {BALANCER: names, **parameters}},
        }
    )


def whole(low, high):
    return {"kind": "int", "low": low, "high": high}


def choice(*options):
    return {"kind": "choice", "options": list(options)}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({GAN + "generator_steps": whole(0, 10)}, "balancing/gan/generator_steps: 0 cannot be used for dcgan"),
        ({GAN + "generator_steps": whole(10, 90), GAN + "epochs": whole(1, 9)}, "exactly one of them"),
        (
            {GAN + "generator_steps": whole(100, 900), GAN + "most_generator_steps": whole(800, 2000)},
            AT_LEAST,
        ),
        (
            {GAN + "generator_steps": choice(9, 5), GAN + "most_generator_steps": choice(9, 7)},
            AT_LEAST,
        ),
        ({GAN + "beta1": {"kind": "float", "low": 0, "high": 1}}, "balancing/gan/beta1: 1.0 cannot be used"),
        ({GAN + "batch_size": {"kind": "float", "low": 2, "high": 64}}, "batch_size"),
        ({"balancing/image_size": whole(16, 64)}, "image_size"),
        ({"balancing/dose": choice(0, 0.25)}, "balancing/dose: 0 cannot be used"),
        ({"balancing/plan": choice("none", "smote")}, "balancing/plan: 'smote' cannot be used"),
        ({GAN + "latent_size": choice(100, "100")}, "100 and '100' are the same for dcgan"),
    ],
)
def test_what_a_balancer_cannot_have_is_refused_at_once(parameters, said):
    with pytest.raises(ConfigError, match=r"search\.parameters") as error:
        study(**parameters)
    assert said in str(error.value)


def test_what_the_classifier_cannot_follow_is_refused_at_once():
    values = {
        **STUDY,
        "classifier": {"name": "vgg_svm"},
        "search": {"parameters": {"balancing/plan": choice("none", "threshold_moving")}},
    }
    with pytest.raises(ConfigError, match="balancing/plan: 'threshold_moving' cannot be used for"):
        parse_study(values)


def test_a_length_of_a_point_replaces_the_balancers_own():
    for own in ({"epochs": 2}, {"most_generator_steps": 2100}, {"generator_steps": 50}):
        config = study(own={"dcgan": {"gan": own}}, **{GAN + "generator_steps": whole(2000, 8000)})
        gan = gan_settings(config.balancing_at({BALANCER: "dcgan", GAN + "generator_steps": 3000}))
        assert (gan.generator_steps, gan.most_generator_steps, gan.epochs) == (3000, None, None)
    # The cap alone leaves the least, and other settings leave the length.
    config = study(own={"dcgan": {"gan": {"generator_steps": 50}}})
    gan = gan_settings(config.balancing_at({BALANCER: "dcgan", GAN + "most_generator_steps": 70}))
    assert (gan.generator_steps, gan.most_generator_steps) == (50, 70)
    gan = gan_settings(config.balancing_at({BALANCER: "dcgan", GAN + "learning_rate": 1e-4}))
    assert (gan.generator_steps, gan.most_generator_steps) == (50, None)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_searched(name):
    assert study_config(name, ["search.trials=80"]).search.trials == 80


numbers = st.one_of(st.integers(0, 3000), st.floats(0, 3000, allow_nan=False).map(lambda value: round(value, 3)))
ranges = st.builds(
    lambda kind, ends: {"kind": kind, "low": min(ends), "high": max(ends)},
    st.sampled_from(["int", "float"]),
    st.tuples(numbers, numbers),
).map(lambda r: {**r, "low": int(r["low"]), "high": int(r["high"])} if r["kind"] == "int" else r)
domains = st.one_of(ranges, st.lists(numbers, min_size=1, max_size=4, unique=True).map(lambda o: choice(*o)))
keys = st.sampled_from(
    [
        "balancing/dose",
        "balancing/balance_to",
        *(GAN + key for key in ("generator_steps", "most_generator_steps", "epochs", "batch_size", "beta1")),
        *(GAN + key for key in ("learning_rate", "discriminator_steps")),
    ]
)
own_lengths = st.sampled_from([{}, {"epochs": 5}, {"generator_steps": 40}, {"most_generator_steps": 9000}])


@settings(max_examples=60, deadline=None)
@given(parameters=st.dictionaries(keys, domains, min_size=1, max_size=3), own=own_lengths, seed=st.integers(0, 99))
def test_an_accepted_space_has_no_point_that_a_balancer_cannot_have(parameters, own, seed):
    try:
        config = study(("dcgan", "cgan"), {"dcgan": {"gan": own}}, **parameters)
    except ConfigError:
        return
    rng = np.random.default_rng(seed)
    for balancer in ("dcgan", "cgan"):
        for _ in range(5):
            # What lacks everything is stepped from the middle of each range.
            point = near(config.space(), {}, rng, fixed={BALANCER: balancer})
            assert config.balancing_at(point).name == balancer


@pytest.mark.parametrize(
    "setting",
    [
        "resources.gpus_per_trial=-1",
        # Sums of such costs leave what floats hold.
        "costs={'3': {'8': 1e308}}",
        # A step of days, and weights of terabytes.
        "balancers.dcgan.gan.batch_size=1000000000",
        "balancers.dcgan.gan.latent_size=1000000000",
        "classifier.batch_size=100000000",
        "wandb.entity=https://me:hunter2@host/team",
        *(f"wandb.project='{name}'" for name in ("", "a/b", "a?b", "a#b", "50%", "a:b", "x" * 129)),
    ],
)
def test_what_no_trial_can_have_is_refused_at_once(setting):
    with pytest.raises(ConfigError, match=rf"^{setting.partition('=')[0]}.* cannot be used"):
        study_config("quickstart", [setting])


@pytest.mark.parametrize("name", ["digits", "mnist"])
@pytest.mark.parametrize(
    "setting", ["train=[a]", "test=[a]", "exclude=['*']", "class_level=2", "labels=x.csv", "columns.path=x"]
)
def test_settings_of_image_folders_are_refused_where_none_are_read(setting, name):
    with pytest.raises(ConfigError, match=rf"data\.{setting[:4]}.*: only image folders have it"):
        study_config("quickstart", [f"data.name={name}", f"data.{setting}"])


@pytest.mark.parametrize("padding", [16, 17, 10**9])
def test_padding_as_large_as_an_image_is_refused(padding):
    with pytest.raises(ConfigError, match=f"crop_padding: {padding}; nothing may be left .* 16 pixels"):
        study_config("quickstart", [f"classifier.augmentation.crop_padding={padding}"])
    study_config("quickstart", ["classifier.augmentation.crop_padding=15"])
