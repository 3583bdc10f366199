"""A trial of scikit-learn's digits, which takes a moment."""

import torch

from gan_study.trainables.records.record import SearchTrial
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import TrialOutcome
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.run import run_trial

TRIAL = {
    "seed": 1,
    "data": {"name": "digits", "image_size": 16},
    "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3", "8"]},
    "classifier": {"epochs": 1},
    "balancing": {"name": "none"},
}
SEARCH = Purpose(phase="search", baseline=0.25, search=SearchTrial(number=0, params={}))
GAN = {"name": "vanilla_gan", "gan": {"generator_steps": 4}}

# The classifiers that measure images are trained once for all tests that do not ask about them.
MEASURING = {}


def config(**changes):
    return parse_trial({**TRIAL, **changes})


def outcome(trial, purpose=SEARCH):
    *_, last = run_trial(trial, purpose, device=torch.device("cpu"), store=MEASURING)
    assert isinstance(last, TrialOutcome)
    return last
