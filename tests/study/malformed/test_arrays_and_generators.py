"""Any array file, any generator, any arrays to over-sample."""

import io
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.torchvision_sets import CIFAR10
from gan_study.trainables.export.over_sampler import ImageOverSampler
from gan_study.trainables.records.arrays import ArrayFile
from gan_study.trainables.records.record import RecordError
from tests.study.malformed.inputs import answer, assert_civil, damages, tried, within_time
from tests.trainables.export.test_saved_generator import written
from tests.trainables.records.test_arrays import WHOLE


@st.composite
def npz_changes(draw):
    """A function of an `.npz` file's arrays to a file's bytes that are wrong in one way or another."""
    kind = draw(
        st.sampled_from(["bytes", "encrypted", "method", "shape", "dtype", "value", "twice", "pickle", "empty"])
    )
    place, number = draw(st.integers(0, 100)), draw(st.sampled_from([-1, 0, 1, 3, 255, 2**31, 2**62, 10**30]))
    damage = draw(damages())

    def changed(whole):
        names = sorted(whole)
        name = names[place % len(names)]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if place % 2 else zipfile.ZIP_STORED) as archive:
            for each in [*names, name] if kind == "twice" else names:
                archive.writestr(f"{each}.npy", _member(whole[each], kind if each == name else "", number))
        content = buffer.getvalue()
        if kind == "bytes":
            return damage(content)
        if kind in ("encrypted", "method"):
            # Flags and method: bytes 6 and 8 of a local header (PK 3 4), 8 and 10 of a directory's (PK 1 2).
            offset = 0 if kind == "encrypted" else 2
            for mark, start in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
                content = bytearray(content)
                for at in _places(content, mark):
                    content[at + start + offset] = 1 if kind == "encrypted" else 99
        return bytes(content) if kind != "empty" else b""

    return changed


def _member(array, kind, number):
    buffer = io.BytesIO()
    if kind == "pickle":
        array = np.array([{}, []], dtype=object)
    if kind == "dtype":
        array = array.astype("U3") if array.dtype.kind in "iuf" else np.zeros(2)
    if kind == "value" and array.dtype.kind in "iu":
        array = np.full_like(array, np.int64(number % 2**31))
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    content = buffer.getvalue()
    if kind == "shape":
        header = {"descr": array.dtype.str, "fortran_order": False, "shape": (number,) * max(1, array.ndim)}
        head = io.BytesIO()
        np.lib.format.write_array_header_2_0(head, header)
        content = head.getvalue() + array.tobytes()
    return content


def _places(content, mark):
    at = content.find(mark)
    while at >= 0:
        yield at
        at = content.find(mark, at + 1)


@tried("arrays")
@given(change=npz_changes())
def test_any_file_of_arrays(tmp_path_factory, change):
    path = tmp_path_factory.getbasetemp() / "arrays.npz"
    path.write_bytes(change(WHOLE))
    with within_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        damage = ArrayFile(path).find_damage()
        assert damage is None or "\n" not in damage
        try:
            found = dict(ArrayFile(path))
        except RecordError as error:
            assert "\n" not in str(error)
        else:
            assert found.keys() <= WHOLE.keys()


def small_cifar():
    files = [io.BytesIO() for _ in range(12)]
    from PIL import Image

    for n, file in enumerate(files):
        Image.new("RGB", (32, 32), (n, 2 * n, 200)).save(file, "JPEG")
    jpeg = [file.getvalue() for file in files]
    parts = {f"{part}_jpeg": np.frombuffer(b"".join(jpeg), dtype=np.uint8) for part in ("train", "test")}
    parts |= {f"{part}_offsets": np.cumsum([0, *map(len, jpeg)]) for part in ("train", "test")}
    return parts | {f"{part}_labels": np.arange(12) % 10 for part in ("train", "test")}


@tried("archives")
@given(change=npz_changes())
def test_any_published_archive(tmp_path_factory, change):
    root = tmp_path_factory.getbasetemp() / "published"
    root.mkdir(exist_ok=True)
    (root / "cifar10_jpeg.npz").write_bytes(change(small_cifar()))
    source = CIFAR10.source(DataConfig(name="cifar10", root=str(root), image_size=32))
    with within_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pool = source.pool().images
        except UserError as error:
            assert "\n" not in str(error)
        else:
            assert 0 <= pool.labels.min() <= pool.labels.max() < 10


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    written(folder)
    return folder


@tried("generators")
@given(
    name=st.sampled_from(["generator.json", "generator.json", "generator.safetensors"]),
    damage=damages(),
    number=st.sampled_from(["1", "0", "-1", "2.5", "x", "1e9", str(10**9), str(10**30)]),
    class_name=st.sampled_from(["lynx", "../dog", "cat", "", "a\nb", "\udcff"]),
)
def test_any_generator(model, tmp_path_factory, name, damage, number, class_name):
    folder = tmp_path_factory.getbasetemp() / "damaged-model"
    out = tmp_path_factory.getbasetemp() / "samples"
    for each in (folder, out):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(model, folder)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    before = {path.name for path in folder.parent.iterdir()}
    assert_civil(answer("sample", folder, f"--class={class_name}", f"--num={number}", f"--out={out}"))
    assert {path.name for path in folder.parent.iterdir()} - before <= {"samples"}


@tried("over-sampler")
@given(
    images=arrays_of.arrays(
        dtype=st.sampled_from(["u1", "i8", "f4", "f8", "f2", "?", "c8", "U2", "O", "M8[s]"]),
        shape=st.one_of(
            st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 9), st.integers(0, 9)),
            arrays_of.array_shapes(max_dims=5, max_side=4),
        ),
    ),
    labels=st.one_of(
        st.lists(st.sampled_from([0, 1, 2]), min_size=0, max_size=8),
        st.lists(st.sampled_from([0, 0, 1, "a", 1.5, None, True]), min_size=4, max_size=6),
    ),
    strategy=st.sampled_from(["auto", "all", 0.5, {1: 10}, {1: 10.5}, {1: 10**15}, {9: 3}, 2, None, "x"]),
    method=st.sampled_from(["duplicates", "smote", "image_transforms"]),
    value_range=st.sampled_from([None, (0, 1), (1, 0), (0,), ("a", "b"), (float("nan"), 1), (0, float("inf"))]),
)
def test_any_arrays_to_over_sample(images, labels, strategy, method, value_range):
    sampler = ImageOverSampler(
        method, sampling_strategy=strategy, value_range=value_range, random_state=0, device="cpu"
    )
    with within_time(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            X, y = sampler.fit_resample(images, labels)
        # What scikit-learn's and imbalanced-learn's own estimators raise.
        except (ValueError, TypeError):
            return
    assert len(X) == len(y) >= len(images)
    # scikit-learn makes numbers of objects.
    assert X.dtype == images.dtype or images.dtype == object


def test_examples_are_at_least_as_many_as_promised():
    from tests.study.malformed.inputs import EXAMPLES

    assert sum(EXAMPLES.values()) >= 2000
