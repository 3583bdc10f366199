"""A study that adds seeds until it is decided, with a real Ray: killed between two rounds, and taken further."""

import json

import pytest
from rich.console import Console

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.records.select import arm_of
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import summarise_study
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import resume_study, run_study
from gan_study.study.run.summary_file import read_summary
from gan_study.study.watch.check import check_study
from gan_study.study.watch.journal import read_log
from gan_study.study.watch.status import study_status
from gan_study.trainables.base.settings import UserError

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [random_oversampling]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan=null",
    "search.parameters.balancing/gan/generator_steps@dcgan=null",
    "search.trials=0",
    "confirm={seeds: [1, 2], until: decided, most_seeds: 4, fits: 1}",
    # Each process that trains takes seconds to begin.
    "resources.max_concurrent=1",
)


def quiet():
    return RunOptions(console=Console(quiet=True))


def open_arms(study):
    """One method is open until it has three seeds."""
    found = [arm_of(record) for record in study.records if record.phase == "confirm"]
    return frozenset(arm for arm in found if arm.balancer == "class_weights" and found.count(arm) < 3)


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(verdicts, "open_arms", open_arms, raising=False)
    monkeypatch.setattr("gan_study.study.run.questions.is_decided", lambda root: False)


def kill(*_):
    raise UserError("killed")


def confirmed(trials):
    return sorted((record.balancer, record.seed) for record in trials if record.phase == "confirm")


def test_killed_between_rounds_and_then_taken_further(local_ray, planted_looks, planted, tmp_path, monkeypatch):
    root = tmp_path / "study"
    rounds = StudyFolder(root).rounds

    def killed_in(place, start):
        with monkeypatch.context() as patched:
            patched.setattr(place, kill)
            with pytest.raises(UserError, match="killed"):
                start()
        assert check_study(root).is_sound and not check_study(root).is_finished
        assert read_summary(StudyFolder(root)) == summarise_study(root), "status would load torch"
        return rounds.exists()

    # Once before it is on disk what follows the first round, and once after.
    config = study_config("quickstart", SETTINGS)
    verdict, told = (
        "gan_study.analysis.comparisons.verdicts.open_arms",
        "gan_study.study.run.drive.rounds_decided",
    )
    assert not killed_in(verdict, lambda: run_study(config, out=root, options=quiet()))
    assert killed_in(told, lambda: resume_study(root, options=quiet()))
    trials = resume_study(root, options=quiet()).trials
    first = [(name, seed) for name in ("class_weights", "none", "random_oversampling") for seed in (1, 2)]
    assert confirmed(trials) == sorted([*first, ("class_weights", 3), ("none", 3)])
    assert {(record.seed, record.selection.round) for record in trials if record.phase == "confirm"} == {
        *((1, 1), (2, 1), (3, 2)),
    }
    assert check_study(root).findings == () and check_study(root).is_finished
    assert not StudyFolder(root).cache.exists()
    assert "seeds: 3 in 2 rounds; no further round: cannot be decided" in study_status(root).lines()
    said = [line.values for line in read_log(StudyFolder(root).driver_log) if line.event == "rounds decided"]
    assert said[-1]["end"] == "cannot be decided"
    # A study that has ended resumes to itself; asked for more than its plan has, to so many for every method.
    assert resume_study(root, options=quiet()).trials == trials
    more = resume_study(root, options=quiet(), seeds=5).trials
    assert more[: len(trials)] == trials and check_study(root).findings == ()
    assert confirmed(more) == sorted((name, seed) for name, _ in first[::2] for seed in range(1, 6))
    changes = json.loads(StudyFolder(root).manifest.read_text())["changes"]
    assert [each["key"] for each in changes] == ["confirm.seeds", "confirm.most_seeds"]
