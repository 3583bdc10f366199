import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.models.vgg_svm import NEVER, cross_validated, sampled_rows, svm_head
from gan_study.trainables.data.images import ImageShape

GREY28, COLOUR32 = ImageShape(size=28, channels=1), ImageShape(size=32, channels=3)


def num_weights(name, shape, num_classes):
    """Of the body and a linear head."""
    body, num_features = CLASSIFIERS[name].body(shape)
    return sum(weight.numel() for weight in body.parameters()) + (num_features + 1) * num_classes


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        # 32*7*7 -> 10 behind convolutions 1-16-32.
        ("simple_cnn", GREY28, 16 * 10 + 32 * (16 * 9 + 1) + (32 * 49 + 1) * 10),
        ("mlp", GREY28, 785 * 512 + 513 * 256 + 257 * 10),
        ("cnn2", GREY28, 32 * 10 + 64 * (32 * 9 + 1) + (64 * 49 + 1) * 128 + 129 * 10),
        ("cnn3", ImageShape(size=224, channels=3), 896 + 18496 + 73856 + (128 * 28**2 + 1) * 128 + 129 * 10),
        # The thesis, 4.4.1 and 4.4.2: the sums of the listings' right-hand columns.
        ("vgg_svm", GREY28, 640 + 36928 + 73856 + 147584 + 295168 + 2 * 590080 + 2360320 + 1049600 + 10250),
        ("vgg_svm", COLOUR32, 1792 + 36928 + 73856 + 147584 + 295168 + 2 * 590080 + 4195328 + 1049600 + 10250),
        # As published for CIFAR-10.
        ("resnet18", COLOUR32, 11_173_962),
        ("resnet32", COLOUR32, 464_154),
    ],
)
def test_weights_by_hand(name, shape, expected):
    assert num_weights(name, shape, 10) == expected


def layers(name, shape, kind):
    return [layer for layer in CLASSIFIERS[name].body(shape)[0].modules() if isinstance(layer, kind)]


def test_the_thesis_network_has_its_dropouts_behind_poolings_and_dense_layers():
    kinds = [type(layer).__name__ for layer in CLASSIFIERS["vgg_svm"].body(GREY28)[0]]
    behind = [kinds[place - 1] for place, kind in enumerate(kinds) if kind == "Dropout"]
    assert behind == ["MaxPool2d", "MaxPool2d", "MaxPool2d", "ReLU", "ReLU"]


def test_resnet32_halves_twice_and_its_shortcuts_have_no_weights():
    body, num_features = CLASSIFIERS["resnet32"].body(COLOUR32)
    assert num_features == 64
    assert len(layers("resnet32", COLOUR32, nn.Conv2d)) == 31
    assert body[:-2](torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)


def test_resnet18_keeps_small_images_whole_in_its_stem():
    stem = layers("resnet18", COLOUR32, nn.Conv2d)[0]
    assert stem.stride == (1, 1) and stem.kernel_size == (3, 3)
    assert not layers("resnet18", COLOUR32, nn.MaxPool2d)


def clouds(num_classes, per_class=30, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), per_class)
    features = random.normal(size=(len(labels), 5)) + 1.5 * np.eye(5)[labels]
    return torch.tensor(features, dtype=torch.float32), torch.tensor(labels)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_largest_logit_is_the_svms_own_prediction(num_classes):
    features, labels = clouds(num_classes)
    queries, _ = clouds(num_classes, seed=1)
    head = svm_head(features, labels, torch.ones(len(labels)), num_classes, 0)
    own = make_pipeline(StandardScaler(), SVC(break_ties=True))
    ones = np.ones(len(labels))
    own.set_params(**cross_validated(own, features.numpy(), labels.numpy(), ones, seed=0))
    own.fit(features.numpy(), labels.numpy())
    assert np.array_equal(head(queries).argmax(dim=1).numpy(), own.predict(queries.numpy()))
    assert head(queries).shape == (len(queries), num_classes)


def test_the_svm_heeds_the_weights():
    features, labels = clouds(2)
    light = svm_head(features, labels, torch.where(labels == 0, 0.05, 1.0), 2, 0)
    even = svm_head(features, labels, torch.ones(60), 2, 0)
    assert (light(features).argmax(dim=1) == 0).sum() < (even(features).argmax(dim=1) == 0).sum()


def test_images_of_weight_zero_are_not_there_for_the_svm():
    features, labels = clouds(3)
    silenced = svm_head(features, labels, (labels != 1).float(), 3, 0)
    without = svm_head(features[labels != 1], labels[labels != 1], torch.ones(60), 3, 0)
    assert torch.equal(silenced(features), without(features))


def test_a_class_that_the_svm_never_met_is_never_predicted():
    features, labels = clouds(3)
    known = labels != 1
    logits = svm_head(features[known], labels[known], torch.ones(int(known.sum())), 3, 0)(features)
    assert (logits[:, 1] == NEVER).all()
    assert logits.softmax(dim=1).isfinite().all()


def test_the_svm_samples_a_thousand_of_the_largest_class_and_the_same_share_of_others():
    labels = np.repeat([0, 1, 2], [4000, 400, 1])
    rows = sampled_rows(labels, most=1000, seed=0)
    assert np.bincount(labels[rows]).tolist() == [1000, 100, 1]
    assert len(set(rows.tolist())) == len(rows)
    assert not np.array_equal(rows, sampled_rows(labels, most=1000, seed=1))
    assert len(sampled_rows(np.repeat([0, 1], [900, 9]), most=1000, seed=0)) == 909


def test_the_constants_of_the_machine_are_cross_validated() -> None:
    """Fine stripes need a narrow kernel, which the default is not; two images of a class are too few to divide."""
    points = np.random.default_rng(0).uniform(size=(600, 2)).astype(np.float32)
    stripes = (8 * points[:, 0]).astype(np.int64) % 2
    features, labels = torch.from_numpy(points), torch.from_numpy(stripes)
    train, test = slice(0, 300), slice(300, None)
    logits = svm_head(features[train], labels[train], torch.ones(300), 2, 0)(features[test])
    default = SVC().fit(StandardScaler().fit_transform(points[train]), stripes[train])
    plain = default.score(StandardScaler().fit(points[train]).transform(points[test]), stripes[test])
    assert (logits.argmax(dim=1) == labels[test]).float().mean().item() > plain + 0.1
    few = np.concatenate([np.flatnonzero(stripes == 0)[:60], np.flatnonzero(stripes == 1)[:2]])
    machine = make_pipeline(StandardScaler(), SVC())
    assert cross_validated(machine, points[few], stripes[few], np.ones(len(few)), seed=0) == {
        "svc__C": 1.0,
        "svc__gamma": 0.5,
    }
