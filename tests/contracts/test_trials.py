"""What every balancer and every classifier keeps to when a whole trial is run with it."""

from functools import cache

import numpy as np
import pytest
import torch

from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.records.arrays import ARRAYS, ArrayFile, to_bytes
from gan_study.trainables.records.limits import MOST_RECORD_BYTES
from gan_study.trainables.records.record import read_line
from gan_study.trainables.runtime.cache import State
from gan_study.trainables.trial import run
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial
from tests.members import each
from tests.outcomes import content, view

pytestmark = pytest.mark.usefixtures("few_domain_steps")

CPU = torch.device("cpu")

# The classifiers that measure images are the same for all, and take longer to train than a trial.
MEASURING: dict[str, State] = {}


@cache
def outcome(balancer="none", classifier="simple_cnn", repetition=0, device=CPU, fits=1):
    warm_start = {"warm_start_epochs": 1} if balancer in VARIANTS and VARIANTS[balancer].warm_start else {}
    section = BALANCERS[balancer].training_section
    settings = {section: {"epochs": 1, **warm_start}} if section else {}
    config = parse_trial(
        {
            "seed": 5,
            "evaluation": {"test": True, "fits": fits},
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
def test_a_record_is_complete_and_reads_back(balancer, tmp_path):
    record, trial = outcome(balancer).record, view(outcome(balancer))
    (tmp_path / "arrays.npz").write_bytes(to_bytes(outcome(balancer).arrays))
    stored = ArrayFile(tmp_path / "arrays.npz")
    assert stored.keys() == outcome(balancer).arrays.keys()
    for name, array in outcome(balancer).arrays.items():
        np.testing.assert_array_equal(stored[name], array, strict=True)
    assert len(record.to_line()) <= MOST_RECORD_BYTES
    assert record.status == "complete"
    assert read_line(record.to_line(), where="here") == record
    for part in ("validation", "test"):
        assert all(0 <= value <= 1 for value in record.scores[part].values())
        confusion = trial.class_scores(part).confusion_matrix
        assert confusion.sum() == sum(getattr(trial.class_counts, part))


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_all_are_compared_on_the_same_images(balancer):
    record, none = view(outcome(balancer)), view(outcome())
    assert record.setting_id == none.setting_id
    for counts in ("available", "imbalanced", "training", "validation", "test"):
        assert getattr(record.class_counts, counts) == getattr(none.class_counts, counts)


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_equal_seeds_give_equal_trials(balancer):
    first, second = outcome(balancer), outcome(balancer, repetition=1)
    assert first is not second
    assert first.record.outcome() == second.record.outcome()
    assert content(first) == content(second)


@pytest.mark.parametrize("balancer", each(BALANCERS))
def test_a_second_fit_has_a_seed_of_its_own_and_leaves_the_first_as_it_was(balancer, monkeypatch, tmp_path):
    seeds, fit = [], run.fit
    monkeypatch.setattr(run, "fit", lambda *args, **named: (seeds.append(named["seed"]), fit(*args, **named))[1])
    single, double = outcome(balancer), outcome(balancer, fits=2)
    # Those of every other balancer too: fits are pairs.
    assert seeds[-2:] == [derive_seed(5, "classifier"), derive_seed(5, "classifier", 1)]
    by_fit = {name for name in double.arrays if "fits" in ARRAYS[name].axes}
    assert {name for name in by_fit if name.startswith("classifier/")} == {
        f"classifier/{name}" for name in ("training_loss", "validation_loss", "seconds")
    }
    for name, array in double.arrays.items():
        if name in by_fit:
            assert len(array) == 2
            array = array[:1]
        if not ARRAYS[name].is_time:
            np.testing.assert_array_equal(array, single.arrays[name], strict=True)
    for part in ("validation", "test"):
        first, second = double.arrays[f"{part}/probabilities"]
        assert not np.array_equal(first, second)
        means = dict(
            zip(double.arrays["scores/metrics"], double.arrays[f"{part}/overall"].mean(axis=0), strict=True)
        )
        assert double.record.scores[part] == pytest.approx(means)
    assert double.record.num_fits == 2
    assert len(double.record.to_line()) <= MOST_RECORD_BYTES
    (tmp_path / "arrays.npz").write_bytes(to_bytes(double.arrays))
    assert ArrayFile(tmp_path / "arrays.npz").find_damage() is None


@pytest.mark.parametrize("balancer", each(name for name, entry in BALANCERS.items() if entry.trains_generator))
def test_a_generator_fills_the_minority_and_shows_its_images(balancer):
    trial = view(outcome(balancer))
    counts = trial.class_counts
    assert all(counts.balanced[label] == max(counts.training) for label in (3, 8))
    assert set(trial.losses) in ({"3", "8"}, {"all classes"})
    for name, losses in trial.losses.items():
        # A mean for each 16 generator steps, and for what is left of them.
        assert len(losses.generator) == len(losses.discriminator) == -(-trial.gan_lengths[name] // 16)
    assert set(trial.samples) == {"3", "8"}
    assert trial.gan.reason == "fixed"
    assert (trial.generated.num_made, trial.generated.share_reached) == (sum(counts.synthetic), 1.0)


@pytest.mark.parametrize("classifier", each(CLASSIFIERS))
def test_every_classifier_makes_a_complete_record(classifier):
    record = outcome(classifier=classifier).record
    assert record.status == "complete"
    assert record.classifier == classifier
    trial = view(outcome(classifier=classifier))
    assert trial.class_scores("test").confusion_matrix.sum() == sum(trial.class_counts.test)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(
    ("balancer", "classifier"), [*((b, "simple_cnn") for b in BALANCERS), *(("none", c) for c in CLASSIFIERS)]
)
def test_a_gpu_takes_the_trials_of_a_cpu(balancer, classifier):
    on_gpu, on_cpu = (view(outcome(balancer, classifier, device=device)) for device in (torch.device("cuda"), CPU))
    assert on_gpu.status == "complete"
    assert on_gpu.class_counts == on_cpu.class_counts
    assert set(on_gpu.quality) == set(on_cpu.quality)
