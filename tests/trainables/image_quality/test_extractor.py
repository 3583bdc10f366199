from dataclasses import replace

import pytest
import torch
from torchvision.models import inception_v3

from gan_study.trainables.base.settings import ConfigError, parse
from gan_study.trainables.data.images import Classes, ImageShape, TrainingSet
from gan_study.trainables.image_quality.extractor import (
    DOMAIN_FEATURES,
    domain_classifier,
    inception,
)
from gan_study.trainables.image_quality.features import InceptionFeatures
from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial.config import EvaluationConfig, parse_trial

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Inception as torchvision begins it, with a classifier that is told from any other, as a file."""
    torch.manual_seed(0)
    network = inception_v3(weights=None, init_weights=False, transform_input=False)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(network.state_dict(), path)
    return str(path), network.eval()


def test_a_measuring_classifier_is_found_again_for_the_same_data_made_the_same_way(monkeypatch):
    """On the labels and on the arithmetic its numbers depend as much as on the images."""
    monkeypatch.setattr("gan_study.trainables.image_quality.extractor.DOMAIN_STEPS", 1)
    training = TrainingSet(
        images=torch.zeros(4, 1, 8, 8),
        labels=torch.tensor([0, 1, 0, 1]),
        weights=torch.ones(4),
        synthetic=torch.zeros(4, dtype=torch.bool),
        classes=Classes(names=("a", "b"), minority=(1,)),
    )
    store: dict[str, State] = {}
    for _ in range(2):
        domain_classifier(training, store, seed=1)
    assert len(store) == 1
    domain_classifier(replace(training, labels=training.labels.flip(0)), store, seed=1)
    domain_classifier(replace(training, images=training.images + 1), store, seed=1)
    domain_classifier(training, store, seed=2)
    monkeypatch.setattr(
        "gan_study.trainables.image_quality.extractor.arithmetic", lambda device: ["another machine"]
    )
    domain_classifier(training, store, seed=1)
    assert len(store) == 5


@pytest.mark.parametrize("size", [8, 16, 28, 31, 32, 33, 48, 63, 64, 65, 224])
def test_domain_features_are_of_images_of_any_size(size):
    body, num_features = DOMAIN_FEATURES.body(ImageShape(size=size, channels=1))
    assert body(torch.zeros(2, 1, size, size)).shape == (2, num_features)


def test_large_images_are_averaged_down_before_they_are_measured() -> None:
    body, num_features = DOMAIN_FEATURES.body(ImageShape(size=224, channels=3))
    images = torch.rand(2, 3, 224, 224)
    small = torch.nn.functional.adaptive_avg_pool2d(images, 64)
    assert body(images).shape == (2, num_features)
    torch.testing.assert_close(body(images), body[1:](small))


@pytest.mark.slow
def test_inceptions_features_and_logits_are_torchvisions_own(weights):
    path, network = weights
    images = torch.rand(3, 3, 299, 299) * 2 - 1
    extractor = inception(path, CPU)
    assert extractor.features(images).shape == (3, 2048)
    with torch.no_grad():
        torch.testing.assert_close(extractor.probabilities(images), network(images).softmax(dim=1))


def test_inception_takes_small_grey_images(weights):
    extractor = inception(weights[0], CPU)
    grey = torch.rand(2, 1, 28, 28) * 2 - 1
    torch.testing.assert_close(extractor.features(grey), extractor.features(grey.repeat(1, 3, 1, 1)))


def test_where_the_weights_lie_does_not_name_a_trial():
    values = {
        "seed": 1,
        "data": {"name": "digits"},
        "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3"]},
        "classifier": {},
        "balancing": {"name": "none"},
    }
    domain = parse_trial({**values, "evaluation": {"test": True}})
    here, there = (
        replace(domain, evaluation=EvaluationConfig(test=True, image_features=InceptionFeatures(weights=path)))
        for path in ("/here", "/there")
    )
    assert here.trial_id == there.trial_id != domain.trial_id
    assert here.setting_id == domain.setting_id


def test_the_test_part_is_not_read_each_epoch_where_it_may_not_be_read():
    with pytest.raises(ConfigError, match="may not be read"):
        parse(EvaluationConfig, {"test_each_epoch": True}, where="evaluation")


@pytest.mark.parametrize("content", [None, b"", b"no weights", {"fc.weight": torch.ones(1)}, torch.ones(2)])
def test_weights_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ConfigError, match=r"confirm\.image_features\.weights: .*weights\.pth"):
        inception(str(path), CPU)
