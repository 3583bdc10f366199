"""What the documents say can be typed can be typed; and the package works away from its sources."""

import json
import os
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import typer
import yaml
from PIL import Image
from sklearn.datasets import load_digits

import gan_study
from gan_study.study.commands import app
from gan_study.study.plan.config import StudyConfig, parse_study
from gan_study.study.plan.recipe import study_config
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.result import StudyResult
from gan_study.trainables.base.settings import dump
from tests.analysis.planted import predicted_study, write_arrays
from tests.distributions import ROOT, wheel_of_sdist

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(app)

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(gan-study [^`]+)`")
# A comment behind a command.
_COMMENT = re.compile(r"\s+#\s.*$")


def blocks(page, language):
    return [code for kind, code in _FENCED.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page):
    """Every `gan-study` command of a page, in code blocks and in the text."""
    text = page.read_text(encoding="utf-8")
    typed = [line for code in blocks(page, "") for line in re.sub(r"\\\n\s*", "", code).splitlines()]
    lines = (_COMMENT.sub("", line).removeprefix("$ ").removeprefix(".venv/bin/") for line in typed)
    inline = (" ".join(command.split()) for command in _INLINE.findall(_FENCED.sub("", text)))
    return sorted({line for line in (*lines, *inline) if re.match(r"gan-study \S", line)})


def test_tables_of_published_claims_are_those_of_the_records(monkeypatch):
    """Each table of the page is made from the records that are kept beside it."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    import reproduction_tables

    page = reproduction_tables.PAGE.read_text(encoding="utf-8")
    studies = {path.parent.name for path in reproduction_tables.STUDIES.glob("*/study.json")}
    assert studies == {name for name, _ in reproduction_tables.MARK.findall(page)}
    assert reproduction_tables.page_with_tables(page) == page


def test_what_is_taken_of_a_study_names_no_place_of_the_machine(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import reproduction_tables

    backbone = {"library": "gan_study", "weights": "/home/me/cifar10.pth"}
    config = {"data": {"root": "/home/me/clothes"}, "classifier": {"backbone": backbone}}
    places = reproduction_tables.places_of(config)
    assert reproduction_tables.without_places([config, "/home/me/clothes/a.png"], places) == [
        {"data": {"root": None}, "classifier": {"backbone": {**backbone, "weights": "cifar10.pth"}}},
        "data/a.png",
    ]
    assert reproduction_tables.places_of({"data": {"root": None}, "classifier": {"backbone": None}}) == {}


def words(command):
    import shlex

    return shlex.split(command.replace("[TRIAL]", "TRIAL"))[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_one_that_there_is(page):
    for command in commands(page):
        name, *arguments = words(command)
        assert name in COMMANDS.commands or name.startswith("--"), command
        # A bare name, in the text, is no whole command.
        if arguments:
            numbers = [re.sub(r"^N$", "3", word) for word in arguments]
            COMMANDS.commands[name].make_context(name, numbers)


def test_there_are_commands_to_look_at():
    assert len({command for page in PAGES for command in commands(page)}) > 20


def test_the_makefile_has_what_the_readme_types():
    makefile = (ROOT / "Makefile").read_text()
    made = {
        line.split()[1] for code in blocks(ROOT / "README.md", "") for line in code.splitlines() if "make" in line
    }
    assert made >= {"study", "test"}
    for target in made:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_python_of_the_readme_runs(monkeypatch, tmp_path):
    digits = load_digits()
    few = np.flatnonzero((digits.target == 0) | ((digits.target == 1) & (np.arange(len(digits.target)) < 200)))
    asked, records = [], predicted_study()
    create_study_folder(tmp_path / "study", study_config("quickstart", []), {})
    write_arrays(tmp_path / "study", records)

    def run_study(config):
        asked.append(parse_study(dump(config)))
        return StudyResult(folder=tmp_path / "study", trials=tuple(records))

    monkeypatch.setattr(gan_study, "run_study", run_study)
    names = {"X": digits.images[few, None].astype(np.float32) / 16, "y": digits.target[few]}
    for code in blocks(ROOT / "README.md", "python"):
        exec(compile(code.replace('"generator_steps": 3000', '"generator_steps": 2'), "README.md", "exec"), names)
    assert [type(config) for config in asked] == [StudyConfig, StudyConfig]
    assert asked[1].classifier.epochs == 3
    assert np.ptp(np.bincount(names["y_balanced"])) == 0 and len(names["X_balanced"]) > len(names["X"])


def test_every_extra_that_a_page_names_is_one_that_there_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {*re.findall(r"gan-study\[([\w-]+)\]", text)}
    assert {"dashboard", "dicom", "timm"} <= named <= {*project["optional-dependencies"]}
    least = project["requires-python"].removeprefix(">=")
    pythons = [line.rpartition(" ")[2] for line in project["classifiers"] if ":: 3." in line]
    assert pythons[0] == least and pythons == sorted(pythons, key=lambda each: int(each.partition(".")[2]))


def test_the_citation_names_the_project_and_no_other_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0" and "gan-study" in citation["title"] and citation["authors"]
    assert "version" not in citation, "pyproject.toml has it"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the built wheel unpacked in it, and nothing of the sources."""
    place = tmp_path_factory.mktemp("installed")
    _, wheel = wheel_of_sdist(tmp_path_factory.mktemp("built"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--target", place / "packages", wheel], check=True)
    return place / "packages"


# Commands one after the other, as JSON lists of words: each process that imports torch takes seconds to begin.
IN_TURN = """
import json, sys
import gan_study, gan_study.study.cli as cli
from gan_study.analysis.page import drawing, report
draws, installed, *commands = sys.argv[1:]
assert cli.__file__.startswith(installed)
if draws != "draws":
    report.draw_apart = lambda study, plotted: drawing.Drawings()
for command in commands:
    sys.argv = ["gan-study", *json.loads(command)]
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code, (command, ended.code)
print(gan_study.__version__)
"""


def typed(installed, folder, *commands, draws=True):
    """What commands print that are typed in `folder` with the installed package, and then its version.

    Without `draws` their reports have no drawings, which take ten seconds a report.
    """
    environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            IN_TURN,
            "draws" if draws else "",
            str(installed),
            *map(json.dumps, map(words, commands)),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_wheel_brings_types_templates_and_recipes(installed, tmp_path):
    assert (installed / "gan_study" / "py.typed").exists()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    show = "gan-study show quickstart --set classifier.epochs=3"
    said = typed(installed, tmp_path, "gan-study list", show, "gan-study --version")
    assert "mnist-digit0" in said and "epochs: 3" in said
    assert said.splitlines()[-2:] == [version, version]


@pytest.mark.ray
def test_the_readmes_way_from_images_to_the_balanced_data_set(installed, tmp_path):
    """Each command as the README has it, with the wheel, small: its folders, and what `--set` changes."""
    rng, images = np.random.default_rng(0), load_digits()
    for name, label, count in (("cat", 0, 40), ("lynx", 1, 12)):
        (tmp_path / "path/to/images" / name).mkdir(parents=True)
        for i, index in enumerate(rng.permutation(np.flatnonzero(images.target == label))[:count]):
            pixels = (images.images[index] * 15).astype(np.uint8)
            Image.fromarray(pixels).resize((24, 20)).save(tmp_path / f"path/to/images/{name}/{i}.png")
    readme = [command for command in commands(ROOT / "README.md") if "path/to/images" in command]
    assert readme == [f"gan-study {command} imagefolder --data path/to/images" for command in ("plan", "run")]
    # Two workers would both train the networks that measure images, and so would each seed.
    small = ("scale=ci", "baselines=[duplicates]", "confirm.seeds=[1]", "resources.max_concurrent=1")
    changes = " ".join(f"--set {change}" for change in small)
    typed(installed, tmp_path, f"{readme[1]} {changes} --out studies/mine", draws=False)
    report = tmp_path / "studies/mine/report/report.html"
    report.unlink()
    of_a_study = [f"gan-study {command} studies/mine" for command in ("status", "logs", "check", "report")]
    written = {command.split()[1]: command for command in commands(ROOT / "README.md") if " --out " in command}
    # A GAN of a few steps makes one grey image, which no export takes unless it is told to.
    written["balance"] += " --allow-collapsed --allow-memorised"
    of_images = [written[name].replace("--num 100", "--num 3") for name in ("balance", "sample")]
    typed(installed, tmp_path, *of_a_study, *of_images)
    assert report.exists()
    assert len(list((tmp_path / "more").rglob("*.png"))) == 3
