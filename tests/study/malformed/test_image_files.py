"""Any image file among one's own."""

import contextlib
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from gan_study.study.balance import BalanceOptions, export_request
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.data_checks import data_lines
from gan_study.study.run.options import RunOptions
from gan_study.study.run.runner import plan_study, run_study
from tests.study.malformed.inputs import MayRunError, answer, assert_civil, tried

MODES = ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F"]
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".webp": "WEBP"}


def picture(mode, size, kind, frames):
    """An image file as bytes; what the format cannot hold, as what it can."""
    first, *rest = [Image.new("L", size, 10 * n) for n in range(frames)]
    buffer = io.BytesIO()
    with contextlib.suppress(ValueError):
        first, *rest = [image.convert(mode) for image in (first, *rest)]
    animated = {"save_all": True, "append_images": rest} if frames > 1 and kind in ("GIF", "WEBP", "PNG") else {}
    try:
        first.save(buffer, format=kind, **animated)
    except (OSError, KeyError, ValueError):
        buffer = io.BytesIO()
        first.convert("RGB").save(buffer, format=kind)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two classes, of twelve images and of eight."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, count in (("cat", 12), ("lynx", 8)):
        (root / name).mkdir()
        for n in range(count):
            Image.fromarray(rng.integers(0, 256, (9, 8), dtype=np.uint8)).save(root / name / f"{n:02}.png")
    return root


def folder_names():
    """Names of folders: any bytes that a file system takes, any text, and names that look like something else."""
    return st.one_of(
        st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name)),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).map(str.encode),
        st.sampled_from(["train", "test", "3", "CON", "a b", "-rf", "{}", "%s", "~", "M\u00fcll", "a\u0308"]).map(
            str.encode
        ),
    ).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b".."))


def test_images_that_were_changed_between_two_studies_of_one_process_are_read_anew(images, tmp_path):
    root = shutil.copytree(images, tmp_path / "images")
    config = study_config("imagefolder", [f"data.root={root}"])

    def lines(of):
        output = io.StringIO()
        with contextlib.suppress(MayRunError):
            of(RunOptions(console=Console(file=output, width=200)))
        return output.getvalue()

    assert "cat 9 + 3, lynx 6 + 2" in lines(lambda options: plan_study(config, options=options))
    (root / "lynx").rename(root / "puma")
    for number in range(4):
        (root / "puma" / f"{number:02}.png").unlink()
    for of in (
        lambda options: plan_study(config, options=options),
        lambda options: run_study(config, out=tmp_path / "study", options=options),
    ):
        assert "cat 9 + 3, puma 3 + 1" in lines(of)
    shutil.copytree(root / "puma", root / "yak")
    options = BalanceOptions(data=str(root), variant="vanilla_gan", generator_steps=1)
    request = export_request(options)
    assert "yak 3 + 1" in " ".join(data_lines(request.config.data, request.config.imbalance))


@tried("names")
@given(name=folder_names(), file=folder_names())
def test_any_name_of_a_folder_and_of_a_file(images, tmp_path_factory, name, file):
    root, out = (tmp_path_factory.getbasetemp() / each for each in ("of-names", "of-names-out"))
    for each in (root, out):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(images, root)
    folder = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
    if folder.exists():
        return
    shutil.copytree(root / "cat", folder)
    (folder / "00.png").rename(folder / os.fsdecode(file + b".png"))
    assert_civil(answer("run", "imagefolder", f"--data={root}", f"--out={out}"))


@tried("images")
@given(
    mode=st.sampled_from(MODES),
    size=st.tuples(st.sampled_from([1, 2, 7, 300]), st.sampled_from([1, 3, 8])),
    kind=st.sampled_from(sorted(FORMATS)),
    suffix=st.sampled_from([*sorted(FORMATS), ".JPEG", ".txt", ""]),
    frames=st.sampled_from([1, 1, 3]),
    cut=st.one_of(st.none(), st.just(0), st.floats(0, 1)),
    flipped=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=3),
    skip=st.booleans(),
)
def test_any_image_file(images, tmp_path_factory, mode, size, kind, suffix, frames, cut, flipped, skip):
    content = bytearray(picture(mode, size, FORMATS[kind], frames))
    for place, change in flipped:
        content[int(place * len(content))] ^= change
    odd, folder = images / "lynx" / f"odd{suffix}", tmp_path_factory.getbasetemp() / "of-images"
    odd.write_bytes(content if cut is None else content[: int(cut * len(content))])
    options = ["--skip-unreadable"] if skip else []
    try:
        result = answer("run", "imagefolder", f"--data={images}", f"--out={folder}", *options)
    finally:
        odd.unlink()
    assert_civil(result)
    assert result[0] == 0 or (odd.name in result[1] and not skip), result
    assert not (folder / "study.json").exists()
    shutil.rmtree(folder, ignore_errors=True)
