"""What may be changed of a study that has begun: the few settings that are named, and only as they are named."""

import pytest

from gan_study.study.plan.changes import Edit, apply_edit, is_meant
from gan_study.trainables.base.settings import dump, find_differences
from tests.study.plan.test_planner import study


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("confirm.seeds", [1, 2], [1, 2, 3]),
        ("search.trials", 8, 20),
        ("resources.max_concurrent", None, 4),
        ("resources.gan_execution.way", "alone", "batched"),
        ("storage", None, "sqlite:////tmp/x.db"),
        ("wandb.mode", "off", "offline"),
        ("data.root", "/a", "/b"),
    ],
)
def test_what_is_meant_is_allowed(key, before, after):
    assert is_meant(Edit(key=key, before=before, after=after))


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("confirm.seeds", [1, 2], [1]),
        ("confirm.seeds", [1, 2], [2, 1, 3]),
        ("confirm.seeds", [1, 2], "1, 2, 3"),
        ("search.trials", 8, 7),
        ("search.trials", 0, True),
        ("search.trials", 8, "20"),
        ("search.fits", 3, 4),
        ("confirm.margin", 0.02, 0.1),
        ("verdicts.margin", 0.02, 0.1),
        ("data.image_size", 8, 16),
        ("digests.pool", "0a", None),
        ("seal", "0a", None),
        ("name", "a", "b"),
        ("resources", {}, None),
    ],
)
def test_all_else_is_not(key, before, after):
    assert not is_meant(Edit(key=key, before=before, after=after))


def leaves(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_an_edit_of_any_setting_is_found_by_its_key_and_can_be_applied():
    values = dump(study())
    assert list(find_differences(values, values)) == []
    for key, before in leaves(values):
        edit = Edit(key=key, before=before, after="edited")
        edited = apply_edit(values, edit)
        assert list(find_differences(values, edited)) == [(key, before, "edited")]
        assert str(edit).startswith(f"{key} (")


def test_true_is_another_value_than_one():
    assert list(find_differences({"epochs": 1}, {"epochs": True})) == [("epochs", 1, True)]
