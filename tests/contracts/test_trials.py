"""What every balancer and every classifier keeps to when a whole trial is run with it."""

from functools import cache

import pytest
import torch

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.record import read_line
from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.run import Purpose, TrialOutcome, run_trial
from tests.members import each

pytestmark = pytest.mark.usefixtures("few_domain_steps")

CPU = torch.device("cpu")

# The classifiers that measure images are the same for all, and take longer to train than a trial.
MEASURING: dict[str, State] = {}


@cache
def outcome(balancer="none", classifier="simple_cnn", repetition=0, device=CPU):
    warm_start = {"warm_start_epochs": 1} if balancer in VARIANTS and VARIANTS[balancer].warm_start else {}
    settings = {"gan": {"epochs": 1, **warm_start}} if BALANCERS[balancer].is_gan else {}
    config = parse_trial(
        {
            "seed": 5,
            "evaluation": {"test": True},
            "data": {"name": "digits", "image_size": 16, "train_size": 400},
            "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3", "8"]},
            "classifier": {"name": classifier, "epochs": 1},
            "balancing": {"name": balancer, **settings},
        }
    )
    *_, last = run_trial(config, Purpose(phase="confirm"), device=device, store=MEASURING)
    assert isinstance(last, TrialOutcome)
    return last


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_a_record_is_complete_and_reads_back(balancer):
    record = outcome(balancer).record
    assert record.status == "complete"
    assert read_line(record.to_line(), where="here") == record
    for part in ("validation", "test"):
        scores = record.scores[part]
        assert all(0 <= value <= 1 for value in scores.overall.values())
        assert sum(map(sum, scores.confusion_matrix)) == sum(getattr(record.class_counts, part))


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_all_are_compared_on_the_same_images(balancer):
    record, none = outcome(balancer).record, outcome().record
    assert record.setting_id == none.setting_id
    for counts in ("available", "imbalanced", "training", "validation", "test"):
        assert getattr(record.class_counts, counts) == getattr(none.class_counts, counts)


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_equal_seeds_give_equal_trials(balancer):
    first, second = outcome(balancer), outcome(balancer, repetition=1)
    assert first is not second
    assert first.record.outcome() == second.record.outcome()
    assert first.files == second.files


@pytest.mark.parametrize("balancer", each(name for name, entry in BALANCERS.items() if entry.is_gan))
def test_a_gan_fills_the_minority_and_shows_its_images(balancer):
    result = outcome(balancer)
    counts = result.record.class_counts
    assert all(counts.balanced[label] == max(counts.training) for label in (3, 8))
    assert set(result.record.losses) in ({"3", "8"}, {"all classes"})
    assert all([loss.epoch for loss in losses] == [1] for losses in result.record.losses.values())
    assert "samples" in result.files


@pytest.mark.parametrize("classifier", each(CLASSIFIERS))
def test_every_classifier_makes_a_complete_record(classifier):
    record = outcome(classifier=classifier).record
    assert record.status == "complete"
    assert record.classifier == classifier
    assert sum(map(sum, record.scores["test"].confusion_matrix)) == sum(record.class_counts.test)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(
    ("balancer", "classifier"), [*((b, "simple_cnn") for b in BALANCERS), *(("none", c) for c in CLASSIFIERS)]
)
def test_a_gpu_takes_the_trials_of_a_cpu(balancer, classifier):
    record = outcome(balancer, classifier, device=torch.device("cuda")).record
    assert record.status == "complete"
    assert record.class_counts == outcome(balancer, classifier).record.class_counts
    assert set(record.generated) == set(outcome(balancer, classifier).record.generated)
