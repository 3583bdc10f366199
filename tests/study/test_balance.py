"""Which trial a balanced data set is made by, and the commands that make one and sample from its generator."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from gan_study.study.balance import BalanceOptions, export_request, progress_bars, run_export
from gan_study.study.plan.config import parse_study
from gan_study.study.run.folder import create_study_folder
from gan_study.study.watch.check import check_study
from gan_study.trainables.base.settings import UserError
from gan_study.trainables.data.imbalance import Counts
from gan_study.trainables.data.reading.listing import list_images
from gan_study.trainables.export.balanced_folder import read_description, read_manifest, retrain
from gan_study.trainables.export.findings import OVERRULED_BY
from gan_study.trainables.export.saved_generator import load_generator
from gan_study.trainables.records.limits import MOST_RECORD_BYTES
from tests.study.simulation import Simulation
from tests.study.test_cli import assert_one_line

pytestmark = pytest.mark.usefixtures("few_domain_steps")

SMALL = {"generator_steps": 4, "batch_size": 4, "latent_size": 4}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three classes of 24, 24 and 8 noisy images."""
    folder, random = tmp_path_factory.mktemp("data") / "images", np.random.default_rng(0)
    for name, count in (("cat", 24), ("dog", 24), ("lynx", 8)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 256, size=(12, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:02}.png")
    return folder


def study_of(images, *, ratios=None, seeds=(1, 2)):
    parameters = {"balancing/name": {"kind": "choice", "options": ["dcgan", "lsgan"]}}
    if ratios:
        parameters["imbalance/ratio"] = {"kind": "choice", "options": ratios}
    return parse_study(
        {
            "name": "tiny",
            "data": {"name": "imagefolder", "root": str(images), "image_size": 8},
            "imbalance": {"profile": "step", "ratio": 3, "minority_classes": ["lynx"]}
            if ratios
            else {"profile": "natural"},
            "classifier": {"epochs": 2},
            "balancers": {"dcgan": {"gan": SMALL}, "lsgan": {"gan": SMALL}},
            "baselines": [],
            "search": {"trials": 0, "parameters": parameters},
            "confirm": {"seeds": list(seeds)},
        }
    )


def allowing(request):
    """The request, with whatever a GAN of a few steps does."""
    return replace(request, allowed=frozenset(OVERRULED_BY))


def study_folder(folder, config):
    """A study whose trials have ended with made-up scores; gives back its records."""
    simulation = Simulation()
    simulation.run(config, num_workers=1, seed=0)
    create_study_folder(folder, config, {})
    records = list(simulation.records.values())
    write_records(folder, records)
    return records


def write_records(folder, records):
    (folder / "records.jsonl").write_text("".join(f"{record.to_line()}\n" for record in records))


def f1_of(records, balancer):
    found = [record for record in records if record.balancer == balancer and record.phase == "confirm"]
    return sum(record.scores["validation"]["minority_f1"] for record in found) / len(found)


def test_the_gan_that_validation_chose_is_taken_as_it_was_confirmed(images, tmp_path):
    records = study_folder(tmp_path, study_of(images))
    request = export_request(BalanceOptions(study=tmp_path))
    best = max(("dcgan", "lsgan"), key=lambda name: f1_of(records, name))
    [trial] = [each for each in records if (each.balancer, each.seed, each.phase) == (best, 1, "confirm")]
    assert request.config.trial_id == trial.trial_id
    assert request.study_validation == trial.scores["validation"]


def test_classes_that_a_record_has_no_room_for_are_taken_from_the_study(images, tmp_path):
    names = [f"class {number}" for number in range(1000)]
    imbalance = Counts(counts=dict.fromkeys(names, 20), minority_classes=tuple(names[1:]))
    records = study_folder(tmp_path, replace(study_of(images), imbalance=imbalance))
    assert max(len(record.to_line()) for record in records) <= MOST_RECORD_BYTES
    request = export_request(BalanceOptions(study=tmp_path))
    assert request.config.imbalance == imbalance
    assert request.study_validation is not None, "its name is the confirmed trial's"
    assert not any("configuration" in finding.what for finding in check_study(tmp_path).findings)
    (tmp_path / "study.json").write_text("{")
    said = [finding.what for finding in check_study(tmp_path).findings if "configuration" in finding.what]
    assert len(said) == len(records)
    assert all("classes, listed in study.json' cannot be used" in what for what in said)


def test_the_verdict_of_the_study_goes_along(images, tmp_path):
    records = study_folder(tmp_path / "study", study_of(images, seeds=(1, 2, 3)))
    for record in records:
        if record.balancer == "lsgan" and record.phase == "confirm":
            record.scores["test"]["minority_f1"] = 0.01 * record.seed
        elif record.balancer == "none" and record.phase == "confirm":
            record.scores["test"]["minority_f1"] = 0.5 + 0.011 * record.seed
    write_records(tmp_path / "study", records)
    request = export_request(BalanceOptions(study=tmp_path / "study", variant="lsgan"))
    (said,) = request.findings
    assert all(part in said for part in ("lsgan", "no balancing", "hurts", "test minority F1 −0.50"))
    assert said in run_export(allowing(request), tmp_path / "out", Console(quiet=True)).notes
    assert said in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    "length",
    [
        {},
        {"epochs": 3},
        {"generator_steps": 4},
        {"most_generator_steps": 9000},
        {"generator_steps": 2000, "milestones": [500, 1000]},
    ],
    ids=["default", "epochs", "steps", "cap", "milestones"],
)
def test_so_many_steps_are_exactly_so_many_however_long_the_studys_gan_was(images, tmp_path, length):
    config = study_of(images)
    study_folder(tmp_path, replace(config, balancers={"dcgan": {"gan": length}, "lsgan": {"gan": length}}))
    for steps in (1, 500, 3000, 8000):
        request = export_request(BalanceOptions(study=tmp_path, generator_steps=steps))
        gan = request.config.balancing.balancer.gan
        assert (gan.generator_steps, gan.most_generator_steps, gan.epochs) == (steps, None, None)
        assert gan.milestones == ()
    same = export_request(BalanceOptions(study=tmp_path, generator_steps=4))
    assert (same.study_validation is not None) == (length == {"generator_steps": 4})


def test_options_choose_among_what_was_confirmed(images, tmp_path):
    study_folder(tmp_path / "study", study_of(images))
    options = BalanceOptions(study=tmp_path / "study", variant="lsgan", seed=2)
    request = export_request(options)
    assert (request.config.balancing.name, request.config.seed) == ("lsgan", 2)
    longer = export_request(replace(options, generator_steps=5))
    assert longer.config.balancing.balancer.gan.generator_steps == 5
    assert longer.study_validation is None
    elsewhere = export_request(replace(options, data=str(tmp_path)))
    assert elsewhere.config.data.root == str(tmp_path)
    assert elsewhere.study_validation is None
    same = export_request(replace(options, data=f"{images}/../images"))
    assert same.study_validation == request.study_validation


def test_a_ratio_is_chosen_where_there_are_several(images, tmp_path):
    study_folder(tmp_path, study_of(images, ratios=[3.0, 4.0]))
    request = export_request(BalanceOptions(study=tmp_path, ratio=4.0))
    assert request.config.imbalance.ratio == 4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--ratio: name one of the study's imbalance ratios: 3, 4"),
        ({"ratio": 5.0}, "--ratio: name one of the study's imbalance ratios: 3, 4"),
        ({"ratio": 3.0, "variant": "dcgam"}, "did you mean 'dcgan'?"),
        ({"ratio": 3.0, "variant": "dcgan", "seed": 7}, "--seed: dcgan was confirmed with 1, 2, not 7"),
        ({"ratio": 3.0, "assignments": ("classifier.epochs=3",)}, "--set classifier.epochs=3"),
    ],
)
def test_what_a_study_does_not_have_is_named(images, tmp_path, options, message):
    study_folder(tmp_path, study_of(images, ratios=[3.0, 4.0]))
    with pytest.raises(UserError) as error:
        export_request(BalanceOptions(study=tmp_path, **options))
    assert message in str(error.value)


def test_a_study_that_has_confirmed_nothing_is_named(images, tmp_path):
    create_study_folder(tmp_path, study_of(images), {})
    with pytest.raises(UserError, match="has no confirmed generator"):
        export_request(BalanceOptions(study=tmp_path))


def test_the_set_of_a_study_is_balanced_and_has_its_figure_beside_that_of_the_study(images, tmp_path):
    study_folder(tmp_path / "study", study_of(images))
    request = export_request(BalanceOptions(study=tmp_path / "study"))
    description = run_export(allowing(request), tmp_path / "out", Console(quiet=True))
    assert description.study_validation == request.study_validation
    assert retrain(tmp_path / "out") == description.validation
    name, value = next(iter(request.study_validation.items()))
    assert (
        f"| {name} | {description.validation[name]:.4g} | {value:.4g} |"
        in (tmp_path / "out/README.md").read_text()
    )


def test_bars_show_how_far_each_stage_is(capsys):
    with progress_bars(Console(width=80)) as show:
        show("training", 1, 4)
        show("training", 3, 4)
        show("writing", 2, 2)
    shown = capsys.readouterr().out
    assert "training" in shown and "3/4" in shown and "2/2" in shown


# After two steps a GAN makes one grey image.
COMMAND = (
    *("--set", "data.image_size=8", "--set", "classifier.epochs=2", "--steps", 2),
    *("--allow-memorised", "--allow-collapsed"),
)


def test_a_folder_is_balanced_and_its_generator_sampled_from(gan_study, images, tmp_path):
    out = tmp_path / "out"
    code, said, _ = gan_study("balance", "--data", images, "--out", out, "--variant", "cgan", *COMMAND)
    assert code == 0
    assert "lynx" in said and "README.md" in said
    assert list_images(out, out / "train").class_counts() == (14, 14, 14)
    assert read_description(out).config.balancing.balancer.gan.generator_steps == 2
    # The same again changes nothing.
    assert gan_study("balance", "--data", images, "--out", out, "--variant", "cgan", *COMMAND)[0] == 0

    code, said, _ = gan_study(
        "sample", out / "generator", "--class", "lynx", "--num", 3, "--out", tmp_path / "more", "--seed", 4
    )
    assert code == 0
    files = sorted((tmp_path / "more" / "lynx").iterdir())
    assert len(files) == 3
    expected = load_generator(out / "generator").sample("lynx", 3, seed=4)
    assert all(np.array_equal(np.asarray(Image.open(file)), expected[i, 0]) for i, file in enumerate(files))


def test_a_class_whose_name_looks_like_markup_keeps_it(gan_study, images, tmp_path):
    shutil.copytree(images, tmp_path / "images")
    (tmp_path / "images" / "lynx").rename(tmp_path / "images" / "[bold]lynx\x1b[2J")
    command = ("--data", tmp_path / "images", "--out", tmp_path / "out", "--variant", "cgan", *COMMAND)
    code, said, _ = gan_study("balance", *command)
    assert code == 0
    assert "[bold]lynx\\x1b[2J" in said
    assert "\x1b[2J" not in said


def test_real_images_are_linked_where_that_is_asked_for(gan_study, images, tmp_path):
    command = ("balance", "--data", images, "--out", tmp_path / "out", "--variant", "dcgan", "--link", *COMMAND)
    assert gan_study(*command)[0] == 0
    manifest = read_manifest(tmp_path / "out")
    assert {row.origin for row in manifest} == {"real", "synthetic"}
    for row in manifest:
        file = tmp_path / "out" / row.file
        assert file.is_symlink() == (row.origin == "real")
        assert row.origin != "real" or file.resolve() == (images / row.source).resolve()


def test_an_unreadable_image_is_left_out_where_that_is_asked_for(gan_study, images, tmp_path):
    shutil.copytree(images, tmp_path / "images")
    # Two of eight are the test set, which is not read.
    for name in ("00.png", "01.png", "02.png"):
        (tmp_path / "images" / "lynx" / name).write_bytes(b"\x89PNG\r\n")
    command = ("balance", "--data", tmp_path / "images", "--out", tmp_path / "out", "--variant", "dcgan", *COMMAND)
    assert_one_line(gan_study(*command), "cannot be read as an image")
    code, said, _ = gan_study(*command, "--skip-unreadable")
    assert code == 0
    assert "unreadable image files skipped" in said


def test_an_interruption_says_how_to_go_on(gan_study, images, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_study.study.balance.run_export", interrupt)
    code, _, said = gan_study("balance", "--data", images, "--out", tmp_path / "out", "--variant", "dcgan")
    assert code == 130
    assert "run the same command again to continue" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "DATA"), "--variant: name a generator, or a study by --from"),
        (("--data", "DATA", "--variant", "dcgam"), "did you mean 'dcgan'?"),
        (("--variant", "dcgan"), "name it with --data DIR"),
        (("--data", "/no/such/place", "--variant", "dcgan"), "/no/such/place: no such folder"),
        (("--data", "DATA", "--variant", "dcgan", "--ratio", "3"), "--ratio"),
        (("--data", "DATA", "--variant", "dcgan", "--set", "data.image_size=9"), "data.image_size: 9 pixels"),
        (("--from", "/no/such/study"), "/no/such/study contains no study"),
        (("--data", "DATA", "--variant", "dcgan", "--set", "data.root=elsewhere"), "data.root: elsewhere and "),
        (("--data", "DATA", "--variant", "dcgan", "--out", "DATA/new"), "outside that of the real images"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(gan_study, images, tmp_path, arguments, message):
    given = [Path(images, text.removeprefix("DATA/")) if text[:5] == "DATA/" else text for text in arguments]
    given = [images if text == "DATA" else text for text in given]
    out = () if "--out" in arguments else ("--out", tmp_path / "out")
    assert_one_line(gan_study("balance", *given, *out), message)
    assert not (tmp_path / "out").exists()
    assert not (images / "new").exists()


@pytest.mark.parametrize("name", ["linx", "../cat"])
def test_a_class_that_a_generator_does_not_make_is_named(gan_study, tmp_path, name):
    assert_one_line(
        gan_study("sample", tmp_path, "--class", name, "--out", tmp_path / "out"), "contains no generator"
    )
    assert not (tmp_path / "out").exists()
