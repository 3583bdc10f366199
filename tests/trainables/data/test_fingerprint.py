"""Whatever is done to the files of a data set is told: what changed, went, came, or moved."""

import os
import random
import shutil
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data import fingerprint
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.data.fingerprint import Fingerprint, compare, take_fingerprint
from gan_study.trainables.data.source import DataConfig
from tests.trainables.data.tiny_sets import tiny_config


@pytest.fixture
def folder(tmp_path):
    """Three classes of eight files; nothing of them is an image but the names."""
    for name in ("cat", "dog", "lynx"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(8):
            (tmp_path / "data" / name / f"{i}.png").write_bytes(f"{name} {i}".encode())
    (tmp_path / "data" / "notes.txt").write_text("no image")
    return tmp_path / "data"


def taken(folder):
    return take_fingerprint(DataConfig(name="imagefolder", root=str(folder)))


def told(folder, before):
    return str(compare(before, taken(folder)))


def test_every_file_decides_where_a_test_part_is_carved_off_and_nothing_is_decoded(folder):
    found = taken(folder)
    assert len(found.pool) == 24 and found.pool == found.test
    assert "notes.txt" not in found.pool
    assert not compare(found, found)


def test_a_folder_that_was_copied_or_moved_has_the_same_name(folder, tmp_path):
    before = taken(folder)
    after = taken(shutil.copytree(folder, tmp_path / "elsewhere"))
    assert (after.pool_digest, after.test_digest, after.digest) == (
        before.pool_digest,
        before.test_digest,
        before.digest,
    )


def replace_all(folder):
    for path in folder.glob("*/*.png"):
        path.write_bytes(path.read_bytes() + b"!")


def exchange(folder):
    (folder / "cat/0.png").rename(folder / "spare")
    (folder / "dog/0.png").rename(folder / "cat/0.png")
    (folder / "spare").rename(folder / "dog/0.png")


def add_a_class(folder):
    shutil.copytree(folder / "cat", folder / "puma")
    for path in (folder / "puma").iterdir():
        path.write_bytes(b"puma" + path.name.encode())


CHANGES = {
    "replaced": (replace_all, "24 files changed (cat/0.png, cat/1.png, cat/2.png, ...)"),
    "one bit": (lambda folder: (folder / "cat/3.png").write_bytes(b"cas 3"), "1 file changed (cat/3.png)"),
    "deleted": (lambda folder: (folder / "dog/7.png").unlink(), "1 file gone (dog/7.png)"),
    "added": (lambda folder: (folder / "dog/new.png").write_bytes(b"new"), "1 file added (dog/new.png)"),
    "moved": (
        lambda folder: (folder / "dog/7.png").rename(folder / "cat/d.png"),
        "1 file moved (dog/7.png to cat/d.png)",
    ),
    "renamed class": (
        lambda folder: (folder / "dog").rename(folder / "hund"),
        "8 files moved (dog/0.png to hund/0.png, dog/1.png to hund/1.png, dog/2.png to hund/2.png, ...)",
    ),
    "exchanged between classes": (exchange, "2 files changed (cat/0.png, dog/0.png)"),
    "a class more": (add_a_class, "8 files added (puma/0.png, puma/1.png, puma/2.png, ...)"),
    "a class emptied": (
        lambda folder: [path.unlink() for path in (folder / "lynx").iterdir()],
        "8 files gone (lynx/0.png, lynx/1.png, lynx/2.png, ...)",
    ),
    "one class left": (
        lambda folder: [shutil.rmtree(folder / name) for name in ("dog", "lynx")],
        "16 files gone (dog/0.png, dog/1.png, dog/2.png, ...)",
    ),
    "a pipe": (
        lambda folder: ((folder / "cat/0.png").unlink(), os.mkfifo(folder / "cat/0.png")),
        "1 file changed (cat/0.png)",
    ),
    "a name that is no text": (
        lambda folder: (folder / "cat/0.png").rename(folder / "cat" / os.fsdecode(b"\xff\n.png")),
        r"1 file moved (cat/0.png to cat/\udcff\n.png)",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_done_to_a_folder_is_told(folder, name):
    change, text = CHANGES[name]
    before = taken(folder)
    change(folder)
    assert told(folder, before) == text


def test_a_test_part_of_its_own_is_told_apart(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "parts/train")
    shutil.copytree(folder, tmp_path / "parts/test")
    before = taken(tmp_path / "parts")
    assert set(before.test) == {name for name in before.test if name.startswith("test/")}
    (tmp_path / "parts/train/cat/0.png").rename(tmp_path / "parts/test/cat/x.png")
    assert told(tmp_path / "parts", before) == "1 file moved (train/cat/0.png to test/cat/x.png)"


names = st.text("ab/é\n", min_size=1, max_size=4)
files = st.dictionaries(names, st.text("01", min_size=1, max_size=2), max_size=6)


@given(files, files, files, files)
def test_two_sets_of_files_are_alike_only_if_they_are_equal(pool, test, other_pool, other_test):
    before, after = Fingerprint(pool=pool, test=test), Fingerprint(pool=other_pool, test=other_test)
    found = compare(before, after)
    flat = [{**each.pool, **each.test} for each in (before, after)]
    assert bool(found) or before == after or flat[0] == flat[1]
    assert (before.digest == after.digest) == (before == after)
    # Each name has one fate.
    old = [*found.gone, *found.changed, *(name for name, _ in found.moved)]
    new = [*found.added, *found.changed, *(name for _, name in found.moved)]
    assert len(old) == len(set(old)) and len(new) == len(set(new))
    assert "\n" not in str(found)


@pytest.mark.parametrize("name", sorted(name for name, each in DATA_SETS.items() if each.takes_folder))
def test_every_file_that_a_data_set_is_read_from_counts_for_its_part(name, tmp_path):
    config = tiny_config(name, tmp_path)
    before = take_fingerprint(config)
    files = DATA_SETS[name].files(config)
    assert before.pool and before.test
    for part, other in (("pool", "test"), ("test", "pool")):
        first = next(iter(getattr(files, part)))
        path = getattr(files, part)[first]
        content = path.read_bytes()
        path.write_bytes(content + b"0")
        after = take_fingerprint(config)
        assert getattr(after, f"{part}_digest") != getattr(before, f"{part}_digest")
        is_shared = first in getattr(files, other)
        assert (getattr(after, f"{other}_digest") != getattr(before, f"{other}_digest")) == is_shared
        assert str(compare(before, after)) == f"1 file changed ({first})"
        path.write_bytes(content)


def test_a_data_set_that_names_no_files_is_known_by_its_images_and_their_classes(monkeypatch):
    config = DataConfig(name="digits", image_size=8)
    unnamed = replace(DATA_SETS["digits"], files=None)
    monkeypatch.setattr(DATA_SETS, "_own", {"digits": unnamed})
    before = take_fingerprint(config)
    assert len(before.pool) + len(before.test) == 1797 and not compare(before, take_fingerprint(config))
    whole = unnamed.source(config).pool().images
    labels = whole.labels.copy()
    labels[0] = 9 - labels[0]
    relabelled = replace(whole, labels=labels)
    pool = fingerprint._name_images(relabelled)
    assert str(compare(before, replace(before, pool=pool))) == f"1 file changed ({whole.origins[0]})"


def test_a_data_set_within_a_package_names_its_file():
    found = take_fingerprint(DataConfig(name="digits"))
    assert found.pool == found.test and all(len(digest) == 16 for digest in found.pool.values())


def test_files_that_are_not_there_are_not_downloaded(tmp_path):
    with pytest.raises(DataError, match="mnist is not in"):
        take_fingerprint(DataConfig(name="mnist", root=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_files_take_seconds(tmp_path):
    random_bytes = random.Random(0).randbytes(1000)
    for i in range(2000):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.png").write_bytes(random_bytes)
    began = time.process_time()
    taken(tmp_path)
    assert time.process_time() - began < 2
