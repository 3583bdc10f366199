import json
import os
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
import torch

from gan_study.trainables.base.seal import seal_of
from gan_study.trainables.records.limits import MOST_NOTES_BYTES, limit_notes, restore_classes, shorten
from gan_study.trainables.records.provenance import COMPARED, differences_from, mixtures
from gan_study.trainables.records.record import (
    Digests,
    GanLength,
    GeneratedImages,
    Memorisation,
    Milestone,
    RecordError,
    RungReached,
    SearchTrial,
    Seen,
    Stop,
    TrialRecord,
    find_fault,
    read_line,
    to_ranges,
)
from gan_study.trainables.records.study_header import is_as_written, is_sealed, read_header
from gan_study.trainables.runtime.environment import environment, machine_kind

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
    config={"seed": 3, "balancing": {"name": "dcgan"}, "deep": {"list": [1, None, "x"]}},
    digests=Digests(pool="0a", test="1b", configuration="2c", code="3d"),
    num_fits=5,
    fit_spread=0.01,
    scores={"validation": {"minority_f1": 0.5, "roc_auc": None}},
    search=SearchTrial(
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
    arrays_digest="0123456789ab",
    seconds={"data": 0.5},
    finished_at="2026-01-01",
)


def test_a_line_reads_back_as_the_same_record() -> None:
    line = RECORD.to_line()
    assert "\n" not in line
    assert read_line(line, where="here") == RECORD


def test_an_edit_of_any_field_of_a_record_is_found() -> None:
    line = replace(RECORD, study_id="cafe").to_line()
    written = json.loads(line)

    def fault(values: object) -> str | None:
        return find_fault(json.dumps(values), study_id="cafe", has_seals=True)

    # Another order or layout is no edit.
    assert fault(written) is None and fault(dict(reversed(written.items()))) is None
    edited = [*edits(written)]
    assert len(edited) > 60
    assert {fault(each) for each in edited} == {"was edited after it was written"}
    assert fault({key: value for key, value in written.items() if key != "seal"}) is not None
    assert "belongs to another study, cafe" in str(find_fault(line, study_id="babe", has_seals=True))


def edits(value: object) -> Iterator[object]:
    """JSON that differs from `value` in one place, each place once."""
    if isinstance(value, dict) and value:
        for key in value:
            yield from ({**value, key: inner} for inner in edits(value[key]))
    elif isinstance(value, list) and value:
        for place, each in enumerate(value):
            yield from ([*value[:place], inner, *value[place + 1 :]] for inner in edits(each))
    else:
        yield "edited" if value != "edited" else 1


def test_what_is_not_known_has_a_default() -> None:
    needed = {"trial_id", "setting_id", "phase", "status", "dataset", "classifier", "balancer"}
    needed |= {"imbalance_ratio", "seed", "config", "schema_version"}
    values = {name: value for name, value in json.loads(RECORD.to_line()).items() if name in needed}
    assert find_fault(json.dumps(values), study_id="any", has_seals=False) is None
    found = read_line(json.dumps(values), where="here")
    as_given = {each.name for each in fields(found) if getattr(found, each.name) == getattr(RECORD, each.name)}
    # Those that are as empty here as by default are among them.
    assert as_given == needed | {
        "study_id",
        "attempt",
        "failure",
        "objective",
        "baseline",
        "selection",
        "notes",
        "environment",
        "frozen_baseline",
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
            "records:7: written by gan-study 0.1.0, whose studies this version cannot read",
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
    assert found[-1] == f"{100 - len(found) + 1} more notes that do not fit into the record"


def test_a_list_of_classes_that_the_study_does_not_have_stays_a_text() -> None:
    """So that whoever parses the configuration says what is wrong with it, whatever a file holds."""
    config = {"data": {"classes": "9 classes, listed in study.json"}, "imbalance": "none"}
    assert restore_classes(config, {"data": {}, "imbalance": {}}) == config
    assert restore_classes(config, {"data": {"classes": ["a"]}})["data"] == {"classes": ["a"]}
    assert restore_classes({"seed": 1}, {}) == {"seed": 1}


def run_with(code="3d", status="complete", **environment):
    return replace(RECORD, status=status, digests=Digests(code=code), environment=environment)


def test_what_trials_should_have_in_common_and_have_not_is_told():
    alike = [run_with(torch="2.9", vector_instructions="AVX2", matrix_products="default") for _ in range(3)]
    assert mixtures(alike) == ()
    # A library of matrix products is agreed upon by those that run; a trial that failed has no numbers.
    others = [
        run_with(torch="2.9", vector_instructions="AVX2", matrix_products="onednn"),
        run_with(status="failed", code="4e"),
        run_with(),
    ]
    assert mixtures([*alike, *others]) == ()
    odd = run_with(code="4e", torch="2.8", vector_instructions="AVX512", cpu="Xeon")
    assert mixtures([*alike, odd]) == (
        "trials differ in torch: 2.9 (3), 2.8 (1)",
        "trials differ in vector instructions: AVX2 (3), AVX512 (1)",
        "trials differ in code: 3d (3), 4e (1)",
    )


@pytest.mark.parametrize("key", COMPARED)
def test_everything_that_is_compared_is_noted_by_a_trial(key):
    assert key in environment(torch.device("cpu"))
    (said,) = mixtures([run_with(**{key: "a"}), run_with(**{key: "b"})])
    assert said == f"trials differ in {COMPARED[key]}: a (1), b (1)"


def test_what_further_trials_will_be_run_with_is_compared_with_those_so_far():
    records = [run_with(torch="2.8"), run_with(torch="2.9")]
    assert differences_from(records, {"torch": "2.9", "code": "3d", "CPU": "Xeon"}) == ()
    assert differences_from([], {"torch": "2.9"}) == ()
    assert differences_from(records, {"torch": "3.0", "code": "4e"}) == (
        "the trials so far were run with torch 2.8, 2.9, new ones with 3.0",
        "the trials so far were run with code 3d, new ones with 4e",
    )


def test_a_seal_is_broken_by_any_edit_and_by_no_other_order():
    header = {"name": "a", "digests": {"configuration": "0a"}, "config": {"x": 1, "y": [1, 2]}}
    sealed = {**header, "seal": seal_of(header)}
    assert is_sealed(sealed) and is_as_written(json.dumps(sealed, sort_keys=True, indent=7).encode())
    for edited in (header, {**sealed, "name": "b"}, {**sealed, "more": None}, {**sealed, "config": {"x": True}}):
        assert not is_sealed(edited)
    # An early version sealed nothing.
    assert is_sealed({"name": "a", "digests": {}})


def test_libraries_that_are_told_to_choose_other_code_are_noted(monkeypatch):
    for name in [
        name for name in os.environ if name.startswith(("MKL_", "DNNL_", "ONEDNN_", "OPENBLAS_", "NPY_"))
    ]:
        monkeypatch.delenv(name)
    before, kind = environment(torch.device("cpu"))["libraries"], machine_kind()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("MKL_TOKEN", "secret")
    assert before == "default"
    assert environment(torch.device("cpu"))["libraries"] == "MKL_CBWR=COMPATIBLE, OPENBLAS_CORETYPE=Nehalem"
    # Cached states of other arithmetic have other names; without the variables these stay as they were.
    assert machine_kind() == [*kind, "MKL_CBWR=COMPATIBLE", "OPENBLAS_CORETYPE=Nehalem"]


@pytest.mark.parametrize(
    ("key", "value"), [("num_fits", 0), ("attempt", -1), ("imbalance_ratio", 0.5), ("seconds", {"data": -1.0})]
)
def test_a_number_that_cannot_be_is_refused_by_line(key, value):
    line = json.dumps({**json.loads(RECORD.to_line()), key: value})
    with pytest.raises(RecordError, match=rf"records:1: {key}.*greater than or equal to"):
        read_line(line, where="records:1")
