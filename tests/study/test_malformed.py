"""Malformed input by the hundred, at the command: a right result, or one line and exit code 2; never a traceback.

`make soak` tries as many inputs as the sum of `EXAMPLES`, `make test` a tenth of them. Ray is never started: a
study that may run stops just before.
"""

import contextlib
import io
import itertools
import json
import shutil
import sys
from typing import get_args

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_study.study.cli import app, main
from gan_study.study.plan.recipe import load_recipe, study_config
from gan_study.study.run import runner
from gan_study.study.run.folder import create_study_folder
from gan_study.trainables.base.settings import dump
from gan_study.trainables.data.imbalance import Imbalance
from tests.study.simulation import Simulation

EXAMPLES = {
    "command lines": 200,
    "recipes": 250,
    "files": 100,
    "assignments": 250,
    "imbalances": 50,
    "sound imbalances": 20,
    "images": 80,
    "records": 120,
    "manifests": 80,
    "reports": 10,
}


def tried(what):
    return settings(
        max_examples=EXAMPLES[what] * settings.default.max_examples // 100,
        suppress_health_check=list(HealthCheck),
    )


class MayRunError(Exception):
    """The study was found fit to run."""


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    @contextlib.contextmanager
    def refuse(address, *, verbose):
        raise MayRunError
        yield

    monkeypatch.setattr(runner, "ray_cluster", refuse)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder to work in with nothing in it; all that is written there goes with it."""
    monkeypatch.chdir(tmp_path)


def answer(*arguments):
    """Exit code and stderr of the command; 0 where a study would have been run."""
    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["gan-study", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as exit_:
        return exit_.code or 0, err.getvalue()
    except MayRunError:
        return 0, ""
    finally:
        sys.argv = before
    raise AssertionError("the command did not end")


def assert_civil(result, *, codes=(0, 2)):
    code, err = result
    assert code in codes, result
    assert err.count("\n") == (code == 2), result


# What stands in files and on command lines

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -0.0, 1e308, 10**400]),
    st.text(max_size=8),
    st.sampled_from(["step", "digits", "dcgan", "auto", "none", "2020-01-01", "../..", "~", "${HOME}", "int"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=6), st.integers(), st.sampled_from(["kind", "name"])), inner),
    ),
    max_leaves=5,
)
RECIPE = load_recipe("quickstart")
# Ten billion values in nine lines.
ALIASES_OF_ALIASES = "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(10)
).encode()


def keys_of(section, prefix=()):
    for key, value in section.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from keys_of(value, (*prefix, key))


KEYS = sorted(set(keys_of(dump(study_config("quickstart")))) | set(keys_of(RECIPE)))


def with_value(section, path, value):
    name, *rest = path
    inner = section.get(name)
    changed = with_value(inner if isinstance(inner, dict) else {}, rest, value) if rest else value
    return {**section, name: changed}


WORDS = st.one_of(
    st.sampled_from([command.name or command.callback.__name__ for command in app.registered_commands]),
    st.sampled_from(["--out", "--set", "--trials", "--from", "--num", "--seed", "--class", "--link", "--json"]),
    st.sampled_from(["--", "-", "-x", "--oops", "--out=a", "--num=0", "--seed=x", "--epochs=1e9", "--help", "\n"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)


@tried("command lines")
@given(words=st.lists(WORDS, max_size=6))
def test_any_command_line(nowhere, words):
    assert_civil(answer(*words))


@tried("recipes")
@given(path=st.sampled_from(KEYS), value=values, extends=st.booleans())
def test_a_recipe_with_one_odd_value(tmp_path_factory, path, value, extends):
    file = tmp_path_factory.getbasetemp() / "recipe.yaml"
    base = {"extends": "quickstart"} if extends else RECIPE
    file.write_text(yaml.safe_dump(with_value(base, path, value)), encoding="utf-8")
    assert_civil(answer("show", file))


@tried("files")
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet="[]{}:-&*!|>?%@`'\" \n\tab019.#,~<=", max_size=60).map(str.encode),
        st.sampled_from(
            [
                b"[" * 100_000,
                b"a: " + b"1" * 5000,
                b"a: 2020-99-99",
                b"a: &a [*a]",
                b"name: &a {b: *a}",
                ALIASES_OF_ALIASES,
                b"a: !!python/object/apply:os.system [ls]",
                b"a: 0x",
                b"a: 1:99:99",
                b"\xff\xfe",
                b"scales: 3",
                b"extends: [1]",
                b"a: !!binary ;",
                b"? [1]\n: 2",
                b"a: !!timestamp x",
            ]
        ),
    ),
    suffix=st.sampled_from([".yaml", ".json", ""]),
)
def test_a_recipe_that_is_any_bytes(tmp_path_factory, content, suffix):
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_bytes(content)
    assert_civil(answer("show", file))


@tried("assignments")
@given(
    key=st.one_of(st.sampled_from(KEYS).map(".".join), st.text(max_size=8)),
    value=st.one_of(
        values.map(lambda value: yaml.safe_dump(value, default_flow_style=True)), st.text(max_size=20)
    ),
    also=st.sampled_from([[], ["scale=ci"], ["scale=3"], ["imbalance.profile=long_tailed"]]),
)
def test_any_assignment(key, value, also):
    assert_civil(answer("show", "quickstart", f"--set={key}={value}", *(f"--set={text}" for text in also)))


ratios = st.one_of(st.floats(0, 200), st.integers(-2, 10**30), scalars)
counts = st.one_of(
    st.lists(st.integers(-1, 200), min_size=9, max_size=11),
    st.dictionaries(st.sampled_from("0123456789"), st.integers(-1, 10**20)),
)
# The settings of each profile, of which the last one is none.
PROFILES = {
    "step": {"ratio": ratios},
    "long_tailed": {"ratio": ratios},
    "fraction": {"fraction": st.one_of(st.floats(-0.5, 1.5), scalars)},
    "counts": {"counts": counts},
    "natural": {},
    "as_is": {"ratio": ratios, "counts": counts},
}
imbalances = st.one_of(
    st.fixed_dictionaries(
        {"profile": st.just(profile), **settings_of_it},
        optional={"minority_classes": st.lists(st.sampled_from(["3", "8", 3, "ten", ""]), max_size=4)},
    )
    for profile, settings_of_it in PROFILES.items()
)


def test_every_profile_is_among_those_tried():
    kinds = get_args(get_args(Imbalance)[0])
    assert len(kinds) > 1
    assert {kind.profile for kind in kinds} == PROFILES.keys() - {"as_is"}


@tried("imbalances")
@given(
    imbalance=imbalances,
    budget=st.one_of(st.none(), st.text(alphabet="0123456789.smhd -", max_size=6)),
)
def test_any_ratio_fraction_and_counts(tmp_path_factory, imbalance, budget):
    given_budget = [] if budget is None else [f"--time-budget={budget}"]
    assert_civil(answer_to_imbalance(tmp_path_factory, imbalance, *given_budget))


def answer_to_imbalance(tmp_path_factory, imbalance, *options):
    folder = tmp_path_factory.getbasetemp() / "of-ratios"
    assignments = [f"--set=imbalance={json.dumps(imbalance)}", "--set=search.space=gan_variants"]
    found = answer("run", "quickstart", *assignments, *options, f"--out={folder}")
    assert not (folder / "study.json").exists()
    shutil.rmtree(folder, ignore_errors=True)
    return found


some_digits = st.lists(st.sampled_from("0123456789"), min_size=1, max_size=4, unique=True)


@tried("sound imbalances")
@given(
    imbalance=st.one_of(
        st.fixed_dictionaries(
            {"profile": st.sampled_from(["step", "long_tailed"]), "ratio": st.floats(1, 10)},
            optional={"minority_classes": some_digits},
        ),
        st.fixed_dictionaries(
            {"profile": st.just("fraction"), "fraction": st.floats(0.2, 1)},
            optional={"minority_classes": some_digits},
        ),
        st.fixed_dictionaries(
            {
                "profile": st.just("counts"),
                "counts": st.dictionaries(st.sampled_from("0123456789"), st.integers(20, 100), min_size=1),
            }
        ),
        st.fixed_dictionaries({"profile": st.just("natural")}, optional={"minority_classes": some_digits}),
    )
)
def test_a_sound_imbalance_is_accepted(tmp_path_factory, imbalance):
    assert answer_to_imbalance(tmp_path_factory, imbalance) == (0, "")


# Images

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


# A study's folder that somebody has been at


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study with all its records, of which the last third is not there yet."""
    root = tmp_path_factory.mktemp("whole") / "study"
    config = study_config("quickstart", ["search.trials=4", "baselines=[]", "confirm.seeds=[1]"])
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0)
    create_study_folder(root, config, {})
    lines = [record.to_line() + "\n" for record in simulation.records.values()]
    (root / "records.jsonl").write_text("".join(lines[: 2 * len(lines) // 3]))
    return root


@st.composite
def damages(draw):
    """A function of bytes that changes some of them, cuts them, or puts a value into their JSON."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "value", "twice"]))
    place, value = draw(st.floats(0, 1, exclude_max=True)), draw(values)
    inserted = draw(
        st.one_of(st.binary(min_size=1, max_size=5), st.sampled_from([b"\n", b"{}\n", b"null\n", b"[]\n"]))
    )

    def damaged(content):
        at = int(place * len(content))
        if kind == "flip":
            return content[:at] + inserted[:1] + content[at + 1 :]
        if kind == "cut":
            return content[:at]
        if kind == "insert":
            return content[:at] + inserted + content[at:]
        if kind == "twice":
            return content + content[at:]
        lines = content.splitlines() if content.count(b"\n}") == 0 else [content]
        which = int(place * len(lines))
        document = json.loads(lines[which])
        keys = list(keys_of(document))
        changed = with_value(document, keys[int(place * 7919) % len(keys)], value)
        lines[which] = json.dumps(_plain(changed)).encode()
        return b"\n".join(lines) + b"\n"

    return damaged


def _plain(value):
    """A value as JSON can hold it: its keys are text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def damaged_copy(whole, tmp_path_factory, name, damage):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    content = damage((folder / name).read_bytes())
    (folder / name).write_bytes(content)
    return folder, content


@tried("records")
@given(damage=damages())
def test_records_that_somebody_has_been_at(whole, tmp_path_factory, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, "records.jsonl", damage)
    assert_civil(answer("check", folder), codes=(0, 1, 2))
    assert (folder / "records.jsonl").read_bytes() == content
    assert_civil(answer("resume", folder))
    # An unfinished last line is cut off, and nothing else is touched.
    left = (folder / "records.jsonl").read_bytes()
    assert left in (content, content[: content.rfind(b"\n") + 1])


@tried("manifests")
@given(damage=damages())
def test_a_manifest_that_somebody_has_been_at(whole, tmp_path_factory, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, "study.json", damage)
    assert_civil(answer("check", folder), codes=(0, 1, 2))
    assert_civil(answer("resume", folder))
    assert (folder / "study.json").read_bytes() == content
    assert (folder / "records.jsonl").read_bytes() == (whole / "records.jsonl").read_bytes()


# What no JSON reader of Python's says in a JSONDecodeError.
ODD = {"nested": b"[" * 100_000, "digits": b"1" * 5000, "no text": b"\xff", "no number": b"[NaN]"}


def odd_files():
    for command, name, kind in itertools.product(
        ("check", "status", "report", "resume"),
        ("study.json", "records.jsonl", "selection.json", "importance.json"),
        ODD,
    ):
        # Those reports are written nevertheless, which takes seconds each.
        is_written = command == "report" and name in ("selection.json", "importance.json")
        marks = () if not is_written else pytest.mark.slow if kind == "nested" else pytest.mark.soak
        yield pytest.param(command, name, ODD[kind], marks=marks, id=f"{command}-{name}-{kind}")


@pytest.mark.parametrize(("command", "name", "content"), list(odd_files()))
def test_a_file_of_a_study_that_is_odd_from_end_to_end(whole, tmp_path_factory, command, name, content):
    shutil.rmtree(folder := tmp_path_factory.getbasetemp() / "odd", ignore_errors=True)
    shutil.copytree(whole, folder)
    (folder / name).write_bytes(content + b"\n")
    assert_civil(answer(command, folder), codes=(0, 1, 2))
    assert (folder / name).read_bytes() == content + b"\n" or (command, name) == ("report", "importance.json")


@pytest.mark.slow
@tried("reports")
@given(name=st.sampled_from(["records.jsonl", "study.json"]), damage=damages())
def test_a_report_of_what_somebody_has_been_at(whole, tmp_path_factory, name, damage):
    folder, content = damaged_copy(whole, tmp_path_factory, name, damage)
    assert_civil(answer("report", folder))
    assert (folder / name).read_bytes() == content
