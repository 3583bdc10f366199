from dataclasses import replace

import pytest
import safetensors.torch
import torch
from torch import nn
from torchvision.models import ShuffleNet_V2_X0_5_Weights, resnet18, shufflenet_v2_x0_5

from gan_study.trainables.base.settings import ConfigError, dump, parse
from gan_study.trainables.classifiers import backbone as module
from gan_study.trainables.classifiers.augmentation import Augmentation
from gan_study.trainables.classifiers.backbone import Backbone, FrozenBody, backbone_body
from gan_study.trainables.classifiers.catalog import CLASSIFIERS, classifier_model
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.pretrained_network import Preprocessing, load
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.contracts.classifiers import CLASSIFIER_PROMISES, ClassifierSubject
from gan_study.trainables.contracts.contract import check_promises, few_images
from gan_study.trainables.data.images import ImageShape
from gan_study.trainables.trial.config import dump_trial, parse_trial
from tests.trainables.classifiers.tiny_weights import MODEL, write_weights

WHERE = "classifier.backbone"
GREY = ImageShape(size=8, channels=1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A backbone at 32 pixels, whose weights are a file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pth"
    return Backbone(model=MODEL, weights=write_weights(path), image_size=32)


@pytest.fixture(autouse=True)
def _forgetting():
    module._known_features.cache_clear()


def config_of(backbone, **given):
    return ClassifierConfig(name="backbone", backbone=backbone, batch_size=4, **given)


def test_features_are_those_of_the_librarys_network(tiny):
    network = shufflenet_v2_x0_5(weights=None, num_classes=3)
    network.load_state_dict(torch.load(tiny.weights))
    network.fc = nn.Identity()
    images = torch.rand(3, 3, 224, 224) * 2 - 1
    own_size = replace(tiny, image_size=None)
    body, num_features = backbone_body(own_size, ImageShape(size=224, channels=3), where=WHERE)
    assert num_features == 1024
    preset = ShuffleNet_V2_X0_5_Weights.DEFAULT.transforms()
    shown = torch.stack([preset((image + 1) / 2) for image in images])
    # The library crops the middle of a larger image; ours has the size of the crop.
    middle = (
        torch.stack([(image + 1) / 2 for image in images]) - torch.tensor(preset.mean)[:, None, None]
    ) / torch.tensor(preset.std)[:, None, None]
    assert shown.shape == middle.shape
    with torch.no_grad():
        torch.testing.assert_close(body(images), network.eval()(middle))


def test_images_are_resized_made_coloured_and_normalised():
    shown = Preprocessing(size=4, mean=(0.5, 0.25, 0.0), std=(0.5, 0.5, 2.0), mode="bicubic")
    made = shown(torch.ones(1, 1, 9, 9))
    assert made.shape == (1, 3, 4, 4)
    torch.testing.assert_close(made[0, :, 0, 0], torch.tensor([1.0, 1.5, 0.5]))


def test_the_features_of_an_image_are_computed_once(tiny, monkeypatch):
    counts = []
    compute = FrozenBody._compute

    def counted(self, images):
        counts.append(len(images))
        return compute(self, images)

    monkeypatch.setattr(FrozenBody, "_compute", counted)
    training = few_images(GREY)
    first = fit(config_of(tiny), training, steps=3, seed=0)
    fit(config_of(tiny, epochs=2), training, steps=30, seed=1)
    first.features(training.images[:4])
    assert counts == [11]
    first.features(torch.cat([training.images[:2], torch.zeros(2, 1, 8, 8)]))
    assert counts == [11, 1]


def test_no_image_depends_on_those_that_were_known_before(tiny):
    images = torch.rand(20, 1, 8, 8)
    body, _ = backbone_body(tiny, GREY, where=WHERE)
    whole = body(images)
    module._known_features.cache_clear()
    body, _ = backbone_body(tiny, GREY, where=WHERE)
    body(images[3:5])
    assert torch.equal(body(images), whole)
    assert body(images[:0]).shape == (0, 1024)


def test_features_that_are_too_many_to_keep_are_forgotten(tiny, monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 3 * 1024)
    body, _ = backbone_body(tiny, GREY, where=WHERE)
    images = torch.rand(5, 1, 8, 8)
    assert body(images).shape == (5, 1024)
    assert len(module._known_features(tiny)._by_image) == 3


def test_a_frozen_network_stays_as_it_is_and_a_fine_tuned_one_does_not(tiny):
    before = {name: value.clone() for name, value in load(tiny, where=WHERE).network.state_dict().items()}
    training = few_images(GREY)
    frozen = fit(config_of(tiny), training, steps=2, seed=0)
    assert not list(frozen.body.parameters())
    tuned = fit(config_of(replace(tiny, tuning="fine_tuned")), training, steps=2, seed=0)
    for name, value in load(tiny, where=WHERE).network.state_dict().items():
        assert torch.equal(value, before[name])
    assert any(not torch.equal(value, before[name]) for name, value in tuned.body.network.state_dict().items())
    assert not torch.equal(frozen.probabilities(training.images), tuned.probabilities(training.images))


@pytest.mark.parametrize("tuning", ["frozen", "fine_tuned"])
def test_it_keeps_the_promises_of_a_classifier(tiny, tuning):
    model = classifier_model(config_of(replace(tiny, tuning=tuning)))
    for shape in (GREY, ImageShape(size=28, channels=3)):
        found = check_promises(CLASSIFIER_PROMISES, ClassifierSubject(model, shape))
        assert [each for each in found if each.wrong] == []


def test_augmented_images_are_seen_as_they_are(tiny):
    training = few_images(GREY)
    plain, changed = (
        fit(config_of(tiny, augmentation=each), training, steps=3, seed=0)
        for each in (Augmentation(), Augmentation(flip_probability=0.5))
    )
    assert not torch.equal(plain.head.weight, changed.head.weight)


def test_a_linear_head_learns_from_frozen_features(tiny):
    training = few_images(GREY)
    fitted = fit(config_of(tiny, learning_rate=0.01), training, steps=100, seed=0)
    features = fitted.features(training.images)
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(1024), atol=1e-3, rtol=0)
    assert (features.std(dim=0, correction=0) - 1).abs().median() < 1e-3
    assert torch.equal(fitted.logits(training.images).argmax(dim=1), training.labels)


@pytest.mark.parametrize("wrapped", ["state_dict", "model", "module", "safetensors"])
def test_weights_are_read_as_people_save_them(tiny, tmp_path, wrapped):
    state = torch.load(tiny.weights)
    path = tmp_path / f"weights.{'safetensors' if wrapped == 'safetensors' else 'pth'}"
    if wrapped == "safetensors":
        safetensors.torch.save_file(state, path)
    elif wrapped == "module":
        torch.save({f"module.{name}": value for name, value in state.items()}, path)
    else:
        torch.save({wrapped: state, "epoch": 3}, path)
    images = torch.rand(2, 1, 8, 8)
    first, second = (
        backbone_body(each, GREY, where=WHERE)[0](images) for each in (tiny, replace(tiny, weights=str(path)))
    )
    assert torch.equal(first, second)


def test_a_classifier_of_our_own_is_a_backbone(tmp_path):
    path = tmp_path / "mlp.pth"
    body, num_features = CLASSIFIERS["simple_cnn"].body(ImageShape(size=32, channels=3))
    torch.save(body.state_dict(), path)
    own = Backbone(library="gan_study", model="simple_cnn", weights=str(path))
    found, features = backbone_body(own, GREY, where=WHERE)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    assert features == num_features
    with torch.no_grad():
        torch.testing.assert_close(found(images), body(images))


def test_timms_networks_are_read_too(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    timm = pytest.importorskip("timm")
    network = timm.create_model("test_resnet", pretrained=False)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    backbone = Backbone(library="timm", model="test_resnet", weights=str(tmp_path / "weights.pth"))
    body, num_features = backbone_body(backbone, GREY, where=WHERE)
    config = network.pretrained_cfg
    size = config["input_size"][-1]
    images = torch.rand(2, 3, size, size)
    mean, std = (torch.tensor(config[name])[:, None, None] for name in ("mean", "std"))
    with torch.no_grad():
        expected = network.eval().forward_head(network.forward_features((images - mean) / std), pre_logits=True)
    assert num_features == expected.shape[1]
    torch.testing.assert_close(body(images * 2 - 1), expected, atol=1e-4, rtol=1e-4)
    for name, message in (
        ("resnet_18", "'resnet_18' is unknown to timm; did you mean 'resnet18'?"),
        ("zzzzz", "'zzzzz' is unknown to timm; see timm.list_models()"),
        ("resnet18.no_tag", "'resnet18.no_tag': RuntimeError: "),
    ):
        with pytest.raises(ConfigError) as error:
            load(replace(backbone, model=name), where=WHERE)
        assert str(error.value).startswith(f"{WHERE}.model: {message}")
    with pytest.raises(
        ConfigError, match=r"timm has no weights of 'resnet18' in its cache .*nothing is downloaded"
    ):
        load(replace(backbone, model="resnet18", weights=None), where=WHERE)


def test_a_library_that_is_not_there_is_said(tiny, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ConfigError, match=r"^classifier\.backbone\.library: timm is not installed; "):
        load(replace(tiny, library="timm"), where=WHERE)


@pytest.mark.parametrize(
    ("changes", "content", "message"),
    [
        ({}, None, ".weights: '{path}' cannot be read (No such file or directory)"),
        ({}, b"", ".weights: '{path}' holds no weights (EOFError: "),
        ({}, b"no weights", ".weights: '{path}' holds no weights ("),
        ({}, {"a": 3}, ".weights: '{path}' does not hold a state dict"),
        ({}, torch.ones(2), ".weights: '{path}' does not hold a state dict"),
        (
            {},
            resnet18,
            ".weights: '{path}' does not hold weights of torchvision's " + MODEL + ": 'conv1.0.weight' is",
        ),
        ({"model": "resnet_18"}, {}, ".model: 'resnet_18' is unknown; did you mean 'resnet18'?"),
        ({"model": "squeezenet1_1"}, {}, ".model: 'squeezenet1_1' does not end with a linear layer; "),
        ({"library": "gan_study"}, {}, ".model: '" + MODEL + "' is unknown; "),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tiny, tmp_path, changes, content, message):
    path = tmp_path / "other.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content().state_dict() if callable(content) else content, path)
    with pytest.raises(ConfigError) as error:
        load(replace(tiny, weights=str(path), **changes), where=WHERE)
    assert str(error.value).startswith(WHERE + message.format(path=path))
    assert "\n" not in str(error.value)


def test_weights_of_another_size_are_none(tiny, tmp_path):
    state = torch.load(tiny.weights)
    state["conv5.0.weight"] = state["conv5.0.weight"][:5]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(ConfigError, match=r"'conv5\.0\.weight' has the shape \[5, .*\], not \[1024, 192, 1, 1\]$"):
        load(replace(tiny, weights=str(tmp_path / "cut.pth")), where=WHERE)


def test_without_a_file_the_librarys_cache_is_looked_at_and_nothing_is_downloaded(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    unnamed = replace(tiny, weights=None)
    with pytest.raises(ConfigError) as error:
        load(unnamed, where=WHERE)
    place = tmp_path / "hub" / "checkpoints" / "shufflenetv2_x0.5-f707e7126e.pth"
    assert str(error.value) == (
        f"{WHERE}.weights: torchvision has no weights of '{MODEL}' in its cache ({place}); nothing is downloaded: "
        "name a file"
    )
    place.parent.mkdir(parents=True)
    write_weights(place)
    assert load(unnamed, where=WHERE).num_features == 1024


@pytest.mark.parametrize(
    "values", [{"name": "backbone"}, {"backbone": {"model": "resnet18"}}, {"name": "mlp", "backbone": {}}]
)
def test_the_classifier_backbone_and_no_other_has_one(values):
    with pytest.raises(ConfigError, match=r"^classifier: name is .* and no other classifier, has one, such as"):
        parse(ClassifierConfig, values, where="classifier")


def trial(**classifier):
    return parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits"},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3"]},
            "classifier": classifier,
            "balancing": {"name": "none"},
        }
    )


def test_where_the_weights_lie_does_not_name_a_trial():
    here, there = (
        trial(name="backbone", backbone={"weights": path, "model": MODEL}) for path in ("/here", "/there")
    )
    other = trial(name="backbone", backbone={"weights": "/here"})
    assert here.trial_id == there.trial_id != other.trial_id
    assert here.setting_id == there.setting_id != other.setting_id


def test_trials_without_one_keep_the_names_that_they_had():
    values = dump_trial(trial())
    assert "backbone" not in values["classifier"] and "frozen_baseline" not in values["evaluation"]
    # Of the version before there were any.
    assert trial().trial_id == "21b636003da2" and trial().setting_id == "d64ad5eb6f8d"
    assert dump(trial().classifier)["backbone"] is None
