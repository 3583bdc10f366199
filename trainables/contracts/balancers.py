"""The contract of every balancing method, with or without a GAN."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from gan_study.trainables.balancing.balancer import BalancedSet, Balancer, BalancerEntry
from gan_study.trainables.base.settings import dump
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.loss_plans import FittingStep
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.contracts.contract import Promises, few_images, require
from gan_study.trainables.data.images import ImageShape, TrainingSet


@dataclass(frozen=True, eq=False)
class BalancerSubject:
    """A balancing method, and images of a shape to balance."""

    entry: BalancerEntry
    shape: ImageShape

    @cached_property
    def given(self) -> TrainingSet:
        """The images."""
        return few_images(self.shape)

    @cached_property
    def versions(self) -> Sequence[BalancedSet]:
        """What it yields for them."""
        return list(self.balancer.balance(self.given, seed=1))

    @property
    def answer(self) -> BalancedSet:
        """The last of it."""
        return self.versions[-1]

    @property
    def balancer(self) -> Balancer:
        """With its default settings, except that a generator takes two steps."""
        return self.entry.parse(shortest_settings(self.entry), self.entry.name)

    def balance(self) -> BalancedSet:
        """Its answer, again."""
        *_, last = self.balancer.balance(self.given, seed=1)
        return last


def shortest_settings(entry: BalancerEntry) -> Mapping[str, object]:
    """Settings for a very short training of its generator, if it trains one."""
    if entry.training_section is None:
        return {}
    warm_start = {"warm_start_epochs": 1} if entry.variant and entry.variant.warm_start else {}
    return {entry.training_section: {"generator_steps": 2, "batch_size": 4, "milestones": [1], **warm_start}}


def _leaves_what_it_is_given(subject: BalancerSubject) -> None:
    _ = subject.versions
    given, untouched = subject.given, few_images(subject.shape)
    require(torch.equal(given.images[:], untouched.images[:]), "it changes the images passed to it")
    require(torch.equal(given.labels, untouched.labels), "it changes the labels passed to it")
    require(torch.equal(given.weights, untouched.weights), "it changes the weights passed to it")


def _ends_with_an_answer(subject: BalancerSubject) -> None:
    versions = subject.versions
    require(versions, "it yields nothing")
    require(
        all(isinstance(each, BalancedSet) for each in versions), "it yields something that is not a BalancedSet"
    )
    is_final = [each.is_final for each in versions]
    require(is_final[-1] and sum(is_final) == 1, "only the last version should be final")


def _keeps_types_and_ranges(subject: BalancerSubject) -> None:
    balanced = subject.answer.training
    require(balanced.shape == subject.shape, f"images of shape {tuple(balanced.images.shape)}")
    lengths = {len(column) for column in (balanced.images, balanced.labels, balanced.weights, balanced.synthetic)}
    require(len(lengths) == 1, f"columns of lengths {sorted(lengths)}")
    types = (balanced.images.dtype, balanced.labels.dtype, balanced.weights.dtype, balanced.synthetic.dtype)
    expected = (torch.float32, torch.int64, torch.float32, torch.bool)
    require(types == expected, f"types {types} of images, labels, weights and synthetic, and not {expected}")
    require(balanced.images[:].isfinite().all(), "images that are not finite")
    require(balanced.images[:].abs().max() <= 1, "images beyond [-1, 1]")
    require(balanced.weights.isfinite().all() and (balanced.weights >= 0).all(), "weights below 0 or not finite")
    require(balanced.classes == subject.given.classes, "other classes")
    require(not balanced.images[:].requires_grad, "images that require a gradient")


def _is_seeded(subject: BalancerSubject) -> None:
    first = subject.answer.training
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = subject.balance().training
    require(torch.equal(torch.get_rng_state(), state), "it changes torch's random state")
    same = torch.equal(first.images[:], second.images[:]) and torch.equal(first.weights, second.weights)
    require(same, "the same seed gives two different sets")


def _tells_real_from_made(subject: BalancerSubject) -> None:
    given, balanced = subject.given, subject.answer.training
    real = ~balanced.synthetic
    for image, label in zip(balanced.images[real], balanced.labels[real], strict=True):
        is_real = any(torch.equal(image, original) for original in given.of_class(int(label))[:])
        require(is_real, "an image that it generated, or of another class, counts as real")


def _grows_rare_classes_alone(subject: BalancerSubject) -> None:
    given, answer = subject.given, subject.answer
    if not subject.entry.adds_images:
        return
    balanced, number = answer.training, len(given)
    require(torch.equal(balanced.images[:number], given.images[:]), "the given images do not come first")
    counts = balanced.class_counts()
    require(
        counts == (max(counts),) * len(counts), f"classes of {list(counts)} images, with balance_to 1 and dose 1"
    )


def _plans_a_finite_loss(subject: BalancerSubject) -> None:
    balanced = subject.answer
    num_classes = len(subject.given.classes.names)
    logits = torch.zeros(len(balanced.training), num_classes, requires_grad=True)
    for progress in (0.0, 0.99):
        step = FittingStep(
            logits=logits,
            targets=balanced.training.labels,
            weights=balanced.training.weights,
            progress=progress,
        )
        loss = balanced.plan.loss(step)
        require(loss.shape == () and loss.dtype == torch.float32 and loss.isfinite(), f"a loss {loss}")
        loss.backward()  # type: ignore[no-untyped-call]
        require(logits.grad is not None and logits.grad.isfinite().all(), "a loss without a finite gradient")
    require(balanced.plan.adjusted(logits).shape == logits.shape, "adjusted to another shape")


def _is_written_and_read(subject: BalancerSubject) -> None:
    entry, balancer = subject.entry, subject.balancer
    dumped = {key: value for key, value in dump(balancer).items() if key != "name"}
    require(
        entry.parse(dumped, entry.name) == balancer, "its settings change when they are written and read again"
    )
    require(pickle.loads(pickle.dumps(balancer)) == balancer, "its settings change when they are sent to a worker")


def _says_whether_it_only_plans(subject: BalancerSubject) -> None:
    answer, given = subject.answer, subject.given
    same = len(answer.training) == len(given) and torch.equal(answer.training.images[:], given.images[:])
    leaves_images = same and not answer.wanted
    otherwise = f"only_plans is {subject.entry.only_plans}, but it {'leaves' if same else 'changes'} the images"
    require(subject.entry.only_plans == leaves_images, otherwise)


def _can_be_fitted_to(subject: BalancerSubject) -> None:
    answer = subject.answer
    fitted = fit(ClassifierConfig(batch_size=4), answer.training, steps=2, seed=1, plan=answer.plan)
    predicted = fitted.probabilities(subject.given.images)
    require(torch.allclose(predicted.sum(dim=1), torch.ones(len(subject.given))), "probabilities do not sum to 1")


BALANCER_PROMISES: Promises[BalancerSubject] = {
    "it does not change its arguments": _leaves_what_it_is_given,
    "it yields versions; only the last is final": _ends_with_an_answer,
    "its columns have the right types, shapes and ranges": _keeps_types_and_ranges,
    "equal seeds give equal sets": _is_seeded,
    "images marked as real are among the given images of their class": _tells_real_from_made,
    "if it adds images, rare classes are filled and the given images come first": _grows_rare_classes_alone,
    "its plan has a finite loss": _plans_a_finite_loss,
    "its settings can be written, read and sent to workers": _is_written_and_read,
    "`only_plans` says whether it leaves the images unchanged": _says_whether_it_only_plans,
    "a classifier can be fitted to its result": _can_be_fitted_to,
}
