"""A study's folder that somebody has been at."""

import itertools
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from tests.study.malformed.inputs import answer, assert_civil, keys_of, tried, values, with_value
from tests.study.simulation import Simulation


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
