"""What the analysis answers, in the planner's words."""

from types import SimpleNamespace

import pytest

from gan_study.analysis.comparisons import verdicts
from gan_study.analysis.records import load, select
from gan_study.study.plan.config import Arm
from gan_study.study.run import questions


@pytest.fixture(autouse=True)
def read_study(monkeypatch):
    monkeypatch.setattr(load, "load_study", lambda root: f"study in {root}")


def test_an_open_arm_is_a_balancer_at_a_ratio_of_the_study(monkeypatch):
    def open_arms(study):
        assert study == "study in here"
        return frozenset(
            {select.Arm("digits", "simple_cnn", 5.5, "dcgan"), select.Arm("digits", "simple_cnn", 20.0, "smote")}
        )

    monkeypatch.setattr(verdicts, "open_arms", open_arms, raising=False)
    found = questions.open_arms("here", {5: 5.5, 20: 20.0})
    assert found == {Arm(balancer="dcgan", ratio=5), Arm(balancer="smote", ratio=20)}
    monkeypatch.setattr(verdicts, "open_arms", lambda study: {select.Arm("digits", "simple_cnn", 5.5, "dcgan")})
    assert questions.open_arms("here", {None: 5.5}) == {Arm(balancer="dcgan", ratio=None)}


@pytest.mark.parametrize(
    ("found", "decided"),
    [(["helps", "undecided"], False), (["helps", "hurts", "no worthwhile difference"], True), ([], False)],
)
def test_it_is_decided_once_no_verdict_is_open(monkeypatch, found, decided):
    compared = [SimpleNamespace(is_decided=verdict != "undecided") for verdict in found]
    monkeypatch.setattr(verdicts, "comparisons", lambda study: compared)
    assert questions.is_decided("here") == decided
