"""The balancers behind imbalanced-learn's interface: what they make, what is reported, what is warned of."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.export.over_sampler import METHODS, ImageOverSampler
from gan_study.trainables.gans.catalog import VARIANTS
from tests.members import each
from tests.torch_states import TORCH_STATES
from tests.trainables.export.samplers import SMALL_GAN, images_and_classes, sampler_of


def counts(y):
    return dict(zip(*(values.tolist() for values in np.unique(y, return_counts=True)), strict=True))


@pytest.mark.parametrize("method", each(METHODS))
def test_originals_stay_first_and_every_class_reaches_the_largest(method):
    X, y = images_and_classes()
    before = X.copy()
    X_balanced, y_balanced = sampler_of(method).fit_resample(X, y)
    assert X_balanced.dtype == np.uint8
    assert X_balanced.shape == (30, 1, 8, 8)
    np.testing.assert_array_equal(X_balanced[:17], before)
    np.testing.assert_array_equal(X, before)
    assert y_balanced.tolist() == [*y, *["cat"] * 6, *["dog"] * 7]


@pytest.mark.parametrize("mode", TORCH_STATES)
def test_a_callers_torch_state_changes_nothing(mode):
    X, y = images_and_classes()
    expected, _ = sampler_of("dcgan").fit_resample(X, y)
    with TORCH_STATES[mode]():
        found, _ = sampler_of("dcgan").fit_resample(X, y)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", ["smote", "dcgan", "cgan"])
def test_as_many_are_made_as_are_asked_for(method):
    X, y = images_and_classes()
    sampler = sampler_of(method, sampling_strategy={"dog": 13, "ant": 11})
    _, y_balanced = sampler.fit_resample(X, y)
    assert counts(y_balanced) == {"ant": 11, "cat": 4, "dog": 13}
    assert sampler.sampling_strategy_ == {"dog": 10, "ant": 1}


@pytest.mark.parametrize("strategy", ["auto", "minority", "not minority", "all", lambda y: {"cat": 7}])
def test_strategies_mean_what_they_mean_in_imbalanced_learn(strategy):
    X, y = images_and_classes()
    _, ours = sampler_of("duplicates", sampling_strategy=strategy).fit_resample(X, y)
    _, theirs = RandomOverSampler(sampling_strategy=strategy).fit_resample(X.reshape(len(X), -1), y)
    assert counts(ours) == counts(theirs)


def test_a_share_of_the_largest_class_may_be_asked_for():
    X, y = images_and_classes()
    X, y = X[4:], y[4:]
    _, y_balanced = sampler_of("image_transforms", sampling_strategy=0.5).fit_resample(X, y)
    assert counts(y_balanced) == {"ant": 10, "dog": 5}


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_made_images_have_the_values_and_the_type_of_the_real_ones(dtype, channels):
    X, y = images_and_classes(dtype, channels=channels)
    made = sampler_of("smote").fit_resample(X, y)[0][len(X) :]
    assert made.dtype == dtype
    # Between neighbours, so about as bright as they are, and nowhere outside of them.
    assert X.min() <= made.min() < made.max() <= X.max()
    assert made.mean() == pytest.approx(X.mean(), rel=0.1)
    assert len(np.unique(made)) > 100


@pytest.mark.parametrize("method", each(METHODS, others=pytest.mark.soak))
@pytest.mark.parametrize(("height", "width"), [(8, 5), (5, 8)])
def test_images_need_not_be_square(method, height, width):
    X, y = images_and_classes(channels=3)
    X = X[:, :, :height, :width]
    X_balanced, y_balanced = sampler_of(method).fit_resample(X, y)
    assert X_balanced.shape == (30, 3, height, width)
    np.testing.assert_array_equal(X_balanced[:17], X)
    assert counts(y_balanced) == {"ant": 10, "cat": 10, "dog": 10}


def test_what_is_added_to_make_squares_is_cut_off_again():
    X, y = images_and_classes()
    flat = X[:, :, 2:5]
    made = sampler_of("duplicates").fit_resample(flat, y)[0][len(X) :]
    assert {image.tobytes() for image in made} <= {image.tobytes() for image in flat}


def test_copies_of_bytes_are_exact():
    X, y = images_and_classes()
    made = sampler_of("duplicates").fit_resample(X, y)[0][len(X) :]
    real = {image.tobytes() for image in X}
    assert all(image.tobytes() in real for image in made)


def test_equal_random_states_make_equal_images():
    X, y = images_and_classes()
    first, again, other = (
        ImageOverSampler("dcgan", settings=SMALL_GAN, random_state=seed, device="cpu").fit_resample(X, y)[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_clone_makes_the_same_images():
    X, y = images_and_classes()
    sampler = sampler_of("cgan")
    np.testing.assert_array_equal(clone(sampler).fit_resample(X, y)[0], sampler.fit_resample(X, y)[0])


def test_it_is_searched_in_a_pipeline():
    X, y = images_and_classes()
    flatten = FunctionTransformer(lambda images: images.reshape(len(images), -1) / 255)
    pipeline = make_pipeline(sampler_of("smote"), flatten, LogisticRegression())
    methods = {"imageoversampler__method": ["smote", "duplicates"]}
    search = GridSearchCV(pipeline, methods, cv=2, error_score="raise").fit(X[:14], y[:14])
    assert len(search.cv_results_["params"]) == 2
    assert set(search.predict(X)) <= {"ant", "cat"}


def test_settings_change_what_is_made():
    X, y = images_and_classes()
    made = [
        ImageOverSampler(
            "dcgan", settings={"gan": {**SMALL_GAN["gan"], "epochs": epochs}}, random_state=0, device="cpu"
        ).fit_resample(X, y)[0]
        for epochs in (1, 2)
    ]
    assert not np.array_equal(*made)


@pytest.mark.parametrize("levels", [2, 17])
@pytest.mark.parametrize("method", ["smote", "dcgan"])
def test_bytes_that_use_little_of_their_range_stay_within_it(levels, method):
    X, y = images_and_classes()
    with pytest.warns(UserWarning, match=f"images have values of 0 to {levels - 1}, like the real") as warned:
        made = sampler_of(method).fit_resample(X % levels, y)[0]
    assert {each.filename for each in warned} == {__file__}
    assert made.max() == levels - 1


def test_what_collapses_is_said_where_a_class_has_one_image():
    X, y = images_and_classes()
    keep = [*np.flatnonzero(y != "cat"), np.flatnonzero(y == "cat")[0]]
    with pytest.warns(UserWarning, match="class 'cat': dcgan has collapsed"):
        sampler_of("dcgan").fit_resample(X[keep], y[keep])


def test_what_collapses_is_said_and_counted():
    X, y = images_and_classes()
    with pytest.warns(UserWarning) as warned:
        sampler = sampler_of("dcgan")
        sampler.fit_resample(X, y)
    said = [str(each.message) for each in warned if "has collapsed" in str(each.message)]
    # After one epoch a GAN makes one grey image.
    num_distinct = sampler.num_distinct_["cat"]
    assert num_distinct < 4
    assert f"class 'cat': dcgan has collapsed; its 6 images show {num_distinct} different ones" in said


def test_the_report_has_what_was_found():
    X, y = images_and_classes()
    sampler = sampler_of("duplicates")
    sampler.fit_resample(X, y)
    found = sampler.report_.classes["cat"]
    assert (found.num_real, found.num_added, found.num_compared) == (4, 6, 6)
    assert found.num_distinct == found.num_copies == 4
    assert found.real_copied == (0, 4)
    assert found.is_memorised is None, "four images are too few to tell"
    assert found.copied_interval[1] == 1
    assert {name: each.num_added for name, each in sampler.report_.classes.items()} == sampler.sampling_strategy_
    assert sampler.report_.notes == ("no real image was held out, so a membership test is not possible",)


def test_what_a_gan_gives_back_is_warned_of(monkeypatch):
    y = np.array(["ant"] * 20 + ["cat"] * 10)
    X = np.random.default_rng(0).integers(0, 256, (30, 1, 8, 8), dtype=np.uint8)
    monkeypatch.setattr(
        ImageOverSampler, "_make", lambda self, images, *_: (torch.tensor(images[20:]), torch.ones(10, dtype=int))
    )
    sampler = sampler_of("dcgan")
    with pytest.warns(
        UserWarning, match="'cat': dcgan has memorised real images; 10 of 10 different images copy one"
    ):
        sampler.fit_resample(X, y)
    assert sampler.report_.classes["cat"].is_memorised
    assert "has memorised" in sampler.report_.notes[0]


def test_copies_that_were_asked_for_are_no_collapse(recwarn):
    X, y = images_and_classes()
    sampler = sampler_of("duplicates")
    sampler.fit_resample(X, y)
    assert sampler.num_distinct_ == {"cat": 4, "dog": 3}
    assert not [each for each in recwarn if "collapsed" in str(each.message)]


def test_a_class_of_one_image_is_named_where_a_method_needs_two():
    X, y = images_and_classes()
    with pytest.raises(ValueError, match="'dog' has one image"):
        sampler_of("smote").fit_resample(X[:15], y[:15])


def test_methods_are_those_that_add_images():
    assert set(VARIANTS) < set(METHODS)
    assert set(METHODS) - set(VARIANTS) == {
        *("random_oversampling", "duplicates", "image_transforms", "rand_augment"),
        *("smote", "borderline_smote", "safe_level_smote", "flow_matching", "deep_smote"),
    }
    assert all("balance_to" in BALANCERS[name].setting_paths for name in METHODS)


def test_a_gan_that_diverges_is_an_error_as_any_other():
    settings = {"gan": {"generator_steps": 50, "batch_size": 4, "learning_rate": 1e30}}
    sampler = ImageOverSampler("vanilla_gan", settings=settings, random_state=0)
    X = np.random.default_rng(0).random((12, 1, 8, 8))
    with pytest.raises(ValueError, match=r"vanilla_gan: the .* by generator step"):
        sampler.fit_resample(X, [0] * 8 + [1] * 4)


@pytest.mark.parametrize("offset", [2**54, 10**15])
def test_large_numbers_that_differ_by_little_have_a_range(offset):
    X, y = images_and_classes()
    made = sampler_of("smote").fit_resample(X.astype(np.int64) + offset, y)[0]
    assert offset <= made.min() and made.max() <= offset + 256


@pytest.mark.parametrize("method", ["dcgan", "rand_augment"])
def test_threads_get_the_same_images(method):
    """Initial weights and torchvision's transforms draw from one random state that all threads share."""
    X, y = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8), np.repeat([0, 1], [30, 10])
    settings = {"gan": {"generator_steps": 2}} if method == "dcgan" else {}

    def resampled(_=0):
        return ImageOverSampler(method, random_state=0, settings=settings).fit_resample(X, y)[0]

    expected = resampled()
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(resampled, range(8)):
            np.testing.assert_array_equal(found, expected)
