"""Parts of other packages are looked at before a study's first trial: here, and in the workers."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gan_study.study.plan.recipe import study_config
from gan_study.study.run import data_checks
from gan_study.study.run.cluster import Room
from gan_study.study.run.folder import create_study_folder
from gan_study.study.run.plugins import check_in_workers, check_plugins, plugin_files, used_plugins
from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.data.images import ImageShape
from tests.one_ray import ray_of_ones_own
from tests.plugin_packages import PARTS, install

TINY = ImageShape(size=8, channels=1)
ROOM = Room(trial={"CPU": 1, "GPU": 0.0}, num_workers=1, grows=False)
SPOILING = """
from torch import nn
from gan_study.trainables.classifiers.classifier import ClassifierModel
SPOILING = ClassifierModel(name="spoiling", summary="", body=lambda shape: (nn.Flatten(), 3))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plant_")]:
        del sys.modules[name]


def study(*settings):
    return study_config("quickstart", ["scale=ci", *settings])


def test_own_parts_are_none_of_others():
    assert used_plugins(study()) == ()
    assert plugin_files(study()) == {}


def test_every_setting_that_names_a_part_is_looked_at(folder):
    source = (
        "from dataclasses import replace\n"
        "from gan_study.trainables.balancing.catalog import BALANCERS\n"
        "from gan_study.trainables.data.catalog import DATA_SETS\n"
        "WEIGHTS, DATA = BALANCERS['class_weights'], DATA_SETS['digits']\n"
        "GAN = BALANCERS['dcgan'].variant\n"
        "def metric(labels, probabilities, weights): return 0.5\n"
    )
    install(
        folder,
        "plant_a",
        PARTS + source,
        classifiers={"leaf": "plant_a:LINEAR"},
        metrics={"leaf": "plant_a:body"},
        gans={"root": "plant_a:GAN"},
    )
    config = study(
        "classifier.name=leaf",
        "data.name=plant_a:DATA",
        "baselines=[plant_a:WEIGHTS]",
        "objective=plant_a:metric",
        "search.space=small",
        "search.parameters.balancing/name={kind: choice, options: [root, dcgan]}",
    )
    assert [(each.key, each.name, each.reference) for each in used_plugins(config)] == [
        ("data.name", "plant_a:DATA", "plant_a:DATA"),
        ("classifier.name", "leaf", "plant_a:LINEAR"),
        ("baselines", "plant_a:WEIGHTS", "plant_a:WEIGHTS"),
        ("search.parameters.balancing/name", "root", "plant_a:GAN"),
        ("objective", "plant_a:metric", "plant_a:metric"),
    ]
    assert plugin_files(config) == {"the module plant_a": folder / "plant_a.py"}
    check_plugins(config, shape=TINY, num_classes=10)


def test_a_part_that_breaks_a_promise_is_refused_before_the_first_trial(folder):
    install(folder, "plant_b", SPOILING)
    with pytest.raises(ConfigError) as error:
        check_plugins(study("classifier.name=plant_b:SPOILING"), shape=TINY, num_classes=10)
    assert str(error.value) == (
        "classifier.name: 'plant_b:SPOILING' breaks a promise of classifiers: its body turns images [N, C, H, W] "
        "into features [N, D] (8x8x1: features of shape (11, 64) and not (11, 3), at 8x8x1); see "
        "`gan-study check-plugin`"
    )


def test_another_module_is_another_study(folder, tmp_path):
    """The one that defines the part, or one that this imports."""
    install(folder, "plant_c", PARTS + "import plant_g\n")
    (folder / "plant_g.py").write_text("", encoding="utf-8")
    config = study("classifier.name=plant_c:LINEAR")
    manifest = create_study_folder(tmp_path / "study", config, {}, data=data_checks.take_fingerprint(config))

    def changes():
        now = data_checks.take_fingerprint(config)
        return data_checks.find_changed_data(tmp_path / "study", manifest, now)

    assert changes() is None
    (folder / "plant_g.py").write_text("# changed\n", encoding="utf-8")
    assert changes() == "1 file changed (the module plant_g)"
    (folder / "plant_c.py").write_text(PARTS + "import plant_g  # changed\n", encoding="utf-8")
    assert changes() == "2 files changed (the module plant_c, the module plant_g)"


@pytest.mark.ray
def test_a_part_is_looked_for_where_trials_run(folder, tmp_path_factory):
    """In a module that Ray brings along, one that this process alone can import, and one of other code there."""
    sent = tmp_path_factory.mktemp("sent")
    install(folder, "plant_d")
    install(folder, "plant_e")
    for name, source in (("plant_d", PARTS), ("plant_f", PARTS + "# another version\n")):
        (sent / name).mkdir()
        (sent / name / "__init__.py").write_text(source, encoding="utf-8")
    # As a package of the same file on both sides.
    (folder / "plant_d.py").unlink()
    for name in ("plant_d", "plant_f"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(PARTS, encoding="utf-8")
    # The part is the same on both sides, and what it imports is not.
    install(folder, "plant_h", PARTS + "import plant_f\n")
    modules = [str(sent / "plant_d"), str(sent / "plant_f"), str(folder / "plant_h.py")]
    with ray_of_ones_own(runtime_env={"py_modules": modules}):
        check_in_workers(study("classifier.name=plant_d:LINEAR"), ROOM)
        with pytest.raises(
            ConfigError, match=r"^classifier\.name: 'plant_e:LINEAR': cannot import .* a worker on "
        ):
            check_in_workers(study("classifier.name=plant_e:LINEAR"), ROOM)
        with pytest.raises(
            ConfigError, match=r"'plant_f:LINEAR': the module plant_f of a worker on .* is different"
        ):
            check_in_workers(study("classifier.name=plant_f:LINEAR"), ROOM)
        with pytest.raises(
            ConfigError, match=r"'plant_h:LINEAR': the module plant_f of a worker on .* is different"
        ):
            check_in_workers(study("classifier.name=plant_h:LINEAR"), ROOM)
        # Nobody is asked where there is nothing to ask for.
        check_in_workers(study(), replace(ROOM, trial={"CPU": 10**6, "GPU": 0.0}))


def test_a_part_of_the_script_itself_is_refused(folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        PARTS
        + "from gan_study import study_config\nstudy_config('quickstart', ['classifier.name=__main__:LINEAR'])\n",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "__main__:LINEAR': put it into a module of its own: workers cannot import the script" in done.stderr
