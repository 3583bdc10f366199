import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.best_epoch import best_epoch_tables
from tests.analysis.page.test_report import shown
from tests.analysis.planted import planted_study, with_test_epochs


def with_epochs(accuracies: dict[str, list[list[float]]]) -> list[Trial]:
    """A study in which a method's seeds had these accuracies after each epoch."""
    return [
        with_test_epochs(record, accuracies[record.balancer][record.seed - 1])
        if record.phase == "confirm" and record.balancer in accuracies
        else record
        for record in planted_study()
    ]


def test_each_seed_has_its_own_best_epoch_beside_its_last_score() -> None:
    (table,) = best_epoch_tables(with_epochs({"dcgan": [[0.5, 0.95, 0.7], [0.97, 0.6, 0.1], [0.2, 0.3, 0.93]]}))
    assert table.text["Balancer"].tolist() == ["dcgan"]
    # Every planted trial ends with an accuracy of 0.9.
    assert table.numbers["accuracy_last_mean"].tolist() == pytest.approx([0.9])
    assert table.numbers["accuracy_best_mean"].tolist() == pytest.approx([0.95])
    assert table.text["Seeds"].tolist() == [3]


def test_the_page_warns_of_it_and_has_it_only_where_it_was_asked_for(rich_page: str, plain_page: str) -> None:
    assert "chosen on the same images that score it, so the score is too high" in shown(rich_page)
    assert "The best epoch on the test set" not in plain_page
    assert best_epoch_tables(planted_study()) == ()
