"""How many files somebody has to open who follows a trial in a debugger."""

import sys
from pathlib import Path
from types import FrameType

import pytest
import torch

from gan_study import Purpose, parse_trial, run_trial

# 30 when the rooms were made; what was added since takes part in every trial: limits of memory and of records,
# other packages' parts, checked arguments, images as bytes, lengths that end by themselves, and what GANs share
# with flows. A further file needs a reason.
MOST_FILES = 46


@pytest.mark.slow
def test_a_trial_with_a_dcgan_enters_few_files() -> None:
    rooms, entered = Path(__file__).parents[3] / "trainables", set()
    trial = parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits", "image_size": 16, "train_size": 400},
            "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3", "8"]},
            "classifier": {"epochs": 1},
            "balancing": {"name": "dcgan", "gan": {"epochs": 2}},
        }
    )

    def enter(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            entered.add(frame.f_code.co_filename)

    sys.setprofile(enter)
    try:
        *_, outcome = run_trial(trial, Purpose(phase="search"), device=torch.device("cpu"))
    finally:
        sys.setprofile(None)
    assert outcome.record.status == "complete"
    ours = {path for path in map(Path, entered) if path.resolve().is_relative_to(rooms)}
    assert 30 <= len(ours) <= MOST_FILES, sorted(path.name for path in ours)
