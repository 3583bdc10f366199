import os
import shutil
import time
from pathlib import Path

import pytest

from gan_study.trainables.base.settings import UserError
from gan_study.trainables.runtime.folders import CONTENTS, refuse_links, replaced_files, sole_writer


def rewrite(folder: Path, **files: str) -> None:
    """Replace the files of `folder` by files of these names, with `__` for a slash."""
    with replaced_files(folder) as aside:
        for name, text in files.items():
            path = aside / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.name != CONTENTS
    }


def test_files_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    rewrite(tmp_path / "report", page="1", plots__a="1", plots__b="1", paper__c="1")
    rewrite(tmp_path / "report", page="2", plots__b="2")
    assert contents(tmp_path / "report") == {"page": "2", "plots/b": "2"}
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [CONTENTS, "page", "plots"]


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    rewrite(tmp_path, page="1", plots__a="1")
    before = contents(tmp_path)
    with pytest.raises(OSError, match="No space"), replaced_files(tmp_path) as aside:
        (aside / "page").write_text("2", encoding="utf-8")
        raise OSError(28, "No space left on device")
    assert contents(tmp_path) == before
    assert list(tmp_path.glob(".*")) == []


def test_files_of_somebody_else_are_named_where_a_folder_is_replaced_and_stay_beside_it(tmp_path: Path) -> None:
    rewrite(tmp_path, page="1", plots__a="1")
    (tmp_path / "notes").write_text("mine", encoding="utf-8")
    rewrite(tmp_path, page="2", plots__a="2")
    (tmp_path / "plots" / "mine").mkdir()
    (tmp_path / "plots" / "mine" / "own.svg").write_text("mine", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"contains files that are not part of a report: 'plots/mine/own.svg'; move them"
    ):
        rewrite(tmp_path, page="3", plots__a="3")
    assert contents(tmp_path) == {"notes": "mine", "page": "2", "plots/a": "2", "plots/mine/own.svg": "mine"}


@pytest.mark.parametrize("where", [".", "plots", "plots/a", "page", CONTENTS])
def test_nothing_is_written_or_removed_behind_a_link(tmp_path: Path, where: str) -> None:
    folder, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    rewrite(folder, page="1", plots__a="1")
    path = folder if where == "." else folder / where
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    before = contents(elsewhere) if elsewhere.is_dir() else elsewhere.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="is a link to"):
        rewrite(folder, page="2", plots__b="2")
    assert (contents(elsewhere) if elsewhere.is_dir() else elsewhere.read_text(encoding="utf-8")) == before
    assert path.is_symlink()


def test_a_list_of_files_that_leads_elsewhere_removes_nothing(tmp_path: Path) -> None:
    folder, mine = tmp_path / "report", tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    rewrite(folder, page="1")
    (folder / CONTENTS).write_text(f"../mine\n{mine}\nplots/../../mine\n\0\n\n", encoding="utf-8")
    rewrite(folder, page="2")
    assert mine.exists()


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    with pytest.raises(UserError, match="page is a folder"):
        rewrite(tmp_path, page="1")


def test_what_a_writer_left_that_was_killed_goes_a_day_later(tmp_path: Path) -> None:
    left, new = tmp_path / ".partial-left", tmp_path / ".partial-new"
    for path in (left, new):
        path.mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    rewrite(tmp_path, page="1")
    assert (left.exists(), new.exists()) == (False, True)


def test_links_of_files_are_let_be_where_files_are_never_written_through(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "image.png").symlink_to("/elsewhere")
    refuse_links(tmp_path, files=False)
    with pytest.raises(UserError, match=r"a/image\.png is a link to /elsewhere"):
        refuse_links(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UserError, match="b is a link"):
        refuse_links(tmp_path, files=False)


def test_a_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    refused = pytest.raises(UserError, match="folder: another process is writing it")
    with sole_writer(folder), refused, sole_writer(folder):
        pass
    with pytest.raises(OSError, match="full"), sole_writer(folder):
        raise OSError("full")
    with sole_writer(folder):
        assert folder.is_dir()
