"""A record stays small whatever a recipe asks for; what grows lies in the trial's arrays."""

import json
import random
from dataclasses import replace

import pytest

from gan_study.study.plan.config import parse_study
from gan_study.study.plan.planner import baseline_trials
from gan_study.study.plan.recipe import recipe_names, study_config
from gan_study.trainables.balancing.catalog import parse_balancing
from gan_study.trainables.base.settings import dump
from gan_study.trainables.records.limits import MOST_FAILURE_BYTES, MOST_RECORD_BYTES, limit_notes, restore_classes
from gan_study.trainables.records.record import (
    GanLength,
    GeneratedImages,
    Memorisation,
    Milestone,
    RungReached,
    SearchTrial,
    Seen,
    Selection,
    to_ranges,
)
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import array_path, failed_record
from gan_study.trainables.trial.purpose import Purpose
from tests.study.simulation import METRICS


@pytest.mark.parametrize("name", recipe_names())
def test_a_record_of_a_recipe_with_all_that_it_can_hold_is_small(name):
    assert len(fullest_record(study_config(name)).to_line()) <= MOST_RECORD_BYTES


# A class's name is the name of a folder: umlauts take six bytes each in JSON.
MANY = [f"Gemüse {number:03}, gekühlt" for number in range(1000)]


def study_of(num_classes):
    """A study that names so many classes wherever classes can be named."""
    names = MANY[:num_classes]
    counts = {"profile": "counts", "counts": dict.fromkeys(names, 20), "minority_classes": names[1:]}
    return parse_study({"name": "many", "data": {"name": "imagefolder", "classes": names}, "imbalance": counts})


# Lists of a few classes just fit, and stay.
@pytest.mark.parametrize("num_classes", [*range(2, 10), 1000])
def test_a_record_of_a_study_that_names_its_classes_is_small_and_names_its_trial(num_classes):
    study = study_of(num_classes)
    trial, record = next(iter(baseline_trials(study))), fullest_record(study)
    assert len(record.to_line()) <= MOST_RECORD_BYTES
    assert (record.config["data"]["classes"] == MANY[:num_classes]) == (num_classes < 5)
    assert (record.config["imbalance"]["counts"] == "1000 classes, listed in study.json") == (num_classes == 1000)
    plain = failed_record(trial.config, trial.purpose, reason="", imbalance_ratio=1.0)
    assert parse_trial(restore_classes(plain.config, dump(study))) == trial.config


def fullest_record(study):
    """A record of a trial of `study` with all that a record can hold."""
    trial = next(iter(baseline_trials(study)))
    config = replace(trial.config, balancing=parse_balancing({"name": "bagan_gp"}))
    blank = failed_record(config, Purpose(phase="confirm"), reason="", imbalance_ratio=100.0)
    names = (*METRICS, "a_package.a_long_module_of_mine:the_function")
    # Of 300 trials 32 are running.
    running = sorted(random.Random(0).sample(range(300), 32))
    return replace(
        blank,
        status="complete",
        scores={part: dict.fromkeys(names, 0.12345678901234567) for part in ("validation", "test")},
        num_fits=5,
        fit_spread=0.12345678901234567,
        objective=0.12345678901234567,
        baseline=0.12345678901234567,
        search=SearchTrial(
            number=299,
            params=dict.fromkeys((f"balancing/gan/{letter}@bagan_gp" for letter in "abcdefgh"), 0.00012345),
            rung=3,
            stage="half of the variants",
            seen=Seen(
                ended=to_ranges(set(range(300)) - set(running)),
                running=(RungReached(rung=1, numbers=to_ranges(running)),),
            ),
        ),
        selection=Selection(search_trials=100, trial_id="0123456789ab", validation_objective=0.123456789),
        milestones=tuple(Milestone(generator_steps=2**n, objective=0.12345678901234567) for n in range(8)),
        generated=GeneratedImages(balance_to=1.0, share_reached=1.0, num_made=50_000, num_passed=50_000),
        gan=GanLength(generator_steps=100_000, reason="converged", still_improving=False),
        memorisation=Memorisation(largest_copied_share=0.12345678901234567, flags=("collapsed", "copies")),
        arrays=array_path(blank.trial_id),
        notes=limit_notes(f"class {number}: a note with umlauts, äöü, {'x' * 300}" for number in range(60)),
        num_groups={"training": 1000, "validation": 1000, "test": 1000},
        seconds=dict.fromkeys(
            ("data", "balancing", "classifier", "evaluation", "quality", "test"), 123.4567890123
        ),
        environment={str(number): "x" * 40 for number in range(14)},
        finished_at="2026-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize("name", recipe_names())
def test_a_failed_record_of_a_recipe_is_small(name):
    trial = next(iter(baseline_trials(study_config(name))))
    reason = "RuntimeError: " + "ü" * 5000 + " on device 3"
    record = failed_record(trial.config, Purpose(phase="confirm"), reason=reason, imbalance_ratio=100.0)
    assert len(json.dumps(record.failure)) <= MOST_FAILURE_BYTES + 2
    assert record.failure.endswith(" on device 3")
    assert len(record.to_line()) <= MOST_RECORD_BYTES
