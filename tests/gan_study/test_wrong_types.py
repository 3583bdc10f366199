"""Public functions, given what they cannot use: one line that names the argument, before anything is done."""

import traceback

import numpy as np
import pytest
import torch

import gan_study as public
from gan_study.trainables.base.settings import UserError

# The caller, the function and what checks its arguments.
MOST_FRAMES = 6
IMAGES = [(torch.zeros(1, 8, 8), n % 2) for n in range(4)]
SAMPLER = public.ImageOverSampler("duplicates")

TRIAL = {
    "seed": 1,
    "data": {"name": "digits", "image_size": 16},
    "imbalance": {"profile": "step", "ratio": 5, "minority_classes": ["3"]},
    "classifier": {"epochs": 1},
    "balancing": {"name": "none"},
}


def run_trial(purpose, *, device="cpu"):
    return list(public.run_trial(public.parse_trial(TRIAL), purpose, device=torch.device(device)))


CASES = {
    "name_or_path": lambda: public.study_config(None),
    "assignments": lambda: public.study_config("quickstart", [3]),
    "assignments ": lambda: public.study_config("quickstart", "scale=ci"),
    "assignments  ": lambda: public.study_config("quickstart", (each for each in [3])),
    "config": lambda: public.run_study("quickstart"),
    "out": lambda: public.run_study(public.study_config("quickstart"), out=3),
    "options": lambda: public.run_study(public.study_config("quickstart"), options={"address": None}),
    "root": lambda: public.resume_study(None),
    "seeds": lambda: public.resume_study("nowhere", seeds="3"),
    "trials": lambda: public.resume_study("nowhere", trials=True),
    "until_decided": lambda: public.resume_study("nowhere", until_decided="no"),
    "retry_failed": lambda: public.resume_study("nowhere", retry_failed=1),
    "time_budget_seconds": lambda: public.RunOptions(time_budget_seconds="3m"),
    "began_at": lambda: public.RunOptions(began_at=float("nan")),
    "address": lambda: public.RunOptions(address=6379),
    "study": lambda: public.export_balanced(None, "made"),
    "about": lambda: public.export_balanced("nowhere", "made", about=3),
    "allow_collapsed": lambda: public.export_balanced("nowhere", "made", allow_collapsed="yes"),
    "folder": lambda: public.load_study(np.zeros((3, 3))),
    "folder ": lambda: public.load_generator(3),
    "folder  ": lambda: public.retrain([]),
    "values": lambda: public.parse_trial([1]),
    "seed": lambda: public.parse_trial({"seed": object()}),
    "phase": lambda: public.Purpose(phase="x"),
    "ratio": lambda: public.StepImbalance(ratio="ten"),
    "rato": lambda: public.StepImbalance(rato=3),
    "name": lambda: public.StudyConfig(name=3),
    "search": lambda: public.StudyConfig(name="x", imbalance={"profile": "step"}, search="x"),
    "config ": lambda: public.run_trial({}, public.Purpose(phase="search"), device=torch.device("cpu")),
    "device": lambda: run_trial(public.Purpose(phase="baseline"), device="meta"),
    "study ": lambda: public.terminal_summary("nowhere"),
    "name ": lambda: public.torch_data_set(3, list),
    "train": lambda: public.torch_data_set("x", [1]),
    "class_names": lambda: public.torch_data_set("x", list, class_names="ab"),
    "sampler": lambda: public.BalancedDataset(IMAGES, "smote"),
    "real": lambda: public.BalancedDataset(3, SAMPLER),
    "real ": lambda: public.BalancedDataset([], SAMPLER),
    "real/0": lambda: public.BalancedDataset([image for image, _ in IMAGES], SAMPLER),
    "real  ": lambda: public.BalancedDataset([*IMAGES, (torch.zeros(1, 9, 8), 1)], SAMPLER),
    "label": lambda: public.BalancedDataset([(image, None) for image, _ in IMAGES], SAMPLER),
}


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_used_is_named_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UserError, TypeError, ValueError)) as error:
        CASES[name]()
    assert "\n" not in str(error.value)
    assert str(error.value).split()[0].rstrip(":") == name.strip()
    assert len(traceback.extract_tb(error.tb)) <= MOST_FRAMES
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("metric", ["f1", "", "expected_cost"])
def test_a_trial_of_no_metric_is_refused_before_it_is_run(metric):
    with pytest.raises(UserError, match=r"^objective: .*(is unknown|needs costs)"):
        run_trial(public.Purpose(phase="baseline", metric=metric))


def test_an_empty_path_is_not_the_current_folder_and_a_file_is_no_folder(tmp_path):
    for read in (public.load_study, public.load_generator, public.retrain, public.resume_study):
        with pytest.raises(UserError, match="a path is empty"):
            read("")
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(UserError, match=r"is not a study|is a file"):
        public.load_study(tmp_path / "study.json")
    with pytest.raises(UserError, match="is a file; the folder of a study is needed"):
        public.resume_study(tmp_path / "study.json")
