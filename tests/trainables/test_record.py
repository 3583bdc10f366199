import json
from dataclasses import fields

import pytest

from gan_study.trainables.record import (
    MOST_NOTES_BYTES,
    Digests,
    GanLength,
    GeneratedImages,
    Memorisation,
    Milestone,
    RecordError,
    RungReached,
    SearchStep,
    Seen,
    Stop,
    TrialRecord,
    limit_notes,
    read_header,
    read_line,
    restore_classes,
    shorten,
    to_ranges,
)

RECORD = TrialRecord(
    trial_id="a1",
    setting_id="b2",
    phase="search",
    status="complete",
    dataset="digits",
    classifier="simple_cnn",
    balancer="dcgan",
    imbalance_ratio=10,
    seed=3,
    config={"seed": 3, "deep": {"list": [1, None, "x"]}},
    digests=Digests(pool="0a", test="1b", configuration="2c", code="3d"),
    num_fits=5,
    fit_spread=0.01,
    scores={"validation": {"minority_f1": 0.5, "roc_auc": None}},
    search=SearchStep(
        number=17,
        params={"balancing/gan/generator_steps": 40},
        rung=2,
        stage="half of the variants",
        seen=Seen(ended="0-14,17", running=(RungReached(rung=1, numbers="15-16"),)),
    ),
    stop=Stop(rung=2, reason="falls behind", seen=Seen(ended="0-14")),
    milestones=(Milestone(generator_steps=5, objective=-0.25),),
    generated=GeneratedImages(balance_to=0.5, share_reached=0.5, num_made=90, num_passed=80, filter="copies"),
    gan=GanLength(generator_steps=2000, reason="cap", still_improving=True, pretrained_on="all classes"),
    memorisation=Memorisation(largest_copied_share=0.1, fewest_distinct=24, flags=("collapsed",)),
    num_groups={"training": 12, "test": 4},
    arrays="artifacts/a1.npz",
    seconds={"data": 0.5},
    finished_at="2026-01-01",
)


def test_a_line_reads_back_as_the_same_record() -> None:
    line = RECORD.to_line()
    assert "\n" not in line
    assert read_line(line, where="here") == RECORD


def test_what_is_not_known_has_a_default() -> None:
    needed = {"trial_id", "setting_id", "phase", "status", "dataset", "classifier", "balancer"}
    needed |= {"imbalance_ratio", "seed", "config", "schema_version"}
    values = {name: value for name, value in json.loads(RECORD.to_line()).items() if name in needed}
    found = read_line(json.dumps(values), where="here")
    as_given = {each.name for each in fields(found) if getattr(found, each.name) == getattr(RECORD, each.name)}
    # Those that are as empty here as by default are among them.
    assert as_given == needed | {
        "attempt",
        "failure",
        "objective",
        "baseline",
        "selection",
        "notes",
        "environment",
    }
    assert (found.num_fits, found.gan, found.generated, found.arrays) == (1, None, None, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (RECORD.to_line()[:-5], "records:7: not JSON"),
        ("[1, 2]", "records:7: not a JSON object"),
        ("{}", "records:7: schema version None"),
        (RECORD.to_line().replace('"schema_version": 2', '"schema_version": 99'), "records:7: schema version 99"),
        (
            RECORD.to_line().replace('"schema_version": 2', '"schema_version": 1'),
            "records:7: written by gan-study 0.1.0, whose studies this version does not read",
        ),
        (
            RECORD.to_line().replace('"status": "complete"', '"status": "done"'),
            "records:7: status: 'done' cannot be used",
        ),
        (
            RECORD.to_line().replace("artifacts/a1.npz", "../a1.npz"),
            "records:7: arrays: '../a1.npz' leads out of the study's folder",
        ),
        (
            RECORD.to_line().replace('"minority_f1": 0.5', '"minority_f1": 1e308'),
            "records:7: scores.validation.minority_f1: a score lies between -1e+100 and 1e+100",
        ),
    ],
)
def test_anything_else_is_refused_by_line(line: str, message: str) -> None:
    with pytest.raises(RecordError) as error:
        read_line(line, where="records:7")
    assert str(error.value).startswith(message)


def test_a_header_without_a_version_is_of_the_first() -> None:
    with pytest.raises(RecordError, match=r"written by gan-study 0\.1\.0"):
        read_header(b'{"name": "x", "study_id": "0123abcd", "created_at": "", "config": {}, "environment": {}}')


def test_the_outcome_leaves_out_what_two_equal_runs_differ_in() -> None:
    assert {"seconds", "environment", "finished_at"}.isdisjoint(RECORD.outcome())
    assert RECORD.outcome()["scores"]["validation"]["minority_f1"] == 0.5


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [([], ""), ([3], "3"), ([2, 1, 0], "0-2"), ([*range(15), 17], "0-14,17"), ([1, 3, 4, 9], "1,3-4,9")],
)
def test_numbers_are_told_as_ranges(numbers: list[int], ranges: str) -> None:
    assert to_ranges(numbers) == ranges


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    assert shorten("short", 20) == "short"
    found = shorten("RuntimeError: " + "x" * 100 + " on device 3", 40)
    assert 34 <= len(found) <= 40
    assert found.startswith("RuntimeErr")
    assert found.endswith("on device 3")
    # Six bytes each in JSON.
    assert 100 <= len(json.dumps(shorten("ü" * 600, 120))) <= 122


def test_notes_have_room_or_are_counted() -> None:
    assert limit_notes(["a", "b", "a"]) == ("a", "b")
    found = limit_notes([f"class {number}: {'x' * 200}" for number in range(100)])
    assert len(json.dumps(found)) < MOST_NOTES_BYTES + 200
    assert found[-1] == f"{100 - len(found) + 1} more notes, for which the record has no room"


def test_a_list_of_classes_that_the_study_does_not_have_stays_a_text() -> None:
    """So that whoever parses the configuration says what is wrong with it, whatever a file holds."""
    config = {"data": {"classes": "9 classes, listed in study.json"}, "imbalance": "none"}
    assert restore_classes(config, {"data": {}, "imbalance": {}}) == config
    assert restore_classes(config, {"data": {"classes": ["a"]}})["data"] == {"classes": ["a"]}
    assert restore_classes({"seed": 1}, {}) == {"seed": 1}
