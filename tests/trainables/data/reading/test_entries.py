"""Every entry below a folder is a picture or skipped with a reason."""

import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading import entries
from gan_study.trainables.data.reading.entries import find_entries, is_picture
from tests.trainables.data.tiny_sets import write_classes


def places(found: tuple[os.PathLike[str], ...]) -> list[str]:
    return list(map(str, found))


def test_every_entry_is_read_or_passed_over_with_a_reason(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root, cat=2, dog=1)
    Image.new("L", (4, 4)).save(root / "cat" / "no ending", format="PNG")
    Image.new("L", (4, 4)).save(root / "cat" / "new.jfif", format="JPEG")
    Image.new("L", (4, 4)).save(root / ".cover.png")
    (root / "cat" / "notes.txt").write_text("P5 is the fifth patient")
    (root / "BM.md").write_text("BM is short for bookmark; a text of some length")
    (root / "__MACOSX").mkdir()
    (root / "Thumbs.db").write_bytes(b"\0")
    (root / "bare" / "deep").mkdir(parents=True)
    os.mkfifo(root / "dog" / "pipe")
    (root / "dog" / "up").symlink_to(root)
    (root / "draft.png").write_bytes(b"")
    (tmp_path / "elsewhere").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "elsewhere" / "far.png")
    (root / "dog" / "linked").symlink_to(tmp_path / "elsewhere")
    found = find_entries(root, exclude=("draft.*",))
    assert places(found.pictures) == [
        "cat/0.png",
        "cat/1.png",
        "cat/new.jfif",
        "cat/no ending",
        "dog/0.png",
        "dog/linked/far.png",
    ]
    assert {reason: places(each) for reason, each in found.passed_over.items()} == {
        entries.EXCLUDED: ["draft.png"],
        entries.HIDDEN: [".cover.png"],
        entries.IRREGULAR: ["dog/pipe"],
        entries.LEADS_BACK: ["dog/up"],
        entries.NO_PICTURE: ["BM.md", "cat/notes.txt"],
        entries.PACKED: ["Thumbs.db", "__MACOSX"],
    }
    assert places(found.bare_folders) == ["bare", "bare/deep"]
    assert found.linked_folders == ((tmp_path / "elsewhere").resolve(),)
    listed = subprocess.run(
        ["find", "-L", str(root), "-mindepth", "1", "-not", "-type", "d"], capture_output=True, text=True
    )
    # Folders that are skipped as a whole are entries too: one empty, one that leads back.
    files = {line for line in listed.stdout.splitlines() if "/up" not in line}
    assert found.num_found == len(files) + 2


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "ICO", "AVIF", "QOI"]
)
def test_a_picture_is_known_without_an_ending(tmp_path: Path, kind: str) -> None:
    if kind not in Image.SAVE and kind not in (Image.init(), Image.SAVE)[1]:
        pytest.skip(f"this Pillow does not write {kind}")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "picture", format=kind)
    assert is_picture(tmp_path / "picture")


def test_a_folder_that_may_not_be_listed_is_refused_or_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(tmp_path, cat=2, dog=1)
    scan = os.scandir

    def may_not(folder: Path) -> object:
        if Path(folder).name == "dog":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(entries.os, "scandir", may_not)
    with pytest.raises(DataError, match=r"dog: cannot be listed; --skip-unreadable leaves"):
        find_entries(tmp_path)
    assert places(find_entries(tmp_path, skip_unreadable=True).passed_over[entries.UNLISTED]) == ["dog"]


def test_a_link_to_a_folder_around_the_set_leads_back(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_classes(root, cat=1, dog=1)
    (root / "cat" / "home").symlink_to(tmp_path)
    (root / "dog" / "machine").symlink_to("/")
    found = find_entries(root)
    assert places(found.passed_over[entries.LEADS_BACK]) == ["cat/home", "dog/machine"]
    assert places(found.pictures) == ["cat/0.png", "dog/0.png"]


def test_a_folder_with_texts_is_no_class_without_images(tmp_path: Path) -> None:
    """One that is empty, or that holds archives or images of a kind that is not read, may be one."""
    for name in ("cat/1.png", "Annotations/deep/1.xml", "owl/owl.zip", "fox/fox.heic", "fox/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"text")
    (tmp_path / "dog").mkdir()
    found = find_entries(tmp_path)
    assert places(found.bare_folders) == ["Annotations", "Annotations/deep", "dog", "fox", "owl"]
    assert places(found.missing_classes) == ["dog", "fox", "owl"]
