"""The balanced folder: what is in it, that nothing is lost in it, and that its figures come again."""

import html
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from functools import partial
from itertools import product
from pathlib import Path

import markdown
import numpy as np
import pytest
import torch
from markdown_it import MarkdownIt
from PIL import Image

from gan_study.trainables.base.seeding import derive_seed
from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.listing import list_images
from gan_study.trainables.export.about import About
from gan_study.trainables.export.balanced_folder import (
    find_change,
    read_description,
    read_manifest,
    read_part,
    retrain,
    validation_scores,
)
from gan_study.trainables.export.cards import data_card, model_card
from gan_study.trainables.export.export import export
from gan_study.trainables.export.request import REQUEST, ExportRequest, find_finished
from gan_study.trainables.export.saved_generator import load_generator
from gan_study.trainables.runtime.storage import write_atomically
from gan_study.trainables.trial.data import prepare
from tests.balanced_folders import ANYTHING, begun, contents, trial
from tests.browser import chromium, needs_chromium, opened

pytestmark = pytest.mark.usefixtures("few_domain_steps")

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def exported(images, request_, tmp_path_factory):
    """The balanced folder; the images that it was made from are as they were."""
    before, folder = contents(images), tmp_path_factory.mktemp("balanced") / "out"
    export(request_, folder)
    assert contents(images) == before
    return folder


@pytest.fixture(scope="module")
def manifest(exported):
    return read_manifest(exported)


def test_every_rare_class_has_as_many_images_as_the_largest(exported, manifest):
    # A quarter is the test set, and a fifth of the rest the validation set.
    assert list_images(exported, exported / "train").class_counts() == (14, 12, 14)
    assert list_images(exported, exported / "validation").class_counts() == (4, 3, 1)
    kinds = Counter((row.part, row.class_name, row.origin) for row in manifest)
    assert kinds == {
        ("train", "Cat", "real"): 14,
        ("train", "dog", "real"): 12,
        ("train", "lynx", "real"): 5,
        ("train", "lynx", "synthetic"): 9,
        ("validation", "Cat", "real"): 4,
        ("validation", "dog", "real"): 3,
        ("validation", "lynx", "real"): 1,
    }


def test_every_image_is_listed_and_nothing_else(exported, manifest):
    inside = [name for name in contents(exported) if name.startswith(("train/", "validation/"))]
    written = [name for name in inside if not name.endswith("/metadata.csv")]
    assert sorted(row.file for row in manifest) == written
    assert all(("synthetic-" in row.file) == (row.origin == "synthetic") for row in manifest)
    assert sorted(path.name for path in exported.iterdir()) == [
        *("README.md", "balanced.json", "classes.csv", "croissant.json", "generator", "manifest.csv"),
        *("metadata.csv", "train", "validation"),
    ]


def test_real_images_are_the_files_that_they_were_read_from(images, exported, manifest, request_):
    real = [row for row in manifest if row.origin == "real"]
    assert all((exported / row.file).read_bytes() == (images / row.source).read_bytes() for row in real)
    parts = prepare(request_.config, image_source(request_.config.data))
    for part, expected in (("train", parts.training), ("validation", parts.validation)):
        assert sorted(row.source for row in real if row.part == part) == sorted(expected.origins)


def test_synthetic_images_are_the_generators_to_the_last_bit(exported, manifest, request_):
    description = read_description(exported)
    generator = load_generator(exported / "generator")
    seed = derive_seed(request_.config.seed, "balancing")
    for each in description.classes:
        if not each.num_synthetic:
            continue
        assert each.num_copies == 0, "the test wants a class whose first draw was kept"
        made = generator.sample(each.name, each.num_synthetic, seed=seed)
        files = [row.file for row in manifest if row.class_name == each.name and row.origin == "synthetic"]
        for pixels, file in zip(made, files, strict=True):
            with Image.open(exported / file) as image:
                np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1), pixels)


def test_the_manifest_names_the_nearest_real_image(exported, manifest):
    synthetic = [row for row in manifest if row.origin == "synthetic"]
    real = {row.file: row for row in manifest if row.origin == "real" and row.part == "train"}
    assert all(real[row.nearest_real].class_name == row.class_name for row in synthetic)
    assert all(float(row.distance) > 0 and int(row.seed) > 0 for row in synthetic)


@pytest.mark.slow
def test_a_classifier_of_the_export_has_the_figure_that_is_reported(exported):
    """In a process of its own, from another place."""
    moved = exported.parent / "moved"
    shutil.copytree(exported, moved)
    program = "from gan_study.trainables.export.balanced_folder import retrain; print(retrain('.'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=moved,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    shutil.rmtree(moved)
    reported = dict(read_description(exported).validation)
    assert done.stdout.strip() == str(reported)
    assert {"minority_f1", "minority_recall", "mcc", "brier"} <= reported.keys()


def test_the_figure_depends_on_the_images(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "changed")
    for path in sorted((tmp_path / "changed" / "train" / "Cat").iterdir()):
        Image.new("L", (8, 8), 255).save(path)
    described = read_description(exported)
    changed = validation_scores(tmp_path / "changed", described, device=torch.device("cpu"))
    assert changed.overall != described.validation


def test_the_cards_have_the_counts_and_the_figures(exported):
    description = read_description(exported)
    card = (exported / "README.md").read_text()
    lynx = next(each for each in description.classes if each.name == "lynx")
    assert f"| lynx | lynx | 5 | 9 | {lynx.num_distinct} | 14 | 1 | 0 |" in card
    assert f"| balanced_accuracy | {description.validation['balanced_accuracy']:.4g} |" in card
    model = (exported / "generator" / "README.md").read_text()
    assert "| lynx | 5 | 9 |" in model
    assert all("8 generator steps" in each for each in (card, model))
    assert f"balanced_accuracy {description.validation['balanced_accuracy']:.4g}" in model
    assert all(f"## {title}" in model for title in ("Use", "Data", "Metrics", "Intended use", "Limits"))
    assert not re.search(r"\n\n\n", card + model)


def test_a_note_says_how_many_images_pass_for_their_class(exported):
    notes = read_description(exported).notes
    [note] = [
        note for note in notes if note.startswith("class 'lynx': a classifier of the real images recognises ")
    ]
    assert re.search(r"recognises \d+% of the synthetic ones; of held-out real ones: \d+%$", note)
    assert note in (exported / "README.md").read_text()


def code_block(card, beginning):
    """The block of code of a card that begins so, as it is seen."""
    found = re.findall(r"<code[^>]*>(.*?)</code>", MarkdownIt().render(card.read_text()), flags=re.DOTALL)
    [block] = [text for text in map(html.unescape, found) if text.startswith(beginning)]
    return block


def test_the_snippets_of_the_cards_run(exported, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    for card, place in (
        (folder / "generator" / "README.md", folder / "generator"),
        (folder / "README.md", folder),
    ):
        snippet = code_block(card, "from ")
        assert len([line for line in snippet.splitlines() if line]) <= 5
        monkeypatch.chdir(place)
        exec(snippet, {})
    with Image.open(folder / "generator" / "sample.png") as image:
        assert image.size == (8, 8)
    assert "balanced_accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["lynx", "it's a <lynx> & a café", "$HOME", "-1", "a\n```\n<b>'\\ é\x1b", "M\udcfcll"]
)
def test_what_the_model_card_has_for_a_shell_names_the_class(exported, name, tmp_path):
    config = load_generator(exported / "generator").config
    filled = replace(config, classes={name: config.classes["lynx"]})
    card = model_card(read_description(exported), filled)
    (tmp_path / "card.md").write_text(card)
    command = code_block(tmp_path / "card.md", "gan-study sample")
    said = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout
    assert list(map(os.fsdecode, said.split(b"\0")))[:5] == ["gan-study", "sample", ".", "--class", name]


HOSTILE = (
    "<img src=x onerror=done()>|`</code>[a](javascript:done())\n\n# <script>done()</script>\n```\n"
    "<script>done()</script>"
)


@pytest.mark.slow
@needs_chromium
def test_no_name_does_anything_in_a_rendered_card(exported, tmp_path):
    description, saved = read_description(exported), load_generator(exported / "generator").config
    classes = tuple(replace(each, name=HOSTILE, folder=HOSTILE) for each in description.classes)
    hostile = replace(
        description,
        classes=classes,
        notes=(HOSTILE,),
        environment=dict.fromkeys(description.environment, HOSTILE),
        # A date is checked when it is read.
        about=About(**{field.name: HOSTILE for field in fields(About) if field.name != "date_published"}),
    )
    cards = (
        data_card(hostile),
        model_card(hostile, replace(saved, variant=HOSTILE, classes={HOSTILE: saved.classes["lynx"]})),
    )
    renderers = (
        MarkdownIt("gfm-like", {"html": True, "linkify": False}).render,
        markdown.markdown,
        partial(markdown.markdown, extensions=["extra"]),
    )
    with chromium() as browser:
        for number, (card, render) in enumerate(product(cards, renderers)):
            page = tmp_path / f"{number}.html"
            page.write_text(
                f"<meta charset=utf-8><script>function done() {{ window.was = 1 }}</script>{render(card)}"
            )
            shown, complaints = opened(browser, page)
            assert shown.evaluate("window.was") is None
            assert complaints == []
            assert shown.locator("img, a, body script").count() == 0
            assert "<img src=x onerror=done()>" in shown.inner_text("body")


def test_what_was_cut_off_goes_on_and_ends_the_same(exported, request_, tmp_path, monkeypatch):
    monkeypatch.setattr("gan_study.trainables.export.export._CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("gan_study.trainables.export.export.PROGRESS_STEPS", 2)
    for stage, at in (("training dcgan", 2), ("making images", 1), ("writing images", 20), ("validating", 1)):
        shown = []

        def interrupt(name, done, total, stage=stage, at=at, shown=shown):
            shown.append((name, done))
            if (name, done) == (stage, at):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export(request_, tmp_path / "out", progress=interrupt)
        assert not (tmp_path / "out" / "balanced.json").exists()
        assert (stage, at) in shown
    # As a process that is killed leaves it.
    half = next((tmp_path / "out" / "train").glob("*/")) / ".real-000003.png.1a2b.partial"
    half.write_bytes(b"half of an image")
    export(request_, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(exported)


def test_a_folder_that_is_complete_is_left_as_it_is(exported, request_):
    before = contents(exported)
    description = export(request_, exported, progress=lambda *_: pytest.fail("nothing is to be done"))
    assert description == read_description(exported)
    assert contents(exported) == before


def lose(image):
    image.unlink()


def damage(image):
    image.write_bytes(image.read_bytes()[:-20])


def exchange(image):
    shutil.copy(image.with_name("synthetic-000001.png"), image)


def add(image):
    shutil.copy(image, image.with_name("my-own.png"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lose, r"has lost 1 of its images \(train/lynx/synthetic-000000.png\)"),
        (damage, r"contains 1 images that have changed \(train/lynx/synthetic-000000.png\)"),
        (exchange, r"contains 1 images that have changed \(train/lynx/synthetic-000000.png\)"),
        (add, r"contains 1 images that are not in its manifest \(train/lynx/my-own.png\)"),
    ],
)
def test_a_complete_folder_whose_images_changed_is_refused(exported, request_, tmp_path, change, said):
    shutil.copytree(exported, tmp_path / "out", symlinks=True)
    change(tmp_path / "out" / "train" / "lynx" / "synthetic-000000.png")
    with pytest.raises(UserError, match=said):
        find_finished(request_, tmp_path / "out")


def test_a_folder_that_holds_something_else_is_refused(exported, images, request_, tmp_path):
    other = ExportRequest(allowed=ANYTHING, config=replace(request_.config, seed=2))
    with pytest.raises(UserError, match="contains another balanced data set"):
        export(other, exported)
    with pytest.raises(KeyboardInterrupt):
        export(request_, tmp_path / "begun", progress=_interrupt)
    with pytest.raises(UserError, match="the beginning of another"):
        export(other, tmp_path / "begun")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("do not lose")
    with pytest.raises(UserError, match="is not empty"):
        export(request_, tmp_path / "thesis")


def _interrupt(stage, done, total):
    raise KeyboardInterrupt


def test_real_images_may_be_links(images, exported, request_, tmp_path):
    export(replace(request_, links=True), tmp_path / "out")
    real = [row for row in read_manifest(tmp_path / "out") if row.origin == "real"]
    assert all((tmp_path / "out" / row.file).readlink() == (images / row.source).resolve() for row in real)
    made, copied = contents(tmp_path / "out"), contents(exported)
    assert {*made} == {*copied} and [name for name in made if made[name] != copied[name]] == ["balanced.json"]
    assert read_description(tmp_path / "out") == replace(read_description(exported), links=True)


@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "begun"])
def test_a_folder_of_other_images_or_settings_is_refused_with_what_differs(
    images, exported, request_, tmp_path, is_finished
):
    """Whether it holds a data set or the beginning of one; the same images elsewhere are the same."""
    out, elsewhere = shutil.copytree(exported, tmp_path / "out"), shutil.copytree(images, tmp_path / "images")
    if not is_finished:
        (out / "balanced.json").unlink()
        write_atomically(out / REQUEST, begun(request_))
    before = contents(out)

    def asked(root=elsewhere, **changes):
        config = replace(request_.config, data=replace(request_.config.data, root=str(root)))
        return replace(request_, config=config, **changes)

    assert (find_finished(asked(), out) is not None) == is_finished
    for other, what in (
        (asked(links=True), "links False, not True"),
        (asked(all_images=True), "all_images False, not True"),
        (replace(asked(), config=replace(asked().config, seed=7)), "seed 1, not 7"),
    ):
        with pytest.raises(
            UserError, match=rf"contains .*another balanced data set \({what}\); choose another --out"
        ):
            export(other, out)
    first = next(elsewhere.rglob("*.png"))
    first.write_bytes(first.read_bytes() + b"0")
    with pytest.raises(UserError, match=r"\(other images\)"):
        export(asked(), out)
    assert contents(out) == before


def test_all_images_may_be_trained_on(images, request_, tmp_path):
    everything = replace(request_, all_images=True)
    description = export(everything, tmp_path / "out")
    real = [row for row in read_manifest(tmp_path / "out") if row.origin == "real"]
    pool = image_source(request_.config.data).pool().images
    assert sorted(row.source for row in real) == sorted(pool.origins)
    assert list_images(tmp_path / "out", tmp_path / "out" / "train").class_counts() == (18, 15, 18)
    assert not (tmp_path / "out" / "validation").exists()
    assert description.validation == {}
    assert "Not known" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(DataError, match="has no validation set"):
        retrain(tmp_path / "out")
    with pytest.raises(UserError, match="contains another"):
        export(request_, tmp_path / "out")


def test_where_images_have_no_files_of_their_own_their_pixels_are_kept(tmp_path):
    config = trial(
        None,
        data={"name": "digits", "image_size": 8, "train_size": 60},
        imbalance={"profile": "step", "ratio": 3, "minority_classes": ["0"]},
    )
    config = replace(config, data=replace(config.data, root=None))
    export(ExportRequest(allowed=ANYTHING, config=config), tmp_path / "out")
    parts = prepare(config, image_source(config.data))
    read = read_part(tmp_path / "out", "train", read_description(tmp_path / "out"))
    rows = {row.file: row for row in read_manifest(tmp_path / "out")}
    by_origin = dict(zip(parts.training.origins, parts.training.images, strict=True))
    real = [i for i, origin in enumerate(read.origins) if rows[origin].origin == "real"]
    assert len(real) == len(parts.training)
    assert all(np.array_equal(read.images[i], by_origin[rows[read.origins[i]].source]) for i in real)


def test_nothing_to_balance_is_said(images, tmp_path):
    config = trial(images, imbalance={"profile": "natural", "minority_classes": ["Cat"]})
    with pytest.raises(UserError, match=r"no rare class lacks images; the classes have 14 \(Cat\), 12 \(dog\)"):
        export(ExportRequest(allowed=ANYTHING, config=config), tmp_path / "out")


def test_another_way_of_balancing_is_refused(images, tmp_path):
    config = trial(images, balancing={"name": "smote"})
    with pytest.raises(UserError, match="'smote' trains no generator"):
        export(ExportRequest(allowed=ANYTHING, config=config), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_threads_are_those_that_are_asked_for(exported):
    assert read_description(exported).threads == torch.get_num_threads() == 1


def test_real_images_are_read_back_as_the_trial_read_them(tmp_path):
    """Wide pictures that are padded, of 12 bits of which most use 10, and with weights."""
    random, rows = np.random.default_rng(0), ["path,label,weight"]
    (tmp_path / "data").mkdir()
    for name, number in {"cat": 20, "dog": 10}.items():
        for i in range(number):
            pixels = random.integers(0, 4095 if (name, i) == ("cat", 0) else 1000, (8, 16), dtype=np.uint16)
            Image.fromarray(pixels).save(tmp_path / "data" / f"{name}{i}.png")
            rows.append(f"{name}{i}.png,{name},{1 + i % 3}")
    (tmp_path / "data" / "labels.csv").write_text("\n".join(rows))
    data = {"name": "imagefolder", "root": str(tmp_path / "data"), "image_size": 8, "fit": "pad"}
    config = trial(tmp_path / "data", data=data)
    description = export(ExportRequest(config=config, allowed=ANYTHING), tmp_path / "out")
    assert description.levels == (0, 4095)
    source = {row.file: row.source for row in read_manifest(tmp_path / "out")}
    parts = prepare(config, image_source(config.data))
    for part, expected in (("train", parts.training), ("validation", parts.validation)):
        read = read_part(tmp_path / "out", part, description)
        is_real = [file for file in read.origins if source[file]]
        rows_read = {source[file]: read.origins.index(file) for file in is_real}
        assert sorted(rows_read) == sorted(expected.origins)
        for row, origin in enumerate(expected.origins):
            np.testing.assert_array_equal(read.images[rows_read[origin]], expected.images[row])
            assert part == "validation" or read.weights[rows_read[origin]] == expected.weights[row]
    assert any("the real images have weights" in note for note in description.notes)
    assert retrain(tmp_path / "out") == dict(description.validation)
    text = (tmp_path / "out" / "manifest.csv").read_text()
    (tmp_path / "out" / "manifest.csv").write_text(re.sub(r",[\d.]+$", ",1.0", text, flags=re.MULTILINE))
    with pytest.raises(DataError, match=r"has another manifest\.csv than was written"):
        retrain(tmp_path / "out")


CHANGES = {
    "lost": (lambda train: next(train.rglob("real-*")).unlink(), "has lost 1 of its images"),
    "replaced": (
        lambda train: Image.new("L", (8, 8), 9).save(next(train.rglob("real-*.png"))),
        "that have changed",
    ),
    "added": (lambda train: Image.new("L", (8, 8), 9).save(train / "Cat" / "more.png"), "not in its manifest"),
    "a class renamed": (lambda train: (train / "Cat").rename(train / "A cat"), "has lost"),
    "no manifest": (lambda train: (train.parent / "manifest.csv").unlink(), "manifest.csv is missing"),
    "another manifest": (lambda train: (train.parent / "manifest.csv").write_text("a;b\n1;2\n"), "is damaged"),
    "cells too many": (
        lambda train: (train.parent / "manifest.csv").open("a").write("1,2,3\n"),
        "manifest.csv is damaged",
    ),
    "other cells": (
        lambda train: (train.parent / "manifest.csv").write_text(
            (train.parent / "manifest.csv").read_text().replace("\n", "2\n").replace("weight2", "weight")
        ),
        r"has another manifest\.csv than was written",
    ),
    "semicolons": (
        lambda train: (train.parent / "manifest.csv").write_text(
            (train.parent / "manifest.csv").read_text().replace(",", ";")
        ),
        "there is no column 'file;class_name;.*'; commas divide",
    ),
    "another encoding": (lambda train: (train.parent / "manifest.csv").write_bytes(b"\xff\xfe"), "is damaged"),
}


@pytest.mark.parametrize("written", ['"seed": ', '"epochs": ', '"test_proportion": ', '"num_real": '])
def test_a_description_that_was_edited_has_no_score(exported, tmp_path, written):
    """Its score would be that of another classifier, or of other classes, than the card's."""
    shutil.copytree(exported, tmp_path / "changed")
    path = tmp_path / "changed" / "balanced.json"
    path.write_text(path.read_text().replace(written, f"{written}1", 1))
    with pytest.raises(DataError, match="edited after it was written"):
        retrain(tmp_path / "changed")


def test_a_manifest_that_a_spreadsheet_saved_is_the_same(exported, tmp_path):
    path = shutil.copytree(exported, tmp_path / "saved") / "manifest.csv"
    first, *rows = path.read_text().splitlines()
    path.write_text("\r\n".join(["\ufeff" + first, *reversed(rows)]), encoding="utf-8")
    assert find_change(tmp_path / "saved", read_description(exported)) is None


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_was_changed_has_no_score(exported, tmp_path, change):
    shutil.copytree(exported, tmp_path / "changed")
    do, said = CHANGES[change]
    do(tmp_path / "changed" / "train")
    with pytest.raises(DataError, match=said):
        retrain(tmp_path / "changed")
