"""The example of a package that adds parts: installed as it is, listed, checked, and used by a study's workers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gan_study.study.run.record_store import read_records

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
ROOT = Path(__file__).parents[2]
NAMES = ("example_linear", "example_ragan", "example_recall_of_last")

SETTINGS = (
    "scale=ci",
    "data.image_size=8",
    "classifier.name=example_linear",
    "objective=example_recall_of_last",
    "baselines=[]",
    "search.trials=0",
    "search.parameters.balancing/name={kind: choice, options: [gan_study_example:RAGAN]}",
    "balancers.gan_study_example:RAGAN={gan: {generator_steps: 4, batch_size: 8}}",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    "resources.max_concurrent=1",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the example is installed in, by pip and without a network."""
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("installed")
    # setuptools builds in the folder itself.
    shutil.copytree(EXAMPLE, source)
    quietly = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *quietly, "--target", target, source], check=True)
    return target


# Commands one after the other, as JSON lists of words: each process that imports torch takes seconds to begin.
# Their reports draw nothing, which takes ten seconds, and is looked at by tests/analysis/.
IN_TURN = """
import json, sys
from gan_study.analysis.page import drawing, report
from gan_study.study import cli
report.draw_apart = lambda study, plotted: drawing.Drawings()
for command in sys.argv[1:]:
    sys.argv = ["gan-study", *json.loads(command)]
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code, (command, ended.code)
    print("END OF COMMAND", flush=True)
"""


def gan_study(installed, *commands):
    """What each of the commands, which are lists of words, prints where the example is installed."""
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, *map(json.dumps, commands)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, installed)))},
        cwd=installed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    *said, _ = done.stdout.split("END OF COMMAND\n")
    return said


@pytest.mark.slow
def test_it_is_listed_by_its_metadata(installed):
    # Nothing of it can be imported, and it is listed all the same.
    module = installed / "gan_study_example.py"
    text = module.read_text(encoding="utf-8")
    module.write_text("raise SystemExit", encoding="utf-8")
    try:
        (listed,) = gan_study(installed, ["list"])
    finally:
        module.write_text(text, encoding="utf-8")
    of = "of gan-study-example-plugin 0.1.0: gan_study_example"
    assert all(any(name in line and of in line for line in listed.splitlines()) for name in NAMES)


@pytest.mark.slow
def test_it_keeps_its_promises(installed):
    names = ("example_linear", "gan_study_example:RAGAN", "example_recall_of_last")
    found = gan_study(installed, *(["check-plugin", name] for name in names))
    assert len(found) == len(names)
    assert all("  passed: " in said and "FAILED" not in said for said in found)


@pytest.mark.ray
def test_workers_find_it(installed, tmp_path):
    options = (word for setting in SETTINGS for word in ("--set", setting))
    gan_study(installed, ["run", "quickstart", *options, "--out", str(tmp_path / "study")])
    records = read_records(tmp_path / "study" / "records.jsonl")
    assert {record.status for record in records} == {"complete"}
    assert {record.classifier for record in records} == {"example_linear"}
    assert {record.balancer for record in records} == {"none", "gan_study_example:RAGAN"}
    objective = "gan_study_example:recall_of_last"
    assert all(objective in record.scores["test"] for record in records if record.phase == "confirm")
