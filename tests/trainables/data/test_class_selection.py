import numpy as np
import pytest

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.catalog import image_source
from gan_study.trainables.data.class_selection import select_classes, select_labels
from gan_study.trainables.data.source import DataConfig

ALL = image_source(DataConfig(image_size=8))
SOME = image_source(DataConfig(image_size=8, classes=("7", "2", 4)))


@pytest.mark.parametrize("part", ["pool", "test"])
def test_the_images_of_the_named_classes_are_kept_and_numbered_anew(part):
    everything, chosen = getattr(ALL, part)().images, getattr(SOME, part)().images
    assert chosen.class_names == ("2", "4", "7")
    assert chosen.class_counts() == tuple(everything.class_counts()[label] for label in (2, 4, 7))
    for new, old in enumerate((2, 4, 7)):
        assert np.array_equal(chosen.images[chosen.labels == new], everything.images[everything.labels == old])


def test_the_counts_of_the_test_part_are_those_of_its_images():
    assert SOME.test_class_counts() == SOME.test().images.class_counts()


def test_digests_and_origins_go_with_their_images():
    images = ALL.pool().images
    kept = select_classes(images, (3, 5))
    assert kept.origins == tuple(
        o for o, label in zip(images.origins, images.labels, strict=True) if label in (3, 5)
    )
    assert len(kept.digests) == len(kept)


@pytest.mark.parametrize(
    ("names", "message"), [(("2", "x"), "no class is named 'x'"), (("2", 2), "at least two classes are needed")]
)
def test_a_selection_that_cannot_be_used_is_refused(names, message):
    with pytest.raises(ConfigError, match=message):
        select_labels(names, tuple("0123456789"))
