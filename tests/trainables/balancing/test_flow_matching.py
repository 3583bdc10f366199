"""Filling classes with images of a flow."""

import pytest
import torch

from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.balancing.flow_matching import FlowMatching
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import TrainingSet

QUICK = {"generator_steps": 4, "batch_size": 4, "width": 16, "sampler_steps": 1}


def flow_matching(**given: object) -> FlowMatching:
    flow = {**QUICK, **given.pop("flow", {})}  # type: ignore[dict-item]
    balancer = parse_balancing({"name": "flow_matching", "flow": flow, **given}).balancer
    assert isinstance(balancer, FlowMatching)
    return balancer


def test_one_flow_of_all_classes_fills_the_rare_ones(training: TrainingSet) -> None:
    (balanced,) = flow_matching().balance(training, seed=1)
    assert balanced.training.class_counts() == (6, 6, 6)
    assert list(balanced.gans) == ["all classes"]
    assert balanced.generator_steps == 4
    assert set(balanced.snapshots) == {1, 2}
    assert balanced.gans["all classes"].seconds > 0 and balanced.gans["all classes"].sampling_seconds > 0


def test_a_milestone_is_a_shorter_training(training: TrainingSet) -> None:
    on_the_way, last = flow_matching(flow={"milestones": [2]}).balance(training, seed=1)
    (short,) = flow_matching(flow={"generator_steps": 2}).balance(training, seed=1)
    assert (on_the_way.is_final, last.is_final) == (False, True)
    assert torch.equal(on_the_way.training.images, short.training.images)
    assert not torch.equal(last.training.images, short.training.images)


def test_it_may_work_at_another_size(training: TrainingSet) -> None:
    (balanced,) = flow_matching(image_size=12).balance(training, seed=1)
    assert balanced.training.shape == training.shape
    assert balanced.gans["all classes"].latent_size == 144


def test_a_smaller_dose_has_the_first_images_of_a_larger_one(training: TrainingSet) -> None:
    (half,), (whole,) = (flow_matching(dose=dose).balance(training, seed=1) for dose in (0.5, 1.0))
    for label in (1, 2):
        few, all_ = (
            each.training.images[each.training.synthetic & (each.training.labels == label)]
            for each in (half, whole)
        )
        assert 0 < len(few) < len(all_)
        assert torch.equal(few, all_[: len(few)])


def test_images_have_their_weight_and_the_plan_its_loss(training: TrainingSet) -> None:
    (balanced,) = flow_matching(synthetic_weight=0.25, plan="balanced_softmax").balance(training, seed=1)
    assert balanced.training.weights.tolist() == [1.0] * 11 + [0.25] * 7
    (plain,) = flow_matching().balance(training, seed=1)
    assert balanced.plan != plain.plan


def test_a_given_length_replaces_the_default_one() -> None:
    by_epochs = parse_balancing({"name": "flow_matching", "flow": {"epochs": 2}}).balancer
    assert isinstance(by_epochs, FlowMatching)
    assert (by_epochs.flow.generator_steps, by_epochs.flow.epochs) == (None, 2)
    assert by_epochs.flow.num_generator_steps(129) == 6  # 3 batches of 64 an epoch


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"widht": 32}, "balancing.flow.widht: unknown key; did you mean 'width'?"),
        ({"width": 20}, "balancing.flow.width: 20 cannot be used; "),
        ({"guidance": -1}, "balancing.flow.guidance: -1 cannot be used; "),
        ({"epochs": 2, "generator_steps": 3}, "balancing.flow: generator_steps is 3 and epochs is 2: set exactly"),
    ],
)
def test_a_mistake_is_named_in_one_line(flow: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_balancing({"name": "flow_matching", "flow": flow})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
