"""Where an export writes nothing: through links, over real images, and where data sets are looked for."""

import shutil
from dataclasses import replace

import pytest

from gan_study.trainables.base.settings import UserError
from gan_study.trainables.export.export import export
from gan_study.trainables.export.request import ExportRequest, refuse_source
from tests.balanced_folders import ANYTHING, begun, contents, trial


@pytest.mark.parametrize("place", ["train", "train/lynx", "generator", ".work"])
def test_nothing_is_written_where_a_link_in_the_folder_leads(request_, tmp_path, place):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "request.json").write_bytes(begun(request_))
    elsewhere.mkdir()
    if place == ".work":
        shutil.rmtree(elsewhere)
        shutil.move(out / ".work", elsewhere)
    before = contents(elsewhere)
    (out / place).parent.mkdir(exist_ok=True)
    (out / place).symlink_to(elsewhere)
    with pytest.raises(UserError, match=f"{place} is a link to "):
        export(request_, out)
    assert contents(elsewhere) == before


@pytest.mark.parametrize("place", [".", "balanced", "Cat", "..", "../images/new"])
def test_nothing_is_written_to_the_folder_of_the_real_images_or_around_it(images, request_, place):
    before = contents(images.parent)
    with pytest.raises(UserError, match="outside that of the real images"):
        export(request_, images / place)
    assert contents(images.parent) == before


def test_nothing_is_written_beside_a_table_of_labels_where_its_images_are_looked_for(tmp_path):
    table = tmp_path / "images" / "labels.csv"
    table.parent.mkdir()
    table.touch()
    with pytest.raises(UserError, match="outside that of the real images"):
        refuse_source(trial(table), table.parent / "balanced")
    refuse_source(trial(table), tmp_path / "balanced")


def test_nothing_is_written_in_place_of_a_file_of_arrays_and_beside_it_all_may_be(tmp_path):
    config = trial(tmp_path / "set.npz")
    (tmp_path / "loop.png").symlink_to("loop.png")
    refuse_source(config, tmp_path / "balanced")
    with pytest.raises(UserError, match="outside that of the real images"):
        refuse_source(config, tmp_path)


def test_a_link_to_the_folder_of_the_real_images_is_seen_through(images, request_, tmp_path):
    (tmp_path / "link").symlink_to(images)
    with pytest.raises(UserError, match="outside that of the real images"):
        export(request_, tmp_path / "link" / "out")


def test_nothing_is_written_where_data_sets_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_STUDY_DATA", str(tmp_path / "data"))
    mnist = trial(None, data={"name": "mnist", "image_size": 8})
    config = replace(mnist, data=replace(mnist.data, root=None))
    with pytest.raises(UserError, match="outside that of the real images"):
        export(ExportRequest(allowed=ANYTHING, config=config), tmp_path / "data" / "mnist" / "balanced")
    assert not (tmp_path / "data").exists()
