"""What a person types, and what they get back when it cannot be done."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.analysis.page.drawing import Drawings
from gan_study.search_spaces.spaces import SPACES
from gan_study.study.plan.recipe import recipe_names, study_config
from gan_study.study.run import begin
from gan_study.study.run.failures import TooManyFailuresError
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.result import MostTrialsFailedError
from gan_study.study.run.runner import run_study
from gan_study.trainables.balancing.catalog import BALANCERS
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.data.catalog import DATA_SETS
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.records.record import SCHEMA_VERSION
from tests.analysis.planted import array_path, predicted_study, write_arrays
from tests.study.simulation import Simulation


@pytest.fixture
def folder_of_images(tmp_path):
    """Three classes of 12, 12 and 4 grey images."""
    rng = np.random.default_rng(0)
    for name, count in (("cat", 12), ("dog", 12), ("lynx", 4)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, size=(20, 30), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i:02}.png")
    return tmp_path / "images"


def assert_one_line(result, message):
    code, _, err = result
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_list_names_every_member_of_every_catalog(gan_study):
    code, out, _ = gan_study("list")
    assert code == 0
    expected = (*DATA_SETS, *BALANCERS, *VARIANTS, *CLASSIFIERS, *SPACES, *recipe_names(), "fid", "coverage")
    for name in expected:
        assert any(line.split()[:1] == [name] and len(line.split()) > 2 for line in out.splitlines()), name


def test_show_prints_the_whole_configuration(gan_study):
    code, out, _ = gan_study("show", "quickstart", "--set", "classifier.epochs=7")
    assert code == 0
    assert "epochs: 7" in out
    assert "balancing/gan/learning_rate" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quikstart"), "did you mean 'quickstart'?"),
        (
            ("run", "quickstart", "--set", "classifier.epoch=3"),
            "classifier.epoch: unknown key; did you mean 'epochs'?",
        ),
        (("run", "quickstart", "--set", "imbalance.ratio=0.5"), "imbalance.ratio: 0.5"),
        (("run", "quickstart", "--set", "imbalance.minority_classes=[ten]"), "'ten'"),
        (("run", "quickstart", "--set", "imbalance.ratio=100"), "class "),
        (
            ("run", "quickstart", "--set", "objective=my_own:score"),
            "objective: 'my_own:score': cannot import 'my_own'",
        ),
        (("run", "quickstart", "--set", "objective=math:pi"), "objective: 'math:pi' is a float, not a function"),
        (("run", "quickstart", "--set", "objective=math:fsum"), "objective: 'math:fsum' failed on 20 images"),
        (("run", "quickstart", "--set", "costs={ten: {9: 2}}"), "costs: 'ten' is unknown"),
        (("run", "quickstart", "--time-budget", "soon"), "--time-budget 'soon'"),
        (("run", "quickstart", "--data", "."), "data.root (--data): the data set 'digits' reads no folder"),
        (("run", "quickstart", "--address", "nowhere"), "--address 'nowhere': write auto, HOST:PORT"),
        (("run", "quickstart", "--address", "127.0.0.1:1"), "--address 127.0.0.1:1: no cluster answers there"),
        (("run", "imagefolder"), "--data"),
        (("run", "imagefolder", "--data", "/no/such/place"), "/no/such/place"),
        (("run", "mnist-digit0", "--wandb", "onlin"), "wandb.mode: 'onlin'"),
        (("run", "quickstart", "--set", "baselines=[class_weights,class_weights]"), "baselines repeats 'class_w"),
        (("run", "imagefolder", "--data", ""), "--data is empty; is a shell variable not set?"),
        (("run", "imagefolder", "--data="), "--data is empty"),
        (("sample", "model", "--class", "lynx", "--out", ""), "--out is empty"),
        (("balance", "--data", ".", "--out="), "--out is empty"),
        (("ls", ""), "an argument is empty"),
        (("check", ""), "an argument is empty"),
        (("resume", "/no/such/study"), "/no/such/study contains no study"),
        (("report", "/no/such/study"), "/no/such/study contains no study"),
        (("resume", "--oops"), "No such option: --oops (see `gan-study --help`)"),
        (("sample", "--num", "0"), "Invalid value for '--num'"),
        (("show",), "Missing argument 'RECIPE'"),
        (("repeat",), "No such command 'repeat'"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(gan_study, tmp_path, arguments, message):
    out = ("--out", tmp_path / "study") if arguments[0] == "run" else ()
    assert_one_line(gan_study(*arguments, *out), message)
    assert not (tmp_path / "study" / "study.json").exists()


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "a/b", "..", "a\0b", "a\nb"])
def test_a_study_lies_below_the_folder_of_studies_whatever_it_is_called(monkeypatch, tmp_path, name):
    placed = []
    monkeypatch.setattr(begin, "begin_study", lambda config, root, options: placed.append(root))
    run_study(study_config("quickstart", [f"name={json.dumps(name)}"]))
    (root,) = placed
    assert root.parent == Path("studies") and root.name.isprintable()


def test_an_empty_path_and_a_recipes_name_are_no_place_and_no_configuration():
    with pytest.raises(ConfigError, match="a path is empty"):
        run_study(study_config("quickstart"), out="")
    with pytest.raises(TypeError, match=r"StudyConfig is needed"):
        run_study("quickstart")


def test_a_folder_that_holds_a_study_is_not_written_to(gan_study, tmp_path):
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    before = (tmp_path / "study" / "study.json").read_bytes()
    assert_one_line(gan_study("run", "quickstart", "--out", tmp_path / "study"), "already contains a study")
    assert (tmp_path / "study" / "study.json").read_bytes() == before


def test_a_folder_with_other_files_is_not_written_to(gan_study, tmp_path):
    (tmp_path / "thesis.txt").write_text("do not lose")
    assert_one_line(gan_study("run", "quickstart", "--out", tmp_path), "is not empty and contains no study")


def test_a_place_that_cannot_be_written_to_is_named(gan_study, tmp_path):
    (tmp_path / "file").write_text("")
    assert_one_line(gan_study("run", "quickstart", "--out", tmp_path / "file" / "study"), str(tmp_path / "file"))


def test_a_corrupt_image_is_named(gan_study, folder_of_images, tmp_path):
    (folder_of_images / "lynx" / "00.png").write_bytes(b"\x89PNG\r\n")
    result = gan_study("run", "imagefolder", "--data", folder_of_images, "--out", tmp_path / "study")
    assert_one_line(result, "00.png")
    assert "--skip-unreadable" in result[2]


def test_a_folder_without_classes_is_named(gan_study, tmp_path):
    (tmp_path / "images").mkdir()
    result = gan_study("run", "imagefolder", "--data", tmp_path / "images", "--out", tmp_path / "study")
    assert_one_line(result, str(tmp_path / "images"))


def test_a_class_too_small_to_split_is_named(gan_study, folder_of_images, tmp_path):
    for image in sorted((folder_of_images / "lynx").iterdir())[1:]:
        image.unlink()
    result = gan_study("run", "imagefolder", "--data", folder_of_images, "--out", tmp_path / "study")
    assert_one_line(result, "lynx")


def test_a_study_of_the_first_version_is_refused_wherever_a_command_meets_it(gan_study, tmp_path):
    header = {"name": "x", "study_id": "0123abcd", "created_at": "", "config": {}, "environment": {}}
    (tmp_path / "study.json").write_text(json.dumps(header))
    for command in (["run", "quickstart", "--out", tmp_path], ["resume", tmp_path], ["status", tmp_path]):
        assert_one_line(gan_study(*command), "written by gan-study 0.1.0")


def test_a_damaged_manifest_is_named(gan_study, tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION, "name": "x"}))
    assert_one_line(gan_study("resume", tmp_path), "study.json is not a valid study.json")


@pytest.mark.parametrize("name", ["selection.json", "records.jsonl", "rounds.json"])
def test_a_damaged_file_of_a_study_is_named(gan_study, tmp_path, name):
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    (tmp_path / "study" / name).write_text("{broken\n{}\n")
    assert_one_line(gan_study("resume", tmp_path / "study"), name)
    assert (tmp_path / "study" / name).read_text() == "{broken\n{}\n"


def test_what_cannot_be_added_to_a_study_is_one_line(gan_study, tmp_path):
    create_study_folder(tmp_path / "study", study_config("quickstart", ["confirm.until=fixed"]), {})
    before = (tmp_path / "study" / "study.json").read_bytes()
    assert_one_line(gan_study("resume", tmp_path / "study", "--until-decided"), "--seeds N")
    assert_one_line(gan_study("resume", tmp_path / "study", "--seeds", 4), "--seeds 4: the study already has 4")
    assert (tmp_path / "study" / "study.json").read_bytes() == before


@pytest.mark.parametrize(("flags", "until"), [([], "fixed"), (["--until-decided"], "decided")])
def test_until_decided_is_a_setting(gan_study, monkeypatch, flags, until):
    def run_study(config, **options):
        raise UserError(f"until {config.confirm.until}")

    monkeypatch.setattr("gan_study.study.run.runner.run_study", run_study)
    assert_one_line(gan_study("run", "mnist-digit0", *flags), f"until {until}")


def test_check_says_what_is_wrong_in_its_exit_code(gan_study, tmp_path):
    assert_one_line(gan_study("check", tmp_path), "contains no study")
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    assert gan_study("check", tmp_path / "study")[0] == 0
    (tmp_path / "study" / "records.jsonl").write_text("{}\n")
    code, out, _ = gan_study("check", tmp_path / "study")
    assert code == 1
    assert "wrong: records.jsonl:1: schema version None" in out
    assert "1 wrong" in out


@pytest.mark.slow
def test_report_check_says_in_its_exit_code_what_is_off(gan_study, tmp_path, monkeypatch):
    # No number is in a drawing, and to draw takes ten seconds a report.
    monkeypatch.setattr("gan_study.analysis.page.report.draw_apart", lambda study, plotted: Drawings())
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    assert_one_line(gan_study("report", "--check", tmp_path / "study"), "has no report")
    records = predicted_study()
    write_arrays(tmp_path / "study", records)
    assert gan_study("report", tmp_path / "study")[0] == 0
    code, out, _ = gan_study("report", "--check", tmp_path / "study")
    assert (code, out.splitlines()[-1].split(", ")[-1]) == (0, "none different")
    both = (tmp_path / "study", tmp_path / "study", "--out", tmp_path / "both")
    code, out, _ = gan_study("report", *both)
    assert code == 0 and "here are 1 data set and " in out
    assert (tmp_path / "both" / "index.html").is_file()
    (tmp_path / "study" / "importance.json").write_text("[]")
    code, out, _ = gan_study("report", "--check", tmp_path / "study")
    assert (code, out.splitlines()[0].split(":")[:2]) == (1, ["off", " importance.json"])
    assert gan_study("report", tmp_path / "study")[0] == 0
    (tmp_path / "study" / array_path(records[-1])).unlink()
    code, out, _ = gan_study("report", "--check", tmp_path / "study")
    assert code == 1
    assert f"off: trial {records[-1].trial_id}, test predictions" in out
    # Verdicts, whose p values over test images need the file too, are off with it.
    assert re.search(r", [1-9]\d* different$", out.strip())


@pytest.mark.slow
def test_report_is_written_from_the_records_alone(gan_study, tmp_path):
    config = study_config("quickstart")
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0)
    create_study_folder(tmp_path / "study", config, {})
    lines = (record.to_line() for record in simulation.records.values())
    (tmp_path / "study" / "records.jsonl").write_text("\n".join(lines) + "\n")
    shutil.rmtree(tmp_path / "study" / "artifacts", ignore_errors=True)
    code, out, _ = gan_study("report", tmp_path / "study")
    assert code == 0
    assert "report.html" in out
    assert (tmp_path / "study" / "report" / "report.html").exists()


def test_a_command_loads_only_what_it_needs():
    """What a command does not use took more than half of its start: three and a half seconds of six."""
    loaded = (
        "import sys, gan_study.study.commands, gan_study.study.run.folder; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    process = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    needless = {"imblearn", "matplotlib", "pandas", "ray", "sklearn", "torchvision", "wandb"}
    assert needless & set(process.stdout.split()) == set()
    assert "torch" in process.stdout.split()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TooManyFailuresError("5 of the last 5 trials failed in the same way"), 1),
        (MostTrialsFailedError("5 of 8 trials failed"), 1),
        (UserError("resources: a trial asks for 4096 CPU"), 2),
        (SystemExit(143), 143),
        # As a part of another package may do.
        *((SystemExit(code), 2) for code in (None, 0, 1, "bye")),
        (RuntimeError("can't start new thread"), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_a_study_ended_is_the_exit_code_and_one_line(gan_study, monkeypatch, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("gan_study.study.run.runner.run_study", fail)
    result = gan_study("run", "quickstart")
    assert result[0] == code and result[2].count("\n") == 1 and result[2].startswith("gan-study: ")


def test_who_has_no_home_folder_has_the_temporary_one(gan_study, monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    monkeypatch.setenv("HOME", "")
    assert gan_study("show", "quickstart")[0] == 0
    assert os.environ["HOME"] == tempfile.gettempdir()


HOSTILE = "\x1b[31mred\x1b]0;title\x07\nline"


@pytest.mark.parametrize(
    "command",
    [
        *(("check",), ("status",), ("resume",), ("report",), ("ls",), ("logs",)),
        *(("show", "quickstart", "--set"), ("run", "quickstart", "--set"), ("sample", "nowhere", "--class")),
        *(("check-plugin", "imagefolder", "--data"), ("balance", "--variant", "dcgan", "--out", "o", "--data")),
    ],
    ids=" ".join,
)
def test_no_argument_steers_the_terminal(gan_study, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    value = f"{HOSTILE}=3" if command[-1] == "--set" else HOSTILE
    more = ("--out", "o") if command[0] == "sample" else ()
    code, out, err = gan_study(*command, value, *more)
    assert code == 2 and err.count("\n") == 1
    assert all(char.isprintable() or char == "\n" for char in out + err)


def test_what_is_found_in_a_study_does_not_steer_the_terminal(gan_study, tmp_path):
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    (tmp_path / "study" / "logs").mkdir(exist_ok=True)
    line = {"time": HOSTILE, "level": "INFO", "event": HOSTILE, "message": HOSTILE}
    (tmp_path / "study" / "logs" / "driver.jsonl").write_text(json.dumps(line) + "\n")
    text = (tmp_path / "study" / "study.json").read_text()
    edited = {**json.loads(text), "created_at": HOSTILE}
    (tmp_path / "study" / "study.json").write_text(json.dumps(edited))
    for command in (("ls", tmp_path), ("logs", tmp_path / "study"), ("check", tmp_path / "study")):
        _, out, err = gan_study(*command)
        assert out and all(char.isprintable() or char == "\n" for char in out + err), command


def test_a_setting_that_is_given_twice_is_refused(gan_study):
    said = "search.trials: 3 and 4 were given"
    assert_one_line(gan_study("run", "quickstart", "--set", "search.trials=3", "--set", "search.trials=4"), said)
    assert_one_line(gan_study("run", "quickstart", "--set", "search.trials=3", "--trials", 4), said)


def test_an_option_that_would_do_nothing_is_refused(gan_study, tmp_path):
    create_study_folder(tmp_path / "study", study_config("quickstart"), {})
    said = "--out: this is for the page of"
    assert_one_line(gan_study("report", tmp_path / "study", "--out", tmp_path / "page"), said)
    both = (tmp_path / "study", tmp_path / "study", "--check", "--out", tmp_path / "page")
    assert_one_line(gan_study("report", *both), said)
    assert_one_line(gan_study("explain", "classifier", "--schema"), "--schema prints all settings")


def test_keys_and_lengths_that_are_far_too_long_are_refused(gan_study, folder_of_images, tmp_path):
    assert_one_line(gan_study("show", "quickstart", "--set", "a." * 2000 + "b=1"), "2000 sections deep")
    balance = ("balance", "--variant", "dcgan", "--data", folder_of_images, "--out", tmp_path / "out", "--steps")
    assert_one_line(gan_study(*balance, "9" * 30), "generator_steps")
    assert not (tmp_path / "out").exists()


PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize("scheme", ["https", "s3", "file", "postgresql+psycopg"])
@pytest.mark.parametrize(
    "command",
    [
        *(("run",), ("plan",), ("show",), ("resume",), ("status",), ("ls",), ("report",), ("check",), ("logs",)),
        *(
            ("run", "imagefolder", "--data"),
            ("run", "quickstart", "--out"),
            ("sample", "m", "--class", "a", "--out"),
        ),
        *(("balance", "--out", "o", "--from"), ("balance", "--out", "o", "--about"), ("check-plugin",)),
        ("run", "imagefolder", "--set", "data.root"),
    ],
    ids=" ".join,
)
def test_a_url_is_no_path_and_is_not_repeated(gan_study, tmp_path, monkeypatch, command, scheme):
    monkeypatch.chdir(tmp_path)
    *given, last = command
    url = f"{scheme}://me:{PASSWORD}@host/place"
    option = last.startswith("--")
    arguments = [*given, f"{last}={url}"] if option or "." in last else [*command, url]
    code, out, err = gan_study(*arguments)
    assert code == 2 and err.count("\n") == 1 and "URL" in err
    assert PASSWORD not in out + err and not any(tmp_path.iterdir())


def test_a_url_is_taken_where_one_is_needed(gan_study, monkeypatch):
    assert gan_study("show", "quickstart", "--set=storage=postgresql://host/database")[0] == 0
    assert_one_line(gan_study("run", "quickstart", "--address", "ray://127.0.0.1:1"), "no cluster answers there")
