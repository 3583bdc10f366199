"""What every data set in the catalog keeps to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.difficulty import Difficulty, Shift
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from tests.trainables.data.tiny_sets import tiny_config


@pytest.fixture(params=sorted(DATA_SETS))
def config(request: pytest.FixtureRequest, tmp_path: Path) -> DataConfig:
    return tiny_config(request.param, tmp_path)


def assert_equal(a: LabeledImages, b: LabeledImages) -> None:
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.labels, b.labels)
    assert (a.class_names, a.digests, a.origins) == (b.class_names, b.digests, b.origins)


def test_parts_belong_together_and_share_no_image(config: DataConfig) -> None:
    source = image_source(config)
    pool, test = source.pool().images, source.test().images
    assert pool.shape == test.shape
    assert pool.class_names == test.class_names
    assert not set(pool.origins) & set(test.origins)
    assert not set(pool.digests) & set(test.digests)
    assert DATA_SETS[config.name].class_names in (None, pool.class_names)


def test_difficulty_leaves_sizes_digests_and_counts_alone(config: DataConfig) -> None:
    hard = Difficulty(label_noise=0.4, class_overlap=0.2, borderline_share=0.5, shift=Shift(brightness=30.0))
    plain, harder = image_source(config), image_source(replace(config, difficulty=hard))
    assert harder.test_class_counts() == plain.test_class_counts()
    for before, after in ((plain.pool(), harder.pool()), (plain.test(), harder.test())):
        assert not np.array_equal(after.images.images, before.images.images)
        assert (after.images.shape, after.images.images.dtype) == (before.images.shape, before.images.images.dtype)
        assert after.images.class_counts() == before.images.class_counts()
        assert (after.images.digests, after.images.origins) == (before.images.digests, before.images.origins)
        assert after.notes[: len(before.notes)] == before.notes
        assert len(after.notes) == len(before.notes) + 3
    assert not np.array_equal(harder.pool().images.labels, plain.pool().images.labels)
    np.testing.assert_array_equal(harder.test().images.labels, plain.test().images.labels)


def test_reading_again_costs_nothing(config: DataConfig) -> None:
    assert image_source(config).pool().images is image_source(replace(config)).pool().images


def test_pool_and_counts_do_without_the_test_part(config: DataConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = type(DATA_SETS[config.name].source(config))
    monkeypatch.setattr(raw, "test", lambda self: pytest.fail("the test set was opened"))
    source = image_source(replace(config, validation_fraction=0.123))
    assert len(source.pool().images) > 0
    assert min(source.test_class_counts()) > 0


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"data.name: 'cifar' is unknown; did you mean 'cifar10'\?"):
        image_source(DataConfig(name="cifar"))
