"""What a sampler takes for images, classes, numbers and devices, and what it refuses in one line."""

import math
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context

from gan_study.trainables.export.over_sampler import ImageOverSampler
from tests.trainables.export.samplers import images_and_classes, sampler_of


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
        ({"value_range": (255, 0)}, "value_range: 255 is above 0"),
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


@pytest.mark.parametrize(
    "strategy", [True, lambda y: None, lambda y: [1], {"cat": "9"}, MappingProxyType({"cat": 9})], ids=range(5)
)
def test_a_strategy_that_says_no_numbers_is_refused(strategy):
    with pytest.raises(ValueError, match=r"^sampling_strategy: .* (is not a number|a dict of classes)"):
        sampler_of("duplicates", sampling_strategy=strategy).fit_resample(*images_and_classes())


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


@pytest.mark.parametrize(
    ("labels", "held"), [((1, "1"), "int"), ((None, "a"), "NoneType"), ((b"a", "b"), "bytes")]
)
def test_labels_of_several_types_are_named(labels, held):
    X, y = images_and_classes()
    mixed = np.array([labels[each == "ant"] for each in y], dtype=object)
    with pytest.raises(ValueError, match=rf"y holds .*{held}.*; it must be all text or all whole numbers"):
        sampler_of("smote").fit_resample(X, mixed)


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # Its first loss is finite, and its images are not.
        ({"learning_rate": 1e9}, "NaN or infinite|loss is"),
        ({"width": 65536}, "too little memory"),
    ],
)
def test_a_flow_that_cannot_be_is_one_line_of_its_settings(changes, said):
    settings = {"flow": {"generator_steps": 3, "sampler_steps": 2, "width": 16, **changes}}
    with pytest.raises(ValueError, match=said) as refused:
        ImageOverSampler("flow_matching", settings=settings, device="cpu").fit_resample(*images_and_classes())
    assert "\n" not in str(refused.value)


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
