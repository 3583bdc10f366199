"""What every part promises, kept by our own parts, and found out where others break it."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gan_study.trainables.balancing.balancer import BalancedSet, BalancerEntry
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import settings
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import ClassifierModel
from gan_study.trainables.classifiers.loss_plans import FittingPlan
from gan_study.trainables.contracts.balancers import BALANCER_PROMISES, BalancerSubject
from gan_study.trainables.contracts.classifiers import CLASSIFIER_PROMISES, ClassifierSubject
from gan_study.trainables.contracts.contract import SHAPES, check_promises, in_words
from gan_study.trainables.contracts.data_sets import DATA_SET_PROMISES, DataSetSubject
from gan_study.trainables.contracts.metrics import METRIC_PROMISES, MetricSubject
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.images import ImageShape, TrainingSet
from gan_study.trainables.data.source import DataConfig
from tests.members import BY_SHAPE, each
from tests.trainables.data.tiny_sets import tiny_config

TINY = ImageShape(size=8, channels=1)


def broken(promises, subject):
    """What is wrong with a subject, by the promise that it breaks."""
    return {found.promise: found.wrong for found in check_promises(promises, subject) if found.wrong is not None}


def with_shapes(names):
    """Each name with the first shape; names with code of their own for shapes, and a few others, with all."""
    first, *others = SHAPES
    more = [
        pytest.param(name, shape, marks=pytest.mark.slow if name in BY_SHAPE else pytest.mark.soak)
        for name in names
        for shape in others
    ]
    return [*each(names, first), *more]


def described(value):
    return in_words(value) if isinstance(value, ImageShape) else None


@pytest.mark.parametrize(("name", "shape"), with_shapes(CLASSIFIERS), ids=described)
def test_every_classifier_keeps_its_promises(name, shape):
    assert broken(CLASSIFIER_PROMISES, ClassifierSubject(CLASSIFIERS[name], shape)) == {}


@pytest.mark.parametrize(("name", "shape"), with_shapes(BALANCERS), ids=described)
def test_every_way_of_balancing_keeps_its_promises(name, shape):
    assert broken(BALANCER_PROMISES, BalancerSubject(BALANCERS[name], shape)) == {}


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_every_data_set_keeps_its_promises(name, tmp_path):
    found = broken(DATA_SET_PROMISES, DataSetSubject(DATA_SETS[name], tiny_config(name, tmp_path)))
    # Published sets know the sizes of the whole; these are copies of a few images.
    assert set(found) == ({COUNTS} if DATA_SETS[name].takes_folder and name != "imagefolder" else set())


def flat(shape):
    return nn.Flatten(), shape.num_values


class OfTheBatch(nn.Flatten):
    def forward(self, images):
        return super().forward(images - images.mean(dim=0))


class Unseeded(nn.Flatten):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(random.random()))

    def forward(self, images):
        return super().forward(images) + self.shift


class InPlace(nn.Flatten):
    def forward(self, images):
        return super().forward(images.relu_())


BODY, IMAGES, FITTED, ALONE, SEEDED = CLASSIFIER_PROMISES


@pytest.mark.parametrize(
    ("body", "promise", "message"),
    [
        (lambda shape: nn.Flatten(), BODY, "body gives Flatten, not (network, D)"),
        (lambda shape: (flat, 3), BODY, "body gives a function, not a torch.nn.Module"),
        (lambda shape: (nn.Flatten(), 3.0), BODY, "body gives 3.0 as the number of features"),
        (lambda shape: (nn.Flatten(), 3), BODY, "features of shape (11, 64) and not (11, 3), at 8x8x1"),
        (lambda shape: (nn.Linear(99, 3), 3), BODY, "RuntimeError: "),
        (lambda shape: (InPlace(), 64), IMAGES, "its body changes the images that it is given"),
        (lambda shape: (OfTheBatch(), 64), ALONE, "features of an image depend on the others in its batch"),
        (lambda shape: (Unseeded(), 64), SEEDED, "two fits with the same seed predict differently"),
    ],
)
def test_a_classifier_that_breaks_a_promise_is_found_out(body, promise, message):
    model = ClassifierModel(name="theirs", summary="", body=body)
    assert broken(CLASSIFIER_PROMISES, ClassifierSubject(model, TINY))[promise].startswith(message)


class Doing(nn.Flatten):
    """The pixels, after `action` was called."""

    def __init__(self, action):
        super().__init__()
        action()


class OwnEnd(BaseException):
    """What is no Exception."""


def end(error):
    raise error


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("bye"), OwnEnd("two\nlines")], ids=repr)
def test_a_part_that_ends_the_process_breaks_its_promises(error):
    model = ClassifierModel(name="theirs", summary="", body=lambda shape: (Doing(lambda: end(error)), 64))
    found = broken(CLASSIFIER_PROMISES, ClassifierSubject(model, TINY))
    text = " ".join(str(error).split())
    assert found[BODY] == f"{type(error).__name__}: {text}, which ends the process"
    assert set(found) == set(CLASSIFIER_PROMISES)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(128 + signal.SIGTERM)], ids=repr)
def test_a_person_can_stop_a_check(error):
    model = ClassifierModel(name="theirs", summary="", body=lambda shape: (Doing(lambda: end(error)), 64))
    with pytest.raises(type(error)):
        broken(CLASSIFIER_PROMISES, ClassifierSubject(model, TINY))


@pytest.mark.parametrize(
    ("action", "what", "read"),
    [
        (lambda: os.chdir("/"), "the current folder", os.getcwd),
        (lambda: os.environ.update(ATTACKED="yes"), "the variable ATTACKED", lambda: os.environ["ATTACKED"]),
        (lambda: torch.set_default_dtype(torch.float64), "torch's default type", torch.get_default_dtype),
        (lambda: torch.set_num_threads(3), "torch's number of threads", torch.get_num_threads),
        (lambda: torch.set_grad_enabled(False), "whether torch computes gradients", torch.is_grad_enabled),
        (
            lambda: torch.use_deterministic_algorithms(True),
            "whether torch is deterministic",
            torch.are_deterministic_algorithms_enabled,
        ),
    ],
    ids=["folder", "variable", "type", "threads", "gradients", "deterministic"],
)
def test_a_part_that_changes_the_process_is_found_out_and_the_process_restored(action, what, read, monkeypatch):
    monkeypatch.setenv("ATTACKED", "no")
    before = read()
    model = ClassifierModel(name="theirs", summary="", body=lambda shape: (Doing(action), 64))
    found = broken(CLASSIFIER_PROMISES, ClassifierSubject(model, TINY))
    assert found[BODY] == f"it changes {what}, also for other trials of the process"
    assert read() == before


@settings
class Theirs:
    """Does to the training set what `CHANGES` has under `what`."""

    what: str = "nothing"

    def balance(self, training, *, seed):
        yield from CHANGES[self.what](training)


def spoil(training):
    training.images.zero_()
    yield BalancedSet(training=training)


def forget_where(training):
    yield BalancedSet(training=training.extended(torch.zeros(1, 1, 8, 8), torch.tensor([1]), synthetic=False))


def bright(training):
    yield BalancedSet(training=replace(training, images=training.images * 2))


def whole(training):
    yield BalancedSet(training=replace(training, labels=training.labels.int()))


def unseeded(training):
    weights = torch.full((len(training),), random.random())
    yield BalancedSet(training=replace(training, weights=weights))


def drawing(training):
    torch.rand(1)
    yield BalancedSet(training=training)


def infinite(training):
    yield BalancedSet(training=training, plan=FittingPlan(loss=lambda step: step.logits.sum() * torch.inf))


def unfinished(training):
    yield BalancedSet(training=training, is_final=False)


CHANGES: dict[str, Callable[[TrainingSet], object]] = {
    "nothing": lambda training: iter([BalancedSet(training=training)]),
    "none": lambda training: iter(()),
    "failing": lambda training: iter([1 / 0]),
    **{change.__name__: change for change in (spoil, forget_where, bright, whole, unseeded, drawing)},
    **{change.__name__: change for change in (infinite, unfinished)},
}
LEFT, VERSIONS, COLUMNS, SETS, REAL, GROWS, LOSS, WRITTEN, PLANS, USED = BALANCER_PROMISES


@pytest.mark.parametrize(
    ("what", "promise", "message"),
    [
        ("spoil", LEFT, "it changes the images passed to it"),
        ("none", VERSIONS, "it yields nothing"),
        ("unfinished", VERSIONS, "only the last version should be final"),
        ("failing", VERSIONS, "ZeroDivisionError: "),
        ("bright", COLUMNS, "images beyond [-1, 1]"),
        ("whole", COLUMNS, "types (torch.float32, torch.int32, "),
        ("unseeded", SETS, "the same seed gives two different sets"),
        ("drawing", SETS, "it changes torch's random state"),
        ("forget_where", REAL, "an image that it generated, or of another class, counts as real"),
        ("infinite", LOSS, "a loss "),
    ],
)
def test_a_way_of_balancing_that_breaks_a_promise_is_found_out(what, promise, message, monkeypatch):
    monkeypatch.setitem(CHANGES, "nothing", CHANGES[what])
    theirs = BalancerEntry(name="theirs", summary="", settings=Theirs, only_plans=what not in ("bright",))
    assert broken(BALANCER_PROMISES, BalancerSubject(theirs, TINY))[promise].startswith(message)


def test_what_an_entry_says_of_itself_is_compared_with_what_it_does():
    theirs = BalancerEntry(name="theirs", summary="", settings=Theirs)
    assert broken(BALANCER_PROMISES, BalancerSubject(theirs, TINY)) == {
        PLANS: "only_plans is False, but it leaves the images"
    }
    assert broken(BALANCER_PROMISES, BalancerSubject(replace(theirs, only_plans=True), TINY)) == {}
    adding = broken(BALANCER_PROMISES, BalancerSubject(replace(theirs, only_plans=True, adds_images=True), TINY))
    assert adding == {GROWS: "classes of [6, 3, 2] images, with balance_to 1 and dose 1"}


class Doctored:
    """Digits, whose parts are changed by a function of their name and images."""

    def __init__(self, config, change):
        self.source, self.change = DATA_SETS["digits"].source(config), change

    def pool(self):
        return self._changed("pool")

    def test(self):
        return self._changed("test")

    def _changed(self, name):
        loaded = getattr(self.source, name)()
        return replace(loaded, images=self.change(name, loaded.images))

    def test_class_counts(self):
        return self.source.test_class_counts()


ARRAYS, TOGETHER, COUNTS, TWICE, ASKED = DATA_SET_PROMISES


@pytest.mark.parametrize(
    ("change", "promise", "message"),
    [
        (
            lambda name, found: replace(found, images=found.images.astype(np.float32)),
            ARRAYS,
            "pool: images of float",
        ),
        (
            lambda name, found: replace(found, origins=("here",) * len(found)),
            ARRAYS,
            "pool: two images with the same",
        ),
        (lambda name, found: replace(found, weights=np.zeros(len(found))), ARRAYS, "pool: weights that are no"),
        (
            lambda name, found: replace(found, class_names=(*found.class_names, "ten")),
            ARRAYS,
            "pool: labels that are not those of the 11 classes",
        ),
        (
            lambda name, found: replace(found, origins=tuple(map(str, range(len(found))))),
            TOGETHER,
            "an image is in the pool and in the test set",
        ),
        (
            lambda name, found: found.subset(np.arange(len(found) - (name == "test"))),
            COUNTS,
            "test_class_counts are ",
        ),
        (
            lambda name, found: replace(found, images=np.random.default_rng().permutation(found.images)),
            TWICE,
            "pool: a second reading gives different images",
        ),
        (
            lambda name, found: replace(found, images=found.images[:, :, :8, :8]),
            ASKED,
            "images of shape [1, 8, 8]",
        ),
    ],
)
def test_a_data_set_that_breaks_a_promise_is_found_out(change, promise, message):
    theirs = replace(DATA_SETS["digits"], class_names=None, source=lambda config: Doctored(config, change))
    subject = DataSetSubject(theirs, DataConfig(name="theirs", image_size=8))
    assert broken(DATA_SET_PROMISES, subject)[promise].startswith(message)


def drawn_at_random(labels, probabilities, weights):
    return random.random()


def test_a_metric_that_breaks_a_promise_is_found_out():
    _, same, _ = METRIC_PROMISES
    found = broken(METRIC_PROMISES, MetricSubject(f"{__name__}:drawn_at_random", 3))
    assert list(found) == [same] and found[same].endswith(" for the same predictions")


def clears_labels(labels, probabilities, weights):
    labels[:] = 0
    weights *= 2
    return 0.5


def test_a_metric_that_changes_what_it_is_given_is_found_out():
    *_, unchanged = METRIC_PROMISES
    found = broken(METRIC_PROMISES, MetricSubject(f"{__name__}:clears_labels", 3))
    assert found == {unchanged: "it changes labels and weights"}


def test_a_data_set_whose_parts_share_images_is_found_out():
    """Under other names: nine of ten test images of digits."""
    pool = DATA_SETS["digits"].source(DataConfig(name="digits", image_size=8)).pool().images

    def shared(name, found):
        rows = np.arange(10)
        if name == "pool":
            return found
        return replace(
            found.subset(rows), digests=(*pool.digests[:9], found.digests[9]), class_names=found.class_names
        )

    theirs = replace(DATA_SETS["digits"], class_names=None, source=lambda config: Doctored(config, shared))
    subject = DataSetSubject(theirs, DataConfig(name="theirs", image_size=8))
    assert broken(DATA_SET_PROMISES, subject)[TOGETHER] == (
        "9 of 10 test images are in the pool too, pixel by pixel"
    )
