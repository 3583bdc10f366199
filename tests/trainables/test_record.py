import json
from dataclasses import replace

import pytest

from gan_study.trainables.record import ImageQuality, Milestone, RecordError, Scores, TrialRecord, read_line

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
    class_names=("2", "3"),
    minority_classes=(1,),
    scores={
        "validation": Scores(
            overall={"minority_f1": 0.5, "roc_auc": None},
            per_class={"recall": (0.5, None)},
            confusion_matrix=((1, 2), (3, 4)),
        )
    },
    milestones=(Milestone(epoch=5, objective=-0.25),),
    generated={
        "3": ImageQuality(
            metrics={"kid": 0.25, "fid": None},
            num_generated=40,
            num_training=9,
            num_held_out=5,
            flags=("copies",),
            missing={"fid": "needs more images"},
        )
    },
    seconds={"data": 0.5},
    finished_at="2026-01-01",
)


def test_a_line_reads_back_as_the_same_record():
    line = RECORD.to_line()
    assert "\n" not in line
    assert read_line(line, where="here") == RECORD


def test_a_line_from_before_generated_images_were_measured_is_read():
    values = json.loads(RECORD.to_line())
    del values["generated"]
    assert read_line(json.dumps(values), where="here") == replace(RECORD, generated={})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (RECORD.to_line()[:-5], "records:7: not JSON"),
        ("[1, 2]", "records:7: schema version None"),
        (RECORD.to_line().replace('"schema_version": 1', '"schema_version": 99'), "records:7: schema version 99"),
        (
            RECORD.to_line().replace('"status": "complete"', '"status": "done"'),
            "records:7: status: 'done' cannot be used",
        ),
        (
            RECORD.to_line().replace('"class_names": ["2", "3"]', '"class_names": ["2"]'),
            "records:7: scores.validation.per_class.recall has 2 entries for 1 classes",
        ),
        (
            RECORD.to_line().replace("[[1, 2], [3, 4]]", "[[1, 2], [3]]"),
            "records:7: scores.validation.confusion_matrix has 1 entries for 2 classes",
        ),
        (
            RECORD.to_line().replace('"minority_classes": [1]', '"minority_classes": [2]'),
            "records:7: minority_classes [2] are not all among the classes",
        ),
    ],
)
def test_anything_else_is_refused_by_line(line, message):
    with pytest.raises(RecordError) as error:
        read_line(line, where="records:7")
    assert str(error.value).startswith(message)


def test_the_outcome_leaves_out_what_two_equal_runs_differ_in():
    assert {"seconds", "environment", "finished_at"}.isdisjoint(RECORD.outcome())
    assert RECORD.outcome()["scores"]["validation"]["overall"]["minority_f1"] == 0.5


def test_a_record_from_before_gans_were_timed_still_reads():
    values = json.loads(RECORD.to_line())
    del values["gan_seconds"]
    assert read_line(json.dumps(values), where="here") == RECORD
    assert read_line(replace(RECORD, gan_seconds={"3": 1.5}).to_line(), where="here").gan_seconds == {"3": 1.5}
