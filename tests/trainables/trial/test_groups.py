"""A set whose patients give the class away: only where they are on one side does validation say what is learnt."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_study.trainables.balancing.balancer import BalancedSet
from gan_study.trainables.data.images import training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.trial.config import TrialConfig, parse_trial
from gan_study.trainables.trial.data import add_held_back, held_out, prepare
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

PATIENTS, PICTURES = 24, 12


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of patients, each with a pattern of its own in all pictures, which says nothing of the class."""
    root = tmp_path_factory.mktemp("clinic")
    for patient in range(PATIENTS):
        rng = np.random.default_rng(patient)
        pattern = rng.integers(40, 216, (8, 8))
        folder = root / ("ill" if patient < 8 else "well") / f"p{patient:02d}"
        folder.mkdir(parents=True)
        for i in range(PICTURES):
            noisy = pattern + rng.integers(-30, 31, (8, 8))
            Image.fromarray(noisy.astype(np.uint8)).save(folder / f"{i}.png")
    return root


def trial(root: Path, *, seed: int = 0, **data: object) -> TrialConfig:
    return parse_trial(
        {
            "seed": seed,
            "data": {"name": "imagefolder", "root": str(root), "image_size": 8, "look_alikes": "apart", **data},
            "imbalance": {"profile": "natural"},
            "classifier": {"name": "mlp", "epochs": 40},
            "balancing": {"name": "none"},
            "evaluation": {"test": True},
        }
    )


def outcome(config: TrialConfig) -> TrialOutcome:
    *_, last = run_trial(config, Purpose(phase="confirm"), device=torch.device("cpu"), store={})
    assert isinstance(last, TrialOutcome)
    return last


@pytest.mark.slow
def test_scores_are_inflated_where_patients_are_divided_and_not_where_they_are_together(clinic: Path) -> None:
    def scores(**data: object) -> dict[str, float]:
        found = [outcome(trial(clinic, seed=seed, **data)).record.scores for seed in range(3)]
        return {
            part: float(np.mean([each[part]["balanced_accuracy"] or np.nan for each in found]))
            for part in ("validation", "test")
        }

    assert min(scores().values()) > 0.9
    assert max(scores(group="folder").values()) < 0.75


def test_the_record_counts_groups_and_says_nothing_of_them_where_there_are_none(clinic: Path) -> None:
    record = outcome(trial(clinic, group="folder")).record
    assert sum(record.num_groups.values()) == PATIENTS
    assert set(record.num_groups) == {"training", "validation", "test"}
    assert record.num_groups["test"] == 6
    assert outcome(trial(clinic)).record.num_groups == {}


def test_no_part_of_a_trial_shares_a_patient(clinic: Path) -> None:
    for seed in range(5):
        config = trial(clinic, seed=seed, group="folder")
        parts = prepare(config, image_source(config.data))
        assert not set(parts.training.groups or ()) & set(parts.validation.groups or ())


def test_images_that_were_held_back_come_from_no_patient_who_validates(clinic: Path) -> None:
    config = parse_trial(
        {
            "seed": 0,
            "data": {"name": "imagefolder", "root": str(clinic), "image_size": 8, "group": "folder"},
            "imbalance": {"profile": "step", "ratio": 6, "minority_classes": ["ill"]},
            "classifier": {"epochs": 1},
            "balancing": {"name": "none"},
        }
    )
    parts = prepare(config, image_source(config.data))
    units = parts.pool.units
    assert units is not None
    validating = set(units[parts.validating].tolist())
    training = training_set(parts.training, parts.classes, torch.device("cpu"))
    balanced = add_held_back(BalancedSet(training=training, wanted={0: 1000}), parts, seed=0)
    added = len(balanced.training) - len(training)
    free = parts.held_back[parts.pool.labels[parts.held_back] == 0]
    assert added == sum(unit not in validating for unit in units[free].tolist()) < len(free)
    assert len(held_out(parts, torch.device("cpu"))) > 0
