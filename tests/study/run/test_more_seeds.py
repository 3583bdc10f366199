"""`--seeds`: within a study's plan, beyond it, for a study of a fixed size, and where there is nothing to add."""

import json

import pytest

from gan_study.analysis.records.load import load_study
from gan_study.study.plan.config import parse_study
from gan_study.study.plan.rounds import Rounds, SeedRound, all_arms, known_rounds, read_rounds, write_rounds
from gan_study.study.plan.trials import num_trials
from gan_study.study.run.folder import create_study_folder, read_manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.more_seeds import check_until_decided, take_to_seeds
from gan_study.trainables.base.settings import ConfigError
from tests.study.plan.test_planner import STUDY

pytestmark = pytest.mark.usefixtures("planted_looks")

NUM_ARMS = 14


def begin(root, **confirm):
    config = parse_study({**STUDY, "confirm": {"seeds": [1, 2, 3], **confirm}})
    create_study_folder(root, config, {})
    return StudyFolder(root), config


@pytest.fixture
def decided(tmp_path):
    """A study of at most 12 seeds that was given up after 4; its looks are at 3, 4, 5, 6, 7, 8, 10 and 12."""
    folder, config = begin(tmp_path / "study", until="decided", most_seeds=12)
    arms = all_arms(config)
    rounds = (SeedRound(seeds=(1, 2, 3), arms=arms), SeedRound(seeds=(4,), arms=arms[:3]))
    write_rounds(folder.rounds, Rounds(rounds=rounds, end="cannot be decided"))
    return folder


def header(folder):
    return json.loads(folder.manifest.read_text())


def test_within_the_plan_rounds_continue_and_nothing_is_changed(decided):
    before, written = header(decided), read_rounds(decided.rounds)
    manifest = take_to_seeds(decided.root, 8)
    assert header(decided) == before
    rounds = read_rounds(decided.rounds)
    assert (rounds.rounds, rounds.end, rounds.asked_seeds) == (written.rounds, None, 8)
    assert num_trials(manifest.config, rounds).is_most


def test_beyond_the_plan_every_arm_gets_the_seeds_and_the_study_says_so(decided):
    before = header(decided)
    manifest = take_to_seeds(decided.root, 14)
    after = header(decided)
    assert manifest == read_manifest(decided.root)
    assert manifest.config.confirm.seeds == tuple(range(1, 15))
    changes = [(each["key"], each["before"], each["after"]) for each in after.pop("changes")]
    assert changes == [
        ("confirm.seeds", [1, 2, 3], list(range(1, 15))),
        ("confirm.most_seeds", 12, 14),
    ]
    # How the study comes to its verdicts stays as it was written.
    confirm = {**before["config"]["confirm"], "seeds": list(range(1, 15)), "most_seeds": 14}
    # The seal and the configuration's digest follow what was changed.
    for each in (before, after):
        del each["seal"], each["digests"]["configuration"]
    assert {**after, "changes": []} == {**before, "config": {**before["config"], "confirm": confirm}}
    rounds = known_rounds(manifest.config, read_rounds(decided.rounds))
    assert [each.seeds for each in rounds.rounds] == [(1, 2, 3), (4,), tuple(range(5, 15))]
    assert len(rounds.rounds[-1].arms) == NUM_ARMS and rounds.end is None


def test_a_study_of_a_fixed_size_gets_one_more_round_and_says_so(tmp_path):
    folder, config = begin(tmp_path / "study")
    number = num_trials(config, None).number
    for seeds, sizes in ((5, [3, 2]), (6, [3, 2, 1])):
        config = take_to_seeds(folder.root, seeds).config
        rounds = known_rounds(config, read_rounds(folder.rounds))
        assert [len(each.seeds) for each in rounds.rounds] == sizes
        assert num_trials(config, rounds).number == number + NUM_ARMS * (seeds - 3)
    changes = [(each.key, each.before, each.after) for each in load_study(folder.root).changes]
    assert changes == [
        ("confirm.seeds", [1, 2, 3], [1, 2, 3, 4, 5]),
        ("confirm.seeds", [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]),
    ]


@pytest.mark.parametrize("seeds", [1, 3, 4])
def test_as_many_seeds_as_there_are_is_one_line(decided, seeds):
    before = header(decided), decided.rounds.read_bytes()
    with pytest.raises(ConfigError, match=f"^--seeds {seeds}: the study already has 4 seeds; ask for more$"):
        take_to_seeds(decided.root, seeds)
    assert (header(decided), decided.rounds.read_bytes()) == before


def test_the_plan_says_after_how_many_seeds_it_looks(decided):
    with pytest.raises(ConfigError, match=r"--seeds 9: .* after 3, 4, 5, 6, 7, 8, 10, 12 seeds"):
        take_to_seeds(decided.root, 9)


def test_killed_between_its_two_files_a_change_can_be_made_again(tmp_path, monkeypatch):
    """What was written first says what there is already, and changes nothing."""
    folder, config = begin(tmp_path / "study")
    with monkeypatch.context() as patched:
        patched.setattr("gan_study.study.run.more_seeds.change_manifest", lambda *change: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            take_to_seeds(folder.root, 5)
    assert known_rounds(config, read_rounds(folder.rounds)) == known_rounds(config, None)
    assert take_to_seeds(folder.root, 5).config.confirm.seeds == (1, 2, 3, 4, 5)


def test_a_study_is_begun_until_decided_or_not_at_all(tmp_path):
    _, fixed = begin(tmp_path / "fixed")
    with pytest.raises(ConfigError, match=r"has a fixed number of seeds; .* --seeds N"):
        check_until_decided(fixed)
    check_until_decided(begin(tmp_path / "decided", until="decided")[1])


def test_more_seeds_than_any_study_needs_are_refused(tmp_path):
    folder, _ = begin(tmp_path / "study")
    before = folder.manifest.read_bytes()
    with pytest.raises(ConfigError, match=r"^--seeds 1000000000: a study can have at most 1000 seeds"):
        take_to_seeds(folder.root, 10**9)
    assert folder.manifest.read_bytes() == before
