"""A balanced folder as others read it: Croissant, XMP, loaders of data sets, cards; and what stops an export."""

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import mlcroissant
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
import yaml
from PIL import Image

from gan_study.study.run.data_checks import data_lines
from gan_study.trainables.base.settings import ConfigError, UserError
from gan_study.trainables.data.imbalance import Natural
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.export.about import About, read_about
from gan_study.trainables.export.balanced_folder import read_description, read_manifest
from gan_study.trainables.export.export import export
from gan_study.trainables.export.filling import fill_class
from gan_study.trainables.export.layout import write_png
from gan_study.trainables.export.request import ExportRequest
from gan_study.trainables.export.saved_generator import load_generator, write_samples
from gan_study.trainables.export.statements import reader_sentences
from gan_study.trainables.export.synthetic_mark import DIGITAL_SOURCE_TYPE, SyntheticMark
from tests.balanced_folders import trial, write_images

pytestmark = pytest.mark.usefixtures("few_domain_steps")

ABOUT = About(
    license="cc-by-4.0",
    creator="Forest Office",
    source="https://example.org/lynx",
    consent="none needed",
    missing="cubs",
    citation="Forest Office 2024",
)
# So many of a class are trained on: 36, 36 and 24, of which 12 are missing; 6 lynxes are held out.
COUNTS = {"Cat": 60, "dog": 60, "lynx": 40}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "images"
    write_images(folder, COUNTS)
    return folder


def fresh(real, number, seed):
    """Images of noise, which no training image is needed for."""
    random = torch.Generator().manual_seed(seed % 2**32)
    return torch.rand(number, *real.shape[1:], generator=random) * 2 - 1


def mostly_copies(real, number, seed):
    """Training images again, a little changed, but for every fourth image."""
    made = (real[torch.arange(number) % len(real)] + 0.01).clamp(-1, 1)
    made[::4] = fresh(real, number, seed)[::4]
    return made


def one_image(real, number, seed):
    """One fresh image again and again."""
    return fresh(real, 1, 1).repeat(number, 1, 1, 1)


def too_few(real, number, seed):
    """Nothing but four images passes."""
    return fresh(real, number, seed)[: 4 if number > 12 else 0]


def plant(patch, make):
    """`make` takes the place of the generator's images: from the real ones of the class, a number and a seed."""

    def fill(known, label, held_out, number, draw, measure, **given):
        real = known.training.of_class(label)
        return fill_class(known, label, held_out, number, lambda n, seed: make(real, n, seed), measure, **given)

    patch.setattr("gan_study.trainables.export.export.fill_class", fill)


@pytest.fixture(scope="module")
def shared(images, tmp_path_factory):
    """A folder whose generator is honest."""
    folder = tmp_path_factory.mktemp("shared") / "out"
    with pytest.MonkeyPatch.context() as patched:
        plant(patched, fresh)
        export(ExportRequest(config=trial(images), about=ABOUT), folder)
    return folder


@pytest.fixture(scope="module")
def described(shared):
    return json.loads((shared / "croissant.json").read_text())


def test_croissant_is_valid_and_its_records_are_the_images(shared, caplog):
    dataset = mlcroissant.Dataset(jsonld=shared / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    records = [*dataset.records("images")]
    table = pd.read_csv(shared / "metadata.csv").sort_values("file_name")
    assert sorted(each["images/file_name"].decode() for each in records) == table.file_name.tolist()
    for column in ("label", "split"):
        read = {each["images/file_name"].decode(): each[f"images/{column}"].decode() for each in records}
        assert read == dict(zip(table.file_name, table[column], strict=True))
    assert sum(each["images/synthetic"] for each in records) == table.synthetic.sum() == 12
    for record in records[:3] + records[-3:]:
        with Image.open(shared / record["images/file_name"].decode()) as image:
            np.testing.assert_array_equal(np.asarray(record["images/image"]), np.asarray(image.convert("RGB")))


# Properties of Croissant's RAI vocabulary, version 1.0 (mlcommons/croissant, docs/croissant_rai.ttl).
RAI = {
    *("annotationsPerItem", "annotatorDemographics", "dataAnnotationAnalysis", "dataAnnotationPlatform"),
    *("dataAnnotationProtocol", "dataBiases", "dataCollection", "dataCollectionMissingData"),
    *("dataCollectionRawData", "dataCollectionTimeframe", "dataCollectionType", "dataImputationProtocol"),
    *("dataLimitations", "dataManipulationProtocol", "dataPreprocessingProtocol", "dataReleaseMaintenancePlan"),
    *("dataSocialImpact", "dataUseCases", "machineAnnotationTools", "personalSensitiveInformation"),
}
# Asked for by the NeurIPS 2026 track on evaluations and data sets, and in no version of the vocabulary yet.
ASKED_FOR = {"hasSyntheticData"}
# Terms of PROV-O (W3C Recommendation, 30 April 2013) that Croissant 1.1 uses in "Provenance Representation".
PROV = {
    *("Activity", "Agent", "Entity", "SoftwareAgent", "used", "wasAssociatedWith", "wasAttributedTo"),
    *("wasDerivedFrom", "wasGeneratedBy", "label"),
}


def names_of(value, prefix):
    """The local names of all properties and types of a vocabulary in a document."""
    if isinstance(value, list):
        return {name for each in value for name in names_of(each, prefix)}
    if not isinstance(value, dict):
        return set()
    used = {*value, *([value["@type"]] if "@type" in value else [])}
    own = {each.removeprefix(f"{prefix}:") for each in used if each.startswith(f"{prefix}:")}
    return own | {name for key, each in value.items() if key != "@context" for name in names_of(each, prefix)}


def test_what_mlcroissant_does_not_know_is_as_the_vocabularies_have_it(described):
    """It checks the fields that it knows and passes over all others."""
    assert described["@context"]["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert described["@context"]["prov"] == "http://www.w3.org/ns/prov#"
    assert described["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    assert names_of(described, "rai") <= RAI | ASKED_FOR
    assert names_of(described, "prov") <= PROV
    # Required of every Croissant data set, and the minimum of the track.
    required = {"@context", "@type", "conformsTo", "description", "license", "name", "url", "creator"}
    assert required | {"datePublished", "distribution"} <= described.keys()
    asked = {"dataLimitations", "dataBiases", "personalSensitiveInformation", "dataUseCases", "dataSocialImpact"}
    assert {f"rai:{name}" for name in asked | ASKED_FOR} <= described.keys()
    assert {"prov:wasDerivedFrom", "prov:wasGeneratedBy"} <= described.keys()
    assert described["rai:hasSyntheticData"] is True


def test_provenance_names_the_files_and_the_generator(shared, described):
    description = read_description(shared)
    source, generator = described["prov:wasDerivedFrom"]
    assert description.data in source["@id"] and source["prov:label"] == ABOUT.source
    weights = shared / "generator" / "generator.safetensors"
    assert generator["@id"] == f"urn:sha256:{sha256(weights)}"
    known = {source["@id"], generator["@id"]}
    assert {act["prov:used"]["@id"] for act in described["prov:wasGeneratedBy"]} == known
    files = {each["name"]: each for each in described["distribution"] if each["@type"] == "cr:FileObject"}
    assert all(each["sha256"] == sha256(shared / name) for name, each in files.items())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_nobody_has_said_is_said_to_be_not_known(images, shared, tmp_path, monkeypatch):
    plant(monkeypatch, fresh)
    export(ExportRequest(config=trial(images)), tmp_path / "out")
    described = json.loads((tmp_path / "out" / "croissant.json").read_text())
    card = (tmp_path / "out" / "README.md").read_text()
    assert described["license"]["name"] == described["creator"]["name"] == described["citeAs"] == "not known"
    assert described["url"].startswith("ni:///sha-256;")
    assert "Licence: not known." in card and "Consent: not known." in card
    assert "Who is missing? | Not known." in card
    assert yaml.safe_load(front_matter(card))["license"] == "unknown"
    assert not mlcroissant.Dataset(jsonld=tmp_path / "out" / "croissant.json").metadata.ctx.issues.errors
    stated = (shared / "README.md").read_text()
    assert "not known" not in stated.partition("May I use it?")[2].partition("\n")[0]
    assert all(said in stated for said in (ABOUT.creator, "cc-by-4.0", "none needed", "Cubs"))


def front_matter(card):
    found = re.match(r"---\n(.*?)\n---\n", card, flags=re.DOTALL)
    assert found, "the card begins with YAML"
    return found[1]


def test_cards_begin_with_what_hugging_face_reads(shared):
    card = yaml.safe_load(front_matter((shared / "README.md").read_text()))
    assert card["license"] == "cc-by-4.0"
    assert card["task_categories"] == ["image-classification"]
    assert card["size_categories"] == ["n<1K"]
    assert "synthetic" in card["tags"]
    model = yaml.safe_load(front_matter((shared / "generator" / "README.md").read_text()))
    assert (model["license"], model["library_name"]) == ("cc-by-4.0", "gan-study")


def test_the_card_has_the_seven_cs_and_what_a_steward_asks(shared):
    card = (shared / "README.md").read_text()
    seven = ("Congruence", "Coverage", "Constraint", "Completeness", "Compliance", "Comprehension", "Consistency")
    assert all(f"| {name} | " in card for name in seven)
    asked = ("What is real?", "What is made?", "By what?", "From whom?", "May I use it?", "Who is missing?")
    assert all(f"| {question} | " in card for question in asked)


def test_every_synthetic_image_is_marked_and_no_real_one(shared):
    rows = read_manifest(shared)
    generator = sha256(shared / "generator" / "generator.safetensors")
    for row in rows:
        with Image.open(shared / row.file) as image:
            said = image.info.get("XML:com.adobe.xmp", "")
        is_marked = DIGITAL_SOURCE_TYPE in said
        assert is_marked == (row.origin == "synthetic")
        assert not is_marked or (generator in said and f'"{row.seed}"' in said)


def test_generated_images_among_the_images_to_learn_from_are_said(shared):
    """A balanced folder taken for a set of real images: its test set would hold generated ones."""
    rows = [row for row in read_manifest(shared) if row.part == "train"]
    config = DataConfig(name="imagefolder", root=str(shared / "train"), image_size=8)
    lines = " ".join(data_lines(config, Natural()))
    said = re.findall(r"images that are generated, as their files say: (\d+) of (\d+)", lines)
    found, of = (sum(map(int, numbers)) for numbers in zip(*said, strict=True))
    assert (found, of) == (sum(row.origin == "synthetic" for row in rows), len(rows))


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_another_reader_finds_the_mark(shared, tmp_path):
    write_samples(load_generator(shared / "generator"), "lynx", 2, tmp_path, seed=7)
    files = [next((shared / "train" / "lynx").glob("synthetic-*")), tmp_path / "lynx" / "synthetic-000001.png"]
    command = ["exiftool", "-json", "-XMP:all", "-n", "-validate", "-warning", *map(str, files)]
    exported, sampled = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for found in (exported, sampled):
        assert found["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert found["GeneratorSHA256"] == sha256(shared / "generator" / "generator.safetensors")
        assert "Warning" not in found
    assert sampled["Seed"] == 7


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mark_changes_no_pixel_and_equal_marks_make_equal_files(channels, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    mark = SyntheticMark(generator_sha256="ab" * 32, seed=3)
    for name, said in (("plain", None), ("marked", mark), ("again", mark)):
        write_png(tmp_path / name, pixels, mark=said)
    read = [np.asarray(Image.open(tmp_path / name)) for name in ("plain", "marked")]
    np.testing.assert_array_equal(*read)
    np.testing.assert_array_equal(read[0].reshape(5, 7, channels).transpose(2, 0, 1), pixels)
    assert (tmp_path / "marked").read_bytes() == (tmp_path / "again").read_bytes()


def test_every_reader_finds_the_same_images(shared):
    import datasets

    table = pd.read_csv(shared / "metadata.csv")
    assert table.columns.tolist() == ["file_name", "label", "split", "synthetic"]
    assert table.synthetic.dtype == bool and table.synthetic.sum() == 12
    datasets.disable_progress_bars()
    parts = datasets.load_dataset("imagefolder", data_dir=str(shared), cache_dir=str(shared.parent / "cache"))
    assert set(parts) == {"train", "validation"}
    for part, of_part in table.groupby("split"):
        folder = torchvision.datasets.ImageFolder(shared / part)
        read = {Path(path).relative_to(shared).as_posix(): folder.classes[label] for path, label in folder.samples}
        assert read == dict(zip(of_part.file_name, of_part.label, strict=True))
        found = parts[part]
        assert {"image", "label", "split", "synthetic"} <= set(found.column_names)
        assert sorted(zip(found["label"], found["synthetic"], strict=True)) == sorted(
            zip(of_part.label, of_part.synthetic, strict=True)
        )
        assert set(found["split"]) == {part}
        for row in (found[0], found[len(found) - 1]):
            name = Path(row["image"].filename).name
            assert name.startswith("synthetic-" if row["synthetic"] else "real-")


def test_names_that_readers_take_for_something_else_are_named(shared):
    described = read_description(shared)
    assert not [*reader_sentences(described)]
    names = ("007", "NA", "1e3")
    odd = replace(described, classes=tuple(map(renamed, described.classes, names)))
    [said] = reader_sentences(odd)
    assert "'007' as 7.0, 'NA' as nan, '1e3' as 1000.0" in said
    rows = "".join(f"{name}\n" for name in names)
    read = pd.read_csv(io.StringIO(f"label\n{rows}"), dtype={"label": str}, keep_default_na=False)
    assert read.label.tolist() == [*names]
    # One that is text keeps the others.
    assert "'1e3'" not in next(
        reader_sentences(replace(odd, classes=(*odd.classes, renamed(odd.classes[0], "Cat"))))
    )


def test_classes_whose_names_begin_like_a_formula_are_read_by_everyone(tmp_path, monkeypatch):
    import datasets

    write_images(tmp_path / "signs", {"+1": 60, "-1": 60, "=sum": 40})
    plant(monkeypatch, fresh)
    out = tmp_path / "out"
    export(
        ExportRequest(
            config=trial(tmp_path / "signs", imbalance={"profile": "natural", "minority_classes": ["=sum"]})
        ),
        out,
    )
    folder = torchvision.datasets.ImageFolder(out / "train")
    assert folder.classes == ["+1", "-1", "=sum"]
    datasets.disable_progress_bars()
    found = datasets.load_dataset("imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache"))["train"]
    assert len(found) == len(folder.samples)
    assert set(found["label"]) == {"+1", "-1", "'=sum"}
    dataset = mlcroissant.Dataset(jsonld=out / "croissant.json")
    assert len([*dataset.records("images")]) == len(read_manifest(out))
    assert "With them it reads '=sum' as \"'=sum\": an apostrophe stops" in (
        out / "README.md"
    ).read_text().replace("\\", "")


def renamed(found, name):
    return replace(found, name=name)


def test_the_class_table_has_what_the_description_has(shared):
    [found] = [each for each in read_description(shared).classes if each.name == "lynx"]
    rows = list(csv.DictReader(io.StringIO((shared / "classes.csv").read_text())))
    [row] = [each for each in rows if each["class"] == "lynx"]
    assert [each["class"] for each in rows] == ["Cat", "dog", "lynx"]
    assert (row["real"], row["synthetic"], row["different_synthetic"]) == ("24", "12", str(found.num_distinct))
    assert row["memorisation"] == found.findings.verdict == "nothing found"
    scores = {name: row[name] for name in ("unrealistic", "unvaried", "memorised", "underrepresented")}
    said = {name: found.findings.scores[name] for name in scores}
    assert {name: float(value) if value else None for name, value in scores.items()} == said


def test_real_images_in_files_that_readers_pass_over_are_written_as_png(tmp_path, monkeypatch):
    source, out = tmp_path / "odd", tmp_path / "out"
    write_images(source, COUNTS)
    pictures = sorted(path for path in (source / "lynx").rglob("*") if path.is_file())
    kinds = [("GIF", ".gif"), ("JPEG2000", ".jp2"), ("JPEG", ""), ("WEBP", ".webp"), ("JPEG", ".jfif")]
    for path, (kind, suffix) in zip(pictures, kinds * len(pictures), strict=False):
        with Image.open(path) as picture:
            picture.convert("RGB").save(path.with_suffix(suffix), format=kind)
        path.unlink()
    plant(monkeypatch, fresh)
    description = export(ExportRequest(config=trial(source)), out)
    rows = [row for row in read_manifest(out) if row.origin == "real"]
    listed = [
        path
        for part in ("train", "validation")
        for path, _ in torchvision.datasets.ImageFolder(out / part).samples
    ]
    assert {f"{out}/{row.file}" for row in rows} <= set(listed)
    by_source = {row.source: row.file for row in rows if "lynx" in row.source}
    for came, went in by_source.items():
        kept = {"": ".jpg", ".jfif": ".jpg", ".webp": ".webp"}.get(Path(came).suffix)
        assert Path(went).suffix == (kept or ".png")
        assert ((out / went).read_bytes() == (source / came).read_bytes()) == (kept is not None)
    [note] = [note for note in description.notes if "skip" in note]
    assert ".gif" in note and ".jp2" in note and ".webp" not in note


def test_what_becomes_known_later_is_added_to_a_complete_folder(images, tmp_path, monkeypatch):
    plant(monkeypatch, fresh)
    out, config = tmp_path / "out", trial(images)
    export(ExportRequest(config=config), out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    export(ExportRequest(config=config, about=ABOUT), out)
    changed = {str(path.relative_to(out)) for path, was in before.items() if path.read_bytes() != was}
    assert changed == {"README.md", "balanced.json", "croissant.json", "generator/README.md"}
    for name in ("README.md", "croissant.json", "generator/README.md"):
        assert "cc-by-4.0" in (out / name).read_text()
    assert not mlcroissant.Dataset(jsonld=out / "croissant.json").metadata.ctx.issues.errors
    # Asked for without, it stays as it is; and what the cards say of images is what they said.
    export(ExportRequest(config=config), out)
    assert read_description(out).about == ABOUT
    figures = re.compile(r"^\| lynx \|.*$", re.MULTILINE)
    for name in ("README.md", "generator/README.md"):
        assert figures.findall((out / name).read_text()) == figures.findall(before[out / name].decode())


@pytest.mark.parametrize(
    ("make", "fault", "said"),
    [
        (
            mostly_copies,
            "memorised",
            r"memorised its training images of class '3' \(\d+ of \d+ different images copy",
        ),
        (one_image, "collapsed", "collapsed to a few images of class '3'"),
        (too_few, "missing", "images of class '3' are missing"),
    ],
)
def test_a_fault_stops_the_export_unless_it_is_allowed(tmp_path, monkeypatch, make, fault, said):
    """Of handwritten digits: 16 of a rare class are trained on, as many are missing, and 25 are held out."""
    plant(monkeypatch, make)
    config = trial(
        None,
        data={"name": "digits", "image_size": 8, "train_size": 400},
        imbalance={"profile": "step", "ratio": 2, "minority_classes": ["3"]},
    )
    config = replace(config, data=replace(config.data, root=None))
    request, out = ExportRequest(config=config), tmp_path / "out"
    for allowed in ((), {"memorised", "collapsed", "missing"} - {fault}):
        refused = ExportRequest(config=request.config, allowed=frozenset(allowed))
        with pytest.raises(UserError, match=said) as error:
            export(refused, out)
        assert "\n" not in str(error.value) and f"--allow-{fault}" in str(error.value)
        assert not (out / "train").exists() and not (out / "balanced.json").exists()
    allowed = ExportRequest(config=request.config, allowed=frozenset({fault}))
    description = export(allowed, out)
    assert description.overruled == (fault,)
    card, described = (out / "README.md").read_text(), (out / "croissant.json").read_text()
    for text in (card, described, (out / "generator" / "README.md").read_text()):
        assert f"--allow-{fault} overrules it" in text
    # What is complete is as it was asked for, to whoever asks for it again.
    assert export(allowed, out) == description
    with pytest.raises(UserError, match=f"as --allow-{fault} allowed"):
        export(request, out)


def test_where_too_few_images_are_there_nothing_stops_and_the_card_says_so(tmp_path, monkeypatch):
    write_images(tmp_path / "few", {"Cat": 20, "dog": 20, "lynx": 4})
    plant(monkeypatch, fresh)
    export(ExportRequest(config=trial(tmp_path / "few")), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| lynx | too few images |" in card
    assert "lynx: 2 training and 1 held-out images are too few to distinguish copies from chance." in card
    assert "not known: too few images to tell" in (tmp_path / "out" / "croissant.json").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("licence: MIT", "did you mean 'license'?"),
        ("license: [", "--about"),
        ("- a list", "--about"),
        ("license: 3", "license"),
        *((f"date_published: {day}", "is not a calendar day") for day in ("soon", "2026-02-30", "30.11.2026")),
    ],
)
def test_what_cannot_be_used_about_the_images_is_one_line(tmp_path, text, said):
    (tmp_path / "about.yaml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        read_about(tmp_path / "about.yaml")
    assert "\n" not in str(error.value)


def test_a_file_about_the_images_may_leave_everything_out(tmp_path):
    (tmp_path / "about.yaml").write_text("")
    assert read_about(tmp_path / "about.yaml") == About()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_about(tmp_path / "none.yaml")
