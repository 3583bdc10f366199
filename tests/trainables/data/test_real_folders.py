"""A published image folder, read as it comes."""

import pytest

from gan_study.trainables.data.prepared import image_source, twin_indices
from tests.real_data import real_data
from tests.trainables.data.tiny_sets import folder_config


@pytest.mark.soak
def test_covid19_has_six_test_images_in_its_training_pool() -> None:
    root = real_data("covid19")
    source = image_source(folder_config(root))
    pool, test = source.pool(), source.test()
    assert pool.images.class_names == ("Covid", "Normal", "Viral Pneumonia")
    assert pool.images.class_counts() == (111, 70, 70)
    assert source.test_class_counts() == test.images.class_counts() == (26, 20, 20)
    same_name = ("COVID-00003b", "COVID-00012", "COVID-00022", "COVID-00033", "COVID-00037")
    renamed = "radiopaedia-2019-novel-coronavirus-infected-pneumonia"
    twins = twin_indices(pool.images, test.images)
    assert {(pool.images.origins[i], test.images.origins[j]) for j, i in twins.items()} == {
        *((f"train/Covid/{name}.jpg", f"test/Covid/{name}.jpg") for name in same_name),
        ("train/Covid/069.jpg", f"test/Covid/{renamed}.jpg"),
    }
    assert any("pixel by pixel: 6 (kept;" in note for note in test.notes)
    # Two more are nearly the same.
    assert any(
        note.startswith("test images that are, or look like, a training image: 8 of 66") for note in test.notes
    )
    assert "repeat an earlier one, pixel by pixel: 3 (kept for training)" in pool.notes[0]


@pytest.mark.soak
def test_covid19_without_duplicates() -> None:
    source = image_source(folder_config(real_data("covid19"), drop_duplicates=True))
    assert source.test_class_counts() == source.test().images.class_counts() == (20, 20, 20)
    assert source.pool().images.class_counts() == (111, 70, 70)
    assert any("6 (left out)" in note for note in source.test().notes)
