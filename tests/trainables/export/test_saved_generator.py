"""Generators as files: what comes back makes the same images."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.base.names import folder_name
from gan_study.trainables.base.seal import sealed
from gan_study.trainables.base.settings import ConfigError, DataError, UserError
from gan_study.trainables.data.byte_images import to_bytes
from gan_study.trainables.data.images import Classes, TrainingSet
from gan_study.trainables.export.saved_generator import (
    WEIGHTS,
    collect_generators,
    load_generator,
    write_generator,
    write_samples,
)
from gan_study.trainables.gans.sampling import SAMPLING_BATCH
from tests.members import each
from tests.torch_states import TORCH_STATES

NAMES = ("cat", "../dog", "lynx")


def training_set(channels=1):
    labels = torch.tensor([0] * 6 + [1] * 4 + [2] * 3)
    images = torch.rand(13, channels, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return TrainingSet(
        images=images,
        labels=labels,
        weights=torch.ones(13),
        synthetic=torch.zeros(13, dtype=torch.bool),
        classes=Classes(names=NAMES, minority=(1, 2)),
    )


def trained(variant="dcgan", *, channels=1, **settings):
    """A generator after one epoch: its balancing, itself, and what it is trained on."""
    seed = settings.pop("seed", 3)
    entry = BALANCERS[variant]
    section = {"epochs": 1, "batch_size": 4, **settings.pop(entry.training_section, {})}
    if entry.is_gan:
        section["latent_size"] = 4
        if entry.variant.warm_start:
            section["warm_start_epochs"] = 1
    balancing = parse_balancing({"name": variant, entry.training_section: section, **settings})
    training = training_set(channels)
    [trained_on] = balancing.balancer.train(training, seed=seed)
    return balancing, trained_on, training


def written(folder, *arguments, **settings):
    balancing, made_by, training = trained(*arguments, **settings)
    generator = collect_generators(made_by, balancing, training.shape, training.classes)
    write_generator(folder, generator, card="# Card\n")
    return balancing.balancer, made_by, training


@pytest.mark.parametrize("variant", each(name for name, entry in BALANCERS.items() if entry.trains_generator))
@pytest.mark.parametrize("settings", [{}, {"image_size": 16, "channels": 3}])
def test_what_is_read_makes_the_images_that_balancing_makes(tmp_path, variant, settings):
    section = BALANCERS[variant].training_section
    changed = {"code_size": 3} if section == "autoencoder" else {"ema_decay": 0.9}
    balancer, _, training = written(tmp_path, variant, **settings, **({section: changed} if settings else {}))
    [balanced] = balancer.balance(training, seed=3)
    generator = load_generator(tmp_path)
    assert generator.class_names == ("../dog", "lynx")
    for name, label, number in (("../dog", 1, 2), ("lynx", 2, 3)):
        made = balanced.training.images[balanced.training.synthetic & (balanced.training.labels == label)]
        np.testing.assert_array_equal(generator.sample(name, number, seed=3), to_bytes(made))


@pytest.mark.parametrize("mode", TORCH_STATES)
def test_a_callers_torch_state_changes_no_image(tmp_path, mode):
    written(tmp_path)
    expected = load_generator(tmp_path).sample("lynx", 3, seed=3)
    with TORCH_STATES[mode]():
        np.testing.assert_array_equal(load_generator(tmp_path).sample("lynx", 3, seed=3), expected)


def test_reading_leaves_the_global_random_state_alone(tmp_path):
    written(tmp_path)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    load_generator(tmp_path)
    assert torch.equal(torch.rand(1), expected)


def test_classes_of_a_conditional_gan_share_a_network(tmp_path):
    written(tmp_path / "cgan", "cgan")
    written(tmp_path / "dcgan", "dcgan")
    assert load_generator(tmp_path / "cgan").config.num_networks == 1
    assert load_generator(tmp_path / "dcgan").config.num_networks == 2


def test_seeds_change_the_images(tmp_path):
    written(tmp_path)
    first, other = (load_generator(tmp_path).sample("lynx", 2, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_a_class_that_it_does_not_make_is_named(tmp_path):
    written(tmp_path)
    with pytest.raises(ConfigError, match=r"does not know the class 'linx'; did you mean 'lynx'\?"):
        load_generator(tmp_path).sample("linx", 1)


def test_samples_are_files_below_the_folder_whatever_the_class_is_called(tmp_path):
    written(tmp_path / "model")
    generator = load_generator(tmp_path / "model")
    folder = write_samples(generator, "../dog", 3, tmp_path / "out", seed=5).folder
    assert folder == tmp_path / "out" / "%2E.%2Fdog"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "out"]
    expected = generator.sample("../dog", 3, seed=5)
    for i, path in enumerate(sorted(folder.iterdir())):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), expected[i, 0])
    with pytest.raises(UserError, match="is not empty"):
        write_samples(generator, "../dog", 3, tmp_path / "out", seed=6)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DataError, match="contains no generator"):
        load_generator(tmp_path)
    written(tmp_path)
    with pytest.raises(DataError, match=r"generator.json cannot be read: Not a directory"):
        load_generator(tmp_path / "generator.json")
    weights = (tmp_path / "generator.safetensors").read_bytes()
    (tmp_path / "generator.safetensors").unlink()
    with pytest.raises(DataError, match=r"generator.safetensors is missing"):
        load_generator(tmp_path)
    (tmp_path / "generator.safetensors").write_bytes(weights[:-8])
    with pytest.raises(DataError, match="does not contain the weights"):
        load_generator(tmp_path)
    (tmp_path / "generator.json").write_text("{")
    with pytest.raises(DataError, match=r"generator.json is damaged"):
        load_generator(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("variant", "dcgam", "did you mean 'dcgan'?"),
        ("latent_size", 5, "does not contain the weights"),
        ("latent_sise", 4, "latent_sise: unknown key"),
        ("format_version", 2, "format_version"),
        # What a file says may be far larger than what it holds: nothing is made of that size.
        ("latent_size", 10**9, "does not contain the weights"),
        ("latent_size", 10**18, "does not contain the weights"),
        ("trained_size", 4096, "does not contain the weights"),
        ("trained_size", 2**31, "more than 4096"),
        ("image_size", 10**20, "more than 4096"),
        ("image_size", 9, "nearest sizes"),
        ("num_classes", True, "a number is needed"),
        ("classes", {"lynx": {"network": 10**9, "label": 1}}, "does not contain the weights"),
        ("classes", {"lynx": {"network": 0, "label": 3}}, "label 3 of 3 classes"),
        ("classes", {"lynx": {"network": 0, "label": 10**30}}, "of 3 classes"),
        ("classes", {"lynx": {"network": 0, "label": -1}}, "label: -1"),
        ("classes", {"lynx": {"network": 0, "label": 1.5}}, "label: 1.5"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(tmp_path, key, value, message):
    written(tmp_path)
    path = tmp_path / "generator.json"
    path.write_text(json.dumps(sealed({**json.loads(path.read_text()), key: value})))
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        load_generator(tmp_path)


def test_a_configuration_that_was_edited_is_refused(tmp_path):
    """The classes of two networks exchanged, for instance: each would make the images of the other."""
    written(tmp_path)
    path = tmp_path / "generator.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "classes": dict(reversed(content["classes"].items()))}))
    load_generator(tmp_path)
    first = next(iter(content["classes"]))
    path.write_text(json.dumps({**content, "classes": {"other": content["classes"][first]}}))
    with pytest.raises(DataError, match="edited after it was written"):
        load_generator(tmp_path)


def test_images_that_look_the_same_are_counted_once(tmp_path):
    written(tmp_path / "model")
    generator = load_generator(tmp_path / "model")
    with torch.no_grad():
        for weights in generator.networks.parameters():
            weights.zero_()
    assert write_samples(generator, "lynx", 5, tmp_path / "out", seed=0)[1:] == (5, 1)


def test_images_that_are_no_numbers_are_refused(tmp_path):
    written(tmp_path)
    generator = load_generator(tmp_path)
    with torch.no_grad():
        for weights in generator.networks.parameters():
            weights.fill_(torch.nan)
    with pytest.raises(DataError, match="weights are damaged"):
        generator.sample("lynx", 1)


def test_as_many_images_as_fit_are_made_and_no_more(tmp_path):
    written(tmp_path / "model")
    generator = load_generator(tmp_path / "model")
    with pytest.raises(UserError, match="GB of memory"):
        generator.sample("lynx", 10**12)
    with pytest.raises(UserError, match="GB"):
        write_samples(generator, "lynx", 10**10, tmp_path / "out", seed=0)
    assert not (tmp_path / "out").exists()
    for number in (2.5, -1, math.nan, math.inf, "4", None):
        with pytest.raises(ConfigError, match=r"number: .* cannot be used; a whole number of images is needed"):
            generator.sample("lynx", number)
    assert len(generator.sample("lynx", np.int64(2))) == len(generator.sample("lynx", 2.0)) == 2


def test_images_come_in_batches_and_are_those_of_one_call(tmp_path):
    written(tmp_path)
    generator = load_generator(tmp_path)
    batches = list(generator.batches("lynx", SAMPLING_BATCH + 3, seed=1))
    assert [len(batch) for batch in batches] == [SAMPLING_BATCH, 3]
    np.testing.assert_array_equal(np.concatenate(batches), generator.sample("lynx", SAMPLING_BATCH + 3, seed=1))


def test_samples_are_not_written_where_a_link_leads(tmp_path):
    balancing, gans, training = trained("dcgan")
    generator = collect_generators(gans, balancing, training.shape, training.classes)
    name = generator.class_names[0]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / folder_name(name)).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link to"):
        write_samples(generator, name, 1, tmp_path, seed=0)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_weights_that_another_variant_has_are_refused(tmp_path):
    balancing, gans, training = trained("dcgan")
    generator = collect_generators(gans, balancing, training.shape, training.classes)
    config = replace(generator.config, variant="wgan_gp")
    write_generator(tmp_path, replace(generator, config=config), card="")
    with pytest.raises(DataError, match="does not contain the weights"):
        load_generator(tmp_path)


def test_weights_of_another_generator_of_the_same_variant_are_refused(tmp_path):
    for name, seed in (("ours", 0), ("another", 1)):
        balancing, gans, training = trained("dcgan", seed=seed)
        generator = collect_generators(gans, balancing, training.shape, training.classes)
        write_generator(tmp_path / name, generator, card="")
    load_generator(tmp_path / "ours")
    shutil.copy(tmp_path / "another" / WEIGHTS, tmp_path / "ours")
    with pytest.raises(DataError, match="was changed or replaced"):
        load_generator(tmp_path / "ours")
