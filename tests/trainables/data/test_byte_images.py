import pickle
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data import byte_images
from gan_study.trainables.data.byte_images import (
    ByteImages,
    ImageRows,
    as_bytes,
    blocks_of,
    gather,
    hold,
    join,
    picture_rows,
    resize,
    resized,
    take,
    to_float,
)
from gan_study.trainables.data.images import Classes, LabeledImages, distinct_rows, training_set
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from tests.tensor_bytes import largest_made

CPU = torch.device("cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
FLOATS = to_float(PIXELS, CPU)


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every set is held as bytes."""
    monkeypatch.setattr(byte_images, "MOST_FLOAT_BYTES", 0)
    yield


def viewed(rows: list[int]) -> ByteImages:
    return ByteImages(torch.from_numpy(PIXELS), torch.tensor(rows, dtype=torch.int64))


@given(rows=st.lists(st.integers(0, 39), max_size=12), data=st.data())
def test_rows_are_those_of_the_floats(rows: list[int], data: st.DataObject) -> None:
    images, floats = viewed(rows), FLOATS[rows]
    assert (images.shape, images.dtype, images.device) == (floats.shape, floats.dtype, floats.device)
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if rows else []
    chosen = torch.tensor(places, dtype=torch.int64)
    assert torch.equal(images[chosen], floats[chosen])
    assert torch.equal(images.index_select(0, chosen), floats.index_select(0, chosen))
    assert torch.equal(take(images, chosen)[:], floats[chosen])
    mask = torch.arange(len(rows)) % 2 == 0
    assert torch.equal(images[mask], floats[mask])
    first, last = sorted(data.draw(st.tuples(st.integers(0, 12), st.integers(0, 12))))
    assert torch.equal(images[first:last], floats[first:last])
    for mine, theirs in zip(images.split(5), floats.split(5), strict=True):
        assert torch.equal(mine, theirs)


def test_a_row_is_an_image() -> None:
    assert torch.equal(viewed([3, 5])[1], FLOATS[5])
    with pytest.raises(IndexError):
        viewed([3, 5])[2]


def test_few_images_are_a_tensor_and_many_lie_where_they_were() -> None:
    few, many = np.zeros((10, 3, 64, 64), dtype=np.uint8), np.zeros((400, 3, 64, 64), dtype=np.uint8)
    assert isinstance(hold(few, CPU), Tensor)
    held = hold(picture_rows(many, np.arange(399, -1, -1)), CPU)
    assert isinstance(held, ByteImages)
    assert held.num_bytes == 400 * 8
    many[0] = 255
    assert held[-1:].max() == 1, "the bytes are copied"


def test_bytes_that_nobody_may_write_to_are_not_copied_either(recwarn: pytest.WarningsRecorder) -> None:
    many = np.zeros((400, 3, 64, 64), dtype=np.uint8)
    many.setflags(write=False)
    held = hold(many, CPU)
    assert isinstance(held, ByteImages)
    assert held.num_bytes == 400 * 8
    assert not recwarn.list


def test_a_batch_costs_what_its_images_cost() -> None:
    held = hold(np.zeros((2000, 3, 64, 64), dtype=np.uint8), CPU)
    rows = torch.arange(32)
    assert largest_made(lambda: held.index_select(0, rows)) <= 32 * 3 * 64 * 64 * 4


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("first", [FLOATS[:4], viewed([0, 1, 2, 3])], ids=["tensor", "bytes"])
@pytest.mark.parametrize("more", [FLOATS[4:9], viewed([4, 5, 6, 7, 8])], ids=["tensor", "bytes"])
def test_joined_images_come_one_after_the_other(first: Tensor | ByteImages, more: Tensor | ByteImages) -> None:
    assert torch.equal(join(first, more)[:], FLOATS[:9])
    thrice = join(join(first, more), take(more, slice(2)))
    assert torch.equal(thrice[:], torch.cat([FLOATS[:9], FLOATS[4:6]]))
    assert torch.equal(take(thrice, torch.tensor([10, 0, 5]))[:], FLOATS[[5, 0, 5]])


@pytest.mark.parametrize(
    "nothing", [torch.empty(0, 3, 8, 8), torch.empty(0, 3, 8, 8, dtype=torch.uint8), viewed([])]
)
def test_images_stay_as_they_are_where_nothing_is_joined_to_them(nothing: Tensor | ByteImages) -> None:
    """A filter may let no generated image pass."""
    for images in (viewed([3, 1]), join(viewed([3]), FLOATS[1:2])):
        joined = join(images, nothing)
        assert torch.equal(joined.index_select(0, torch.tensor([0, 1])), FLOATS[[3, 1]])


def test_rows_of_the_same_bytes_are_joined_without_a_copy() -> None:
    both = join(viewed([0, 1]), viewed([7, 8]))
    assert isinstance(both, ByteImages)
    assert both.num_bytes == 4 * 8


def test_made_images_stay_as_they_are_until_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made = torch.rand(6, 3, 8, 8) * 2 - 1
    assert torch.equal(join(viewed([0]), made)[1:], made)
    monkeypatch.setattr(byte_images, "MOST_MADE_BYTES", made.nbytes)
    joined = join(viewed([0]), made)
    assert torch.equal(joined[1:], made)
    more = join(joined, made[:1])
    assert torch.equal(more[1:], to_float(as_bytes(torch.cat([made, made[:1]])).numpy(), CPU))
    assert isinstance(more, ByteImages)
    assert more.num_bytes == 8 * 8 + 7 * 3 * 8 * 8
    assert torch.equal(gather(made.split(5), 6, real=FLOATS)[:], made)
    assert torch.equal(join(FLOATS, made)[40:], made)
    gathered = gather(made.repeat(2, 1, 1, 1).split(5), 12, real=viewed([0]))
    assert isinstance(gathered, ByteImages)
    assert torch.equal(gathered[:6], to_float(as_bytes(made).numpy(), CPU))
    assert torch.equal(join(more, gathered)[8:14], gathered[:6])


def test_resized_views_are_resized_images() -> None:
    assert torch.allclose(resized(viewed([2, 4]), 4)[:], resize(FLOATS[[2, 4]], 4), rtol=0, atol=1e-6)
    assert resized(viewed([2, 4]), 4).shape == (2, 3, 4, 4)
    assert resized(viewed([2]), None).shape == (1, 3, 8, 8)


def test_who_wants_all_floats_in_one_tensor_is_told_what_to_do() -> None:
    with pytest.raises(UserError, match=r"^cat needs all images as one tensor, .* images\[rows\]"):
        torch.cat([FLOATS, viewed([0])])  # type: ignore[list-item]


KEYS = [3, -1, slice(2, 5), slice(None), np.array([4, 0]), (slice(None), 0), (1, 2, slice(3)), (..., slice(2))]


@pytest.mark.parametrize("key", KEYS, ids=map(str, KEYS))
def test_rows_of_pictures_are_indexed_as_an_array_is(key: object) -> None:
    chosen = np.array([7, 3, 3, 9, 1, 0])
    rows = ImageRows(PIXELS, chosen)
    np.testing.assert_array_equal(rows[key], PIXELS[chosen][key])  # type: ignore[index]
    np.testing.assert_array_equal(rows, PIXELS[chosen])
    assert (rows.shape, len(rows)) == (PIXELS[chosen].shape, 6)


@pytest.mark.usefixtures("nothing_is_small")
def test_a_part_of_many_pictures_is_no_copy() -> None:
    part = picture_rows(picture_rows(PIXELS, np.arange(10, 20)), np.array([1, 5]))
    assert isinstance(part, ImageRows)
    assert part.base is PIXELS
    np.testing.assert_array_equal(np.concatenate(list(blocks_of(part))), PIXELS[[11, 15]])


def test_pictures_are_handed_over_as_arrays_of_their_own() -> None:
    buffers: list[pickle.PickleBuffer] = []
    whole = ImageRows(PIXELS, np.arange(len(PIXELS)))
    data = pickle.dumps(whole, protocol=5, buffer_callback=buffers.append)
    assert np.shares_memory(np.frombuffer(buffers[0], dtype=np.uint8), PIXELS)
    np.testing.assert_array_equal(pickle.loads(data, buffers=buffers), PIXELS)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ImageRows(PIXELS, np.array([3])))), PIXELS[3:4])


@pytest.mark.usefixtures("nothing_is_small")
def test_a_training_set_of_bytes_is_that_of_floats() -> None:
    labels = np.arange(40) % 3
    names = tuple(map(str, range(40)))
    images = LabeledImages(images=PIXELS, labels=labels, class_names=("a", "b", "c"), digests=names, origins=names)
    training = training_set(images, Classes(names=images.class_names, minority=()), CPU)
    assert isinstance(training.images, ByteImages)
    assert torch.equal(training.of_class(1)[:], FLOATS[labels == 1])
    assert torch.equal(training.take(torch.tensor([3, 3])).images[:], FLOATS[[3, 3]])
    twice = training.extended(training.images, training.labels)
    assert len(twice) == len(twice.images) == 80
    assert distinct_rows(twice.images) == distinct_rows(FLOATS) == list(range(40))


@pytest.mark.usefixtures("nothing_is_small")
def test_a_folder_is_read_without_a_second_copy(tmp_path: Path) -> None:
    """Where a tenth is carved off, so that neither part is all that was read."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(60):
            pixels = random.integers(0, 256, (96, 96, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png", compress_level=0)
    config = DataConfig(
        name="imagefolder", root=str(tmp_path), image_size=96, test_fraction=0.1, look_alikes="apart"
    )
    pool_bytes = 120 * 3 * 96 * 96
    # What reading imports is not counted.
    image_source(replace(config, image_size=8)).pool()
    source = image_source(config)
    tracemalloc.start()
    pool, test = source.pool().images, source.test().images
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(pool) + len(test) == 120
    # Room for grey ones is counted, though it is not taken; and what a picture takes while it is read.
    assert taken < (1 + 1 / 3 + 1) * pool_bytes
