"""Decisions come back from their file as they were, and a damaged one is named."""

import pytest

from gan_study.study.plan.decisions import ConfirmFits, RungDecision, Suggestion
from gan_study.study.run.decision_store import DecisionStore, read_decisions
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.records.record import RungReached, Seen

SEEN = Seen(ended="0-3,7", running=(RungReached(rung=1, numbers="4"),))
DECISIONS = (
    Suggestion(
        number=0, stage="search", balancer="dcgan", ratio=10.0, params={"a": 1e-4}, seed=0, fits=3, seen=SEEN
    ),
    RungDecision(number=0, rung=1, goes_on=False, seen=SEEN),
    ConfirmFits(fits=2),
)


@pytest.fixture
def path(tmp_path):
    store = DecisionStore(tmp_path / "decisions.jsonl")
    assert store.decisions == ()
    for decision in DECISIONS:
        store.append(decision)
    return tmp_path / "decisions.jsonl"


def test_decisions_are_read_as_they_were_written(path):
    assert read_decisions(path) == DecisionStore(path).decisions == DECISIONS


def test_a_line_that_was_not_written_to_its_end_is_cut_off(path):
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert DecisionStore(path).decisions == DECISIONS
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('{"kind": "guess"}', "kind"),
        ('{"kind": "judgement", "number": 0, "rung": 1, "goes_on": 3, "seen": {}}', "goes_on: 3 cannot be used"),
    ],
)
def test_a_damaged_line_is_named(path, line, reason):
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ConfigError, match=f"decisions.jsonl:4 is damaged: .*{reason}"):
        read_decisions(path)


def test_a_suggestion_that_is_not_the_next_is_damage(path):
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    with pytest.raises(ConfigError, match="number: 0, not 1"):
        read_decisions(path)
