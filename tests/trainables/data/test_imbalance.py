from typing import Any

import numpy as np
import pytest

from gan_study.trainables.base.settings import ConfigError, digest, dump, parse, settings
from gan_study.trainables.data.imbalance import Imbalance, thin
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from tests.real_data import real_data

NAMES = ("cat", "dog", "owl", "yak")
POOL = (100, 80, 60, 20)


@settings
class Holder:
    imbalance: Imbalance


def profile(name: str, **values: Any) -> Imbalance:
    return parse(Holder, {"imbalance": {"profile": name, **values}}, where="").imbalance


@pytest.mark.parametrize(
    ("imbalance", "targets", "minority", "ratio"),
    [
        # 100 / 10 = 10; the pool's mean is 65, so owl and yak are rare.
        (profile("step", ratio=10), (100, 80, 10, 10), (2, 3), 10.0),
        # 100 / 3 = 33.3; yak has fewer already and stays.
        (profile("step", ratio=3), (100, 80, 33, 20), (2, 3), 3.0),
        (profile("step", ratio=10, minority_classes=["dog", 0]), (10, 10, 60, 20), (0, 1), 10.0),
        (profile("fraction", fraction=0.25), (100, 80, 15, 5), (2, 3), 20.0),
        # 60 * 0.001 rounds to none, and one is kept.
        (profile("fraction", fraction=0.001, minority_classes=[2]), (100, 80, 1, 20), (2,), 100.0),
        # Mean after thinning: (100 + 7 + 60 + 20) / 4 = 46.75.
        (profile("counts", counts={"dog": 7}), (100, 7, 60, 20), (1, 3), 14.29),
        (profile("counts", counts={"dog": 7}, minority_classes=["dog"]), (100, 7, 60, 20), (1,), 14.29),
        # 100 * 8^(-c/3) = 100, 50, 25, 12.5; mean 46.75.
        (profile("long_tailed", ratio=8), (100, 50, 25, 12), (2, 3), 8.0),
        # 100 * 2^(-c/3) = 100, 79.4, 63.0, 50: capped by the 60 and 20 that there are.
        (profile("long_tailed", ratio=2), (100, 79, 60, 20), (2, 3), 2.0),
        (profile("natural"), POOL, (2, 3), 5.0),
        (profile("natural", minority_classes=["yak"]), POOL, (3,), 5.0),
    ],
)
def test_profiles_by_hand(
    imbalance: Imbalance, targets: tuple[int, ...], minority: tuple[int, ...], ratio: float
) -> None:
    assert imbalance.targets(POOL, NAMES) == targets
    assert imbalance.minority(POOL, NAMES) == minority
    assert imbalance.ratio_of(targets) == ratio


def test_long_tailed_is_cifar10_lt() -> None:
    names = tuple("0123456789")
    # The class sizes of CIFAR-10-LT, as Cao et al.'s code makes them: 12,406 and 20,431 images.
    hundred = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    ten = (5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500)
    assert profile("long_tailed", ratio=100).targets((5000,) * 10, names) == hundred
    assert profile("long_tailed", ratio=10).targets((5000,) * 10, names) == ten
    assert (sum(hundred), sum(ten)) == (12406, 20431)


def test_long_tailed_does_not_lose_an_image_to_rounding() -> None:
    # 49 * (1 / 49) is below 1 in floating point.
    assert profile("long_tailed", ratio=49).targets((49, 49), ("a", "b")) == (49, 1)
    for n in range(2, 500):
        assert profile("long_tailed", ratio=n).targets((3 * n, 3 * n), ("a", "b")) == (3 * n, 3)


def test_equal_counts_need_the_minority_named() -> None:
    equal = (50, 50, 50, 50)
    unnamed = [
        profile("step", ratio=10),
        profile("fraction", fraction=0.5),
        profile("natural"),
        profile("long_tailed", ratio=1),
    ]
    for imbalance in unnamed:
        with pytest.raises(ConfigError, match=r"name the rare ones in imbalance\.minority_classes"):
            imbalance.minority(equal, NAMES)
    assert profile("long_tailed", ratio=10).minority(equal, NAMES) == (2, 3)


def test_classes_that_are_not_there() -> None:
    with pytest.raises(ConfigError, match="no class is named 'catt'; did you mean 'cat'"):
        profile("step", ratio=2, minority_classes=["catt"]).targets(POOL, NAMES)
    with pytest.raises(ConfigError, match="no class has label 4; labels are 0 to 3"):
        profile("natural", minority_classes=[4]).minority(POOL, NAMES)
    with pytest.raises(ConfigError, match="no class is named 'ox'"):
        profile("counts", counts={"ox": 3}).targets(POOL, NAMES)
    with pytest.raises(ConfigError, match="names every class"):
        profile("step", ratio=2, minority_classes=[0, 1, 2, "yak"]).targets(POOL, NAMES)


def test_more_images_than_there_are() -> None:
    with pytest.raises(ConfigError, match="class 'yak' cannot keep 21 images; the pool has 20"):
        profile("counts", counts={"yak": 21}).targets(POOL, NAMES)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"profile": "step", "ratio": 0.9}, r"imbalance\.ratio: 0\.9 "),
        ({"profile": "step"}, r"imbalance\.ratio: a value is needed"),
        ({"profile": "fraction", "fraction": 0.0}, r"imbalance\.fraction: 0\.0 "),
        ({"profile": "fraction", "fraction": 1.1}, r"imbalance\.fraction: 1\.1 "),
        ({"profile": "counts", "counts": {}}, r"imbalance\.counts: \{\} "),
        ({"profile": "counts", "counts": {"yak": 0}}, r"imbalance\.counts\.yak: 0 "),
        ({"profile": "natural", "minority_classes": []}, r"imbalance\.minority_classes: \[\] "),
        ({"profile": "natural", "ratio": 3}, r"imbalance\.ratio: unknown key"),
        ({"profile": "steps", "ratio": 3}, r"imbalance: .*'steps'"),
    ],
)
def test_values_that_cannot_be_used(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"^{complaint}"):
        parse(Holder, {"imbalance": values}, where="")


def test_a_profile_survives_being_written_down() -> None:
    for imbalance in (
        profile("step", ratio=10, minority_classes=["dog", 0]),
        profile("counts", counts={"dog": 7}),
    ):
        written = dump(Holder(imbalance=imbalance))
        assert parse(Holder, written, where="").imbalance == imbalance
        assert digest(dump(parse(Holder, written, where=""))) == digest(written)


def test_thin_keeps_the_targets_and_is_nested() -> None:
    labels = np.repeat(np.arange(4), POOL)
    mild = thin(labels, (100, 80, 30, 20), seed=3)
    harsh = thin(labels, (100, 80, 6, 5), seed=3)
    assert np.bincount(labels[mild]).tolist() == [100, 80, 30, 20]
    assert np.bincount(labels[harsh]).tolist() == [100, 80, 6, 5]
    assert set(harsh) < set(mild)
    assert (np.diff(mild) > 0).all()
    assert thin(labels, (100, 80, 30, 20), seed=4).tolist() != mild.tolist()


@pytest.mark.slow
def test_a_tenth_of_mnist_zero_is_592() -> None:
    # 0.1 * 5923 = 592.3, which is 592 rounded to the nearest, to even or down, and 593 rounded up.
    # The 591 of an earlier study is no rounding of it; it is 0.1 * 5918 (digit 6) rounded down.
    pool = image_source(DataConfig(name="mnist", root=str(real_data("mnist")))).pool().images
    tenth = profile("fraction", fraction=0.1, minority_classes=["0"])
    targets = tenth.targets(pool.class_counts(), pool.class_names)
    assert targets == (592, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    assert tenth.ratio_of(targets) == 11.39
    assert pool.subset(thin(pool.labels, targets, seed=0)).class_counts() == targets
