"""The balancers behind imbalanced-learn's interface, its own checks among the tests."""

import math
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.base import BaseSampler
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as sklearn_checks
from torch.utils.data import DataLoader, TensorDataset

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.export.balanced_dataset import BalancedDataset
from gan_study.trainables.export.over_sampler import METHODS, ImageOverSampler
from gan_study.trainables.gans.catalog import VARIANTS
from tests.members import each
from tests.torch_states import TORCH_STATES

SMALL_GAN = {"gan": {"epochs": 1, "batch_size": 8, "latent_size": 4}}


def settings_of(method):
    if method not in VARIANTS:
        return {}
    warm_start = {"warm_start_epochs": 1} if VARIANTS[method].warm_start else {}
    return {"gan": {**SMALL_GAN["gan"], **warm_start}}


def sampler_of(method, **arguments):
    return ImageOverSampler(method, settings=settings_of(method), random_state=0, device="cpu", **arguments)


def images_and_classes(dtype=np.uint8, *, channels=1):
    """10, 4 and 3 images of 8x8 of three classes with names."""
    y = np.array(["cat"] * 4 + ["ant"] * 10 + ["dog"] * 3)
    X = np.random.default_rng(0).integers(0, 256, (len(y), channels, 8, 8))
    return (X if np.issubdtype(dtype, np.integer) else X / 255).astype(dtype), y


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "dcgam"}, "method"),
        ({"method": "mixup"}, "method"),
        ({"settings": {"gan": {"epoch": 3}}}, "settings.gan.epoch: unknown key; did you mean 'epochs'?"),
        ({"settings": {"balance_to": 2}}, "settings.balance_to: give it as sampling_strategy"),
        ({"settings": {"name": "dcgan"}}, "settings.name: give it as method"),
        ({"value_range": (0, 100)}, "value_range: X has values of"),
        ({"value_range": (1, 1)}, "value_range: 1 to 1"),
        ({"sampling_strategy": {"dog": 1}}, "number of samples in a class should be greater"),
        ({"device": "gpu"}, "device: 'gpu' cannot be used"),
        ({"device": "meta"}, "device: 'meta' cannot be used"),
        ({"device": "cuda:99"}, "device: 'cuda:99' cannot be used"),
        ({"device": -1}, "device: -1 cannot be used"),
    ],
)
def test_what_cannot_be_done_is_a_value_error(arguments, message):
    X, y = images_and_classes()
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        ImageOverSampler(**{"method": "dcgan", **arguments}).fit_resample(X, y)


@pytest.mark.parametrize("shape", [(6, 64), (6, 8, 8), (6, 1, 8, 8, 1), (6, 1, 0, 8)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"images \[N, channels, height, width\]"):
        sampler_of("duplicates").fit_resample(np.zeros(shape), [0, 0, 0, 0, 1, 1])


@pytest.mark.parametrize("shape", [(6, 32, 32, 3), (6, 8, 5, 1), (6, 2, 8, 4), (6, 32, 32, 2), (6, 64, 64, 13)])
def test_channels_that_come_last_are_refused_with_the_transpose(shape):
    with pytest.raises(ValueError, match=r"X\.transpose\(0, 3, 1, 2\)"):
        sampler_of("duplicates").fit_resample(np.zeros(shape), [0, 0, 0, 0, 1, 1])


@pytest.mark.parametrize("shape", [(6, 3, 32, 32), (6, 1, 8, 3), (6, 4, 4, 4), (6, 2, 8, 8)])
def test_channels_that_may_come_first_are_taken_for_them(shape):
    X = np.random.default_rng(0).random(shape)
    assert sampler_of("duplicates").fit_resample(X, [0, 0, 0, 0, 1, 1])[0].shape == (8, *shape[1:])


def test_counts_may_be_whole_floats():
    X, y = images_and_classes()
    rare, number = min((list(y).count(each), each) for each in set(y))[::-1]
    found = ImageOverSampler("duplicates", sampling_strategy={rare: number + 2.0}).fit_resample(X, y)[1]
    assert list(found).count(rare) == number + 2


def test_masked_arrays_are_refused_where_something_is_masked():
    X, y = images_and_classes()
    with pytest.raises(ValueError, match="masked array"):
        sampler_of("duplicates").fit_resample(np.ma.masked_equal(X, X[0, 0, 0, 0]), y)
    assert len(sampler_of("duplicates").fit_resample(np.ma.masked_array(X), y)[0]) > len(X)


@pytest.mark.parametrize("ends", [("a", "b"), (-(10**400), 10**400), (0,), (0, float("nan"))])
def test_ends_of_a_range_are_two_numbers(ends):
    X, y = images_and_classes()
    with pytest.raises(ValueError, match="the smallest and the largest value are needed"):
        ImageOverSampler("smote", value_range=ends).fit_resample(X, y)


def test_the_first_device_is_not_taken_for_none(monkeypatch):
    X, y = images_and_classes()
    asked, cpu = [], torch.device("cpu")
    monkeypatch.setattr(torch, "device", lambda wanted: asked.append(wanted) or cpu)
    ImageOverSampler("duplicates", device=0).fit_resample(X, y)
    assert 0 in asked


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


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ({"dog": 13.5}, "whole"),
        ({"dog": math.inf}, "whole"),
        ({"dog": math.nan}, "whole"),
        ({"dog": 10**12}, "GB of memory"),
    ],
)
def test_numbers_of_images_that_cannot_be_made_are_refused(strategy, said):
    X, y = images_and_classes()
    with pytest.raises(ValueError, match=said):
        sampler_of("duplicates", sampling_strategy=strategy).fit_resample(X, y)


def test_a_class_of_one_image_is_named_where_a_method_needs_two():
    X, y = images_and_classes()
    with pytest.raises(ValueError, match="'dog' has one image"):
        sampler_of("smote").fit_resample(X[:15], y[:15])


def test_methods_are_those_that_add_images():
    assert set(VARIANTS) < set(METHODS)
    assert set(METHODS) - set(VARIANTS) == {
        *("random_oversampling", "duplicates", "image_transforms", "rand_augment"),
        *("smote", "borderline_smote", "safe_level_smote"),
    }
    assert all("balance_to" in BALANCERS[name].setting_paths for name in METHODS)


# What the libraries themselves ask of an estimator. Their checks bring rows of numbers, so a row becomes an image.


class OnRows(ImageOverSampler):
    """The sampler for rows of at most 64 numbers: each of them an image of 8x8, padded with its smallest value."""

    def _check_X_y(self, X, y, accept_sparse=None):
        rows, y, one_versus_all = BaseSampler._check_X_y(self, X, y, accept_sparse=False)
        self._width = rows.shape[1]
        padded = np.pad(rows, ((0, 0), (0, 64 - self._width)), constant_values=rows.min())
        return padded.reshape(-1, 1, 8, 8), y, one_versus_all

    def _fit_resample(self, X, y):
        images, classes = super()._fit_resample(X, y)
        return images.reshape(len(images), -1)[:, : self._width], classes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.dataframe = True
        return tags


NOT_FOR_IMAGES = {"check_samplers_pandas_sparse": "images are no sparse frames"}


@parametrize_with_checks(
    [OnRows(name, settings=settings_of(name), random_state=0, device="cpu") for name in ("smote", "dcgan")],
    expected_failed_checks=lambda sampler: NOT_FOR_IMAGES,
)
def test_imbalanced_learns_checks(estimator, check):
    check(estimator)


# scikit-learn hands out no check for estimators that take no rows; these need no data, or bring none of their own.
SKLEARN_CHECKS = (
    sklearn_checks.check_estimator_cloneable,
    sklearn_checks.check_estimator_tags_renamed,
    sklearn_checks.check_valid_tag_types,
    sklearn_checks.check_estimator_repr,
    sklearn_checks.check_no_attributes_set_in_init,
    sklearn_checks.check_do_not_raise_errors_in_init_or_set_params,
    sklearn_checks.check_mixin_order,
    sklearn_checks.check_parameters_default_constructible,
    sklearn_checks.check_get_params_invariance,
    sklearn_checks.check_set_params,
    sklearn_checks.check_param_validation,
)


@pytest.mark.parametrize("check", SKLEARN_CHECKS, ids=lambda check: check.__name__)
def test_scikit_learns_checks_that_bring_no_rows(check):
    check("ImageOverSampler", ImageOverSampler())


ROW_CHECKS = [
    *sklearn_checks.estimator_checks_generator(
        OnRows("duplicates", random_state=0, device="cpu"), expected_failed_checks={}
    )
]


@pytest.mark.parametrize("check", [check for _, check in ROW_CHECKS], ids=lambda check: check.func.__name__)
def test_scikit_learns_checks_on_rows(check):
    check(OnRows("duplicates", random_state=0, device="cpu"))


def test_a_data_set_is_followed_by_what_is_made():
    X, y = images_and_classes(np.float32)
    labels = np.unique(y, return_inverse=True)[1]
    real = TensorDataset(torch.as_tensor(X), torch.as_tensor(labels))
    data = BalancedDataset(real, sampler_of("smote"))
    made = sampler_of("smote").fit_resample(X, labels)
    assert len(data) == 30
    for i in range(30):
        image, label = data[i]
        assert torch.equal(image, torch.as_tensor(made[0][i]))
        assert int(label) == made[1][i]
    assert torch.equal(data[-1][0], data[29][0])
    with pytest.raises(IndexError):
        data[30]
    images, found = next(iter(DataLoader(data, batch_size=30)))
    assert images.shape == (30, 1, 8, 8)
    assert found.bincount().tolist() == [10, 10, 10]


def test_labels_of_a_data_set_are_cut_off_nowhere():
    images = torch.rand(6, 1, 8, 8)
    for labels in ([0.0, 0, 0, 0, 1, 1], [False, False, False, False, True, True]):
        assert BalancedDataset(TensorDataset(images, torch.tensor(labels)), sampler_of("duplicates"))[-1][1] == 1
    with pytest.raises(ValueError, match=r"label .*0\.7.* is not a whole number"):
        BalancedDataset(TensorDataset(images, torch.tensor([0.7, 0, 0, 0, 1, 1])), sampler_of("duplicates"))


def test_images_that_take_part_in_gradients_are_balanced_too():
    images, labels = torch.rand(6, 1, 8, 8, requires_grad=True), torch.tensor([0, 0, 0, 0, 1, 1])
    assert len(BalancedDataset(TensorDataset(images, labels), sampler_of("duplicates"))) == 8


def test_real_items_of_a_data_set_are_read_anew():
    class Numbered(TensorDataset):
        reads = 0

        def __getitem__(self, index):
            self.reads += 1
            return super().__getitem__(index)

    real = Numbered(torch.rand(6, 1, 8, 8), torch.tensor([0, 0, 0, 0, 1, 1]))
    data = BalancedDataset(real, sampler_of("duplicates"))
    assert real.reads == 6
    data[0], data[7]
    assert real.reads == 7


def test_a_gan_that_diverges_is_an_error_as_any_other():
    settings = {"gan": {"generator_steps": 50, "batch_size": 4, "learning_rate": 1e30}}
    sampler = ImageOverSampler("vanilla_gan", settings=settings, random_state=0)
    X = np.random.default_rng(0).random((12, 1, 8, 8))
    with pytest.raises(ValueError, match=r"vanilla_gan: the .* by generator step"):
        sampler.fit_resample(X, [0] * 8 + [1] * 4)


TENSORS = {
    "a conjugate": lambda X: torch.complex(torch.zeros_like(X), -X).conj().imag,
    "a list": list,
    "a list with gradients": lambda X: [each.requires_grad_() for each in X.clone()],
    "bfloat16 of bytes": lambda X: X.bfloat16(),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_any_tensor_with_values_is_an_array(kind):
    X, y = images_and_classes()
    expected = sampler_of("smote", value_range=(0, 255)).fit_resample(X.astype(np.float32), y)[0]
    tensor = TENSORS[kind](torch.from_numpy(X.astype(np.float32)))
    made = sampler_of("smote", value_range=(0, 255)).fit_resample(tensor, y)[0]
    np.testing.assert_array_equal(np.asarray(made), expected)


def test_labels_of_pandas_own_types_keep_their_values():
    X, y = images_and_classes()
    numbered = pd.array((y == "cat").astype(int), dtype="Int64")
    assert sampler_of("duplicates").fit_resample(X, numbered)[1].dtype == np.int64
    assert sampler_of("duplicates").fit_resample(X, pd.Series(numbered))[1].dtype == "Int64"


def odd_input(X, y, kind):
    return {
        "a mask over labels": (X, np.ma.masked_equal(y, "dog")),
        "no values": (torch.empty(X.shape, device="meta"), y),
        "nested": (torch.nested.nested_tensor([torch.ones(1, 8, 8)] * len(y)), y),
        "complex": (X * 1j, y),
        "NaN": (np.where(X > 250, np.nan, X), y),
        "a mapping": ({"X": X}, y),
        "larger than any memory": (np.broadcast_to(np.uint8(0), (len(y), 1, 10**6, 10**6)), y),
        "tuples as labels": (X, [(0, 1), (1, 0), (1, 1)] * 5 + [(0, 1)] * 2),
    }[kind]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "kind",
    [
        "a mask over labels",
        "no values",
        "nested",
        "complex",
        "NaN",
        "a mapping",
        "larger than any memory",
        "tuples as labels",
    ],
)
def test_what_cannot_be_used_is_one_short_line_whatever_scikit_learn_assumes(kind):
    X, y = odd_input(*images_and_classes(), kind)
    with config_context(assume_finite=True), pytest.raises((ValueError, TypeError)) as refused:
        sampler_of("smote").fit_resample(X, y)
    assert "\n" not in str(refused.value) and len(str(refused.value)) <= 400


@pytest.mark.parametrize(
    "strategy", [True, lambda y: None, lambda y: [1], {"cat": "9"}, MappingProxyType({"cat": 9})], ids=range(5)
)
def test_a_strategy_that_says_no_numbers_is_refused(strategy):
    with pytest.raises(ValueError, match=r"^sampling_strategy: .* (is no number|a dict of classes)"):
        sampler_of("duplicates", sampling_strategy=strategy).fit_resample(*images_and_classes())


@pytest.mark.parametrize("offset", [2**54, 10**15])
def test_large_numbers_that_differ_by_little_have_a_range(offset):
    X, y = images_and_classes()
    made = sampler_of("smote").fit_resample(X.astype(np.int64) + offset, y)[0]
    assert offset <= made.min() and made.max() <= offset + 256


def test_a_made_image_that_is_changed_in_place_is_there_again():
    X, y = images_and_classes(np.float32)
    # Real images as arrays: a batch of both is one of tensors.
    real = [(image, int(name == "cat")) for image, name in zip(X, y, strict=True)]
    balanced = BalancedDataset(real, sampler_of("duplicates"))
    before = balanced[-1][0].clone()
    balanced[-1][0].zero_()
    assert torch.equal(balanced[-1][0], before) and before.any()
    assert next(iter(DataLoader(balanced, len(balanced), shuffle=True)))[0].shape == (len(balanced), 1, 8, 8)


def test_pillow_images_are_named_with_what_makes_tensors_of_them():
    real = [(Image.new("L", (8, 8), i), i % 3 == 0) for i in range(9)]
    with pytest.raises(ValueError, match=r"real: its items are Pillow images; .*ToTensor"):
        BalancedDataset(real, sampler_of("duplicates"))


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
