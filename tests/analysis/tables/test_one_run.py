from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gan_study.analysis.records.load import Study, load_study
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.one_run import one_run_tables, paired_predictions
from gan_study.trainables.records.record import RecordError
from tests.analysis.page.test_report import text_of_page
from tests.analysis.planted import planted_record, planted_study, predicting, write_study

# Ten of class 0, twenty each of the minority classes 1 and 2.
LABELS = np.repeat([0, 1, 2], [10, 20, 20])


def with_predictions(record: Trial, right: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64] = LABELS) -> Trial:
    """`record` with stored predictions that are right where `right` says so."""
    predicted = np.where(right, labels, (labels + 1) % 3)
    return predicting(record, "test", labels, np.eye(3, dtype=np.float32)[predicted])


def right_ones(*of_class_2: int, of_class_1: Sequence[int] = range(20)) -> npt.NDArray[np.bool_]:
    """All of class 0, and the images of classes 1 and 2 with these numbers within their class."""
    right = np.zeros(50, dtype=bool)
    right[:10] = True
    right[10 + np.array(list(of_class_1))] = True
    right[30 + np.array(of_class_2)] = True
    return right


def one_run(
    folder: Path, without: npt.NDArray[np.bool_], with_it: npt.NDArray[np.bool_], *, shuffled: bool = False
) -> Study:
    none = planted_record(balancer="none", validation=0.4, test=0.4)
    gan = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)
    labels = LABELS[::-1].copy() if shuffled else LABELS
    records = [with_predictions(none, without), with_predictions(gan, with_it, labels)]
    return load_study(write_study(folder, records))


def test_one_image_more_of_twenty_is_no_evidence(tmp_path: Path) -> None:
    # The X-ray report: 14 of 20 right without balancing, 15 with a GAN; 12 of them are the same images.
    study = one_run(tmp_path, right_ones(*range(14)), right_ones(*range(12), 17, 18, 19))
    _, normal = paired_predictions(study)
    assert (normal.class_name, normal.num_images) == ("normal", 20)
    assert (normal.right_without, normal.right_with) == (14, 15)
    assert (normal.only_without, normal.only_with) == (2, 3)
    assert normal.p_value == pytest.approx(1.0, abs=1e-12)
    (table,) = one_run_tables(study)
    assert table.text["Right"].tolist() == ["20 → 20 of 20", "14 → 15 of 20"]
    assert table.text["These two classifiers"].tolist() == ["no evidence of a difference"] * 2


def test_an_image_counts_once_however_many_the_fits(tmp_path: Path) -> None:
    none = planted_record(balancer="none", validation=0.4, test=0.4)
    gan = planted_record(balancer="dcgan", validation=0.5, test=0.5, gan=True)
    # Two of the three fits of dcgan get the same 15 of class 2 right, the third one all of them.
    right = [right_ones(*range(number)) for number in (15, 15, 20)]
    by_fit = [np.eye(3, dtype=np.float32)[np.where(each, LABELS, (LABELS + 1) % 3)] for each in right]
    gan = predicting(predicting(gan, "validation", LABELS, *by_fit), "test", LABELS, *by_fit)
    study = load_study(write_study(tmp_path, [with_predictions(none, right_ones(*range(14))), gan]))
    _, normal = paired_predictions(study)
    assert (normal.right_without, normal.right_with) == (14, 15)
    assert (normal.only_without, normal.only_with) == (0, 1)


def test_ten_images_that_one_alone_gets_right_are(tmp_path: Path) -> None:
    study = one_run(tmp_path, right_ones(0, 1), right_ones(*range(12), of_class_1=range(19)))
    (table,) = one_run_tables(study)
    # Two tests: 2 * 2 / 2^10 for class 2, and 1 for the one image of class 1.
    assert table.numbers["corrected_p"].tolist() == pytest.approx([1.0, 4 / 1024], abs=1e-12)
    assert table.text["These two classifiers"].tolist() == ["no evidence of a difference", "better with it"]
    assert table.numbers["trial_ids"].iloc[0] == "confirm-shapes-simple_cnn-none-10-1-None " + (
        "confirm-shapes-simple_cnn-dcgan-10-1-None"
    )


def test_trials_on_different_images_are_no_pair(tmp_path: Path) -> None:
    study = one_run(tmp_path, right_ones(0), right_ones(0), shuffled=True)
    with pytest.raises(RecordError, match="different images"):
        paired_predictions(study)


def test_with_more_seeds_or_without_predictions_there_is_no_table(tmp_path: Path) -> None:
    assert one_run_tables(load_study(write_study(tmp_path / "seeds", planted_study()))) == ()
    single = [record for record in planted_study() if record.seed <= 1]
    assert one_run_tables(load_study(write_study(tmp_path / "bare", single))) == ()


def test_the_page_shows_the_table_beside_the_verdicts(tmp_path: Path) -> None:
    one_run(tmp_path, right_ones(*range(14)), right_ones(*range(15)))
    text = text_of_page(tmp_path)
    assert "14 → 15 of 20" in text
    assert text.index("Results") < text.index("14 → 15 of 20") < text.index("Scores and classes", 400)
