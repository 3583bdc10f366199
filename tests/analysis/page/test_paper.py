import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gan_study.analysis.page.paper import best_helping, methods_text, paper_texts, score_table
from gan_study.analysis.plots.paper import draw_vectors, paper_charts
from gan_study.analysis.records.load import load_study
from gan_study.analysis.records.trial import Trial
from tests.analysis.planted import confirmed_arm, planted_study, study_of, write_study

POINTS_AN_INCH = 72


def arms(**by_method: tuple[float, ...]) -> list[Trial]:
    return [
        record
        for name, scores in by_method.items()
        for record in confirmed_arm(name, validation=scores, test=scores, gan=name == "dcgan")
    ]


def test_the_best_is_bold_only_where_its_verdict_is_that_it_helps() -> None:
    clear = arms(none=(0.40, 0.42, 0.44), smote=(0.50, 0.51, 0.53), dcgan=(0.60, 0.62, 0.63))
    assert list(best_helping(study_of(clear)).values()) == ["dcgan"]
    # 0.60 on average against 0.42, but with gains of 0.1, 0.38 and 0.06.
    level = arms(none=(0.40, 0.42, 0.44), smote=(0.50, 0.51, 0.53), dcgan=(0.50, 0.80, 0.50))
    assert best_helping(study_of(level)) == {}


def test_two_seeds_make_nothing_bold_and_real_images_are_no_method() -> None:
    assert best_helping(study_of(arms(none=(0.4, 0.4), dcgan=(0.8, 0.8)))) == {}
    bound = arms(none=(0.40, 0.42, 0.44), dcgan=(0.60, 0.62, 0.63), real_upper_bound=(0.9, 0.91, 0.93))
    assert list(best_helping(study_of(bound)).values()) == ["dcgan"]


def test_the_table_has_a_column_for_each_ratio_and_one_bold_cell() -> None:
    records = arms(none=(0.40, 0.42, 0.44), smote=(0.50, 0.51, 0.53), dcgan=(0.60, 0.62, 0.63))
    records += confirmed_arm("none", validation=(0.4,), test=(0.4,), ratio=50.0)
    table = score_table(study_of(records))
    assert r"Method & ratio 10 & ratio 50 \\" in table
    assert re.findall(r"\\textbf\{([^}]*)", table) == ["0.617 {["]
    assert r"dcgan & \textbf{0.617 {[}0.579, 0.655{]}} & -- \\" in table
    assert r"\toprule" in table
    assert r"none & 0.420 {[}0.370, 0.470{]} & 0.400 \\" in table


def test_the_protocol_is_told_with_its_values(tmp_path: Path) -> None:
    text = methods_text(load_study(write_study(tmp_path, planted_study())))
    assert "We trained simple_cnn (epochs: 5, budget: steps) on shapes (3 classes, minority: " in text
    assert "minority: malignant <b>& and normal; 112 test images)" in text
    assert "was 10; validation" in text
    assert "2 GANs (acgan_<x> and dcgan)" in text
    assert "2 methods without a GAN (class_weights and smote)" in text
    assert "The search tried 7 configurations" in text
    assert "3 fresh seeds (1, 2 and 3)" in text
    assert (
        "The GAN that validation chose on shapes with simple_cnn at imbalance ratio 10 was dcgan"
        " (generator steps: 80" in text
    )
    assert "python 3.11.0 and torch 2.9.0" in text
    # The paper says what the page says.
    assert "GAN augmentation helps on shapes" in text
    assert "within each of 4 families of comparisons fixed beforehand, and were looked at once" in text


def test_the_protocol_states_how_images_were_read_where_the_trials_say_it(tmp_path: Path) -> None:
    data = {"name": "shapes", "image_size": 32, "validation_fraction": 0.2}
    records = [replace(record, config={**record.config, "data": data}) for record in planted_study()]
    text = methods_text(load_study(write_study(tmp_path, records)))
    assert "112 test images; image size: 32; validation fraction: 0.2)." in text


@pytest.mark.parametrize(
    ("ratios", "widest"), [((10.0,), 6.9), pytest.param((10.0, 50.0), 6.9, marks=pytest.mark.slow)]
)
def test_figures_are_vectors_as_wide_as_a_column_or_a_page(ratios: tuple[float, ...], widest: float) -> None:
    study = study_of([record for ratio in ratios for record in planted_study(ratio)])
    assert set(paper_texts(study)) == {"minority_f1.tex", "methods.md"}
    files = {name: content for chart in paper_charts(study) for name, content in draw_vectors(chart).items()}
    names = set(files)
    assert {"gain.pdf", "gain.svg"} <= names
    confusion = (
        ["confusion_differences"] if len(ratios) == 1 else [f"confusion_differences_ratio_{r:g}" for r in ratios]
    )
    assert {f"{name}.pdf" for name in confusion} <= names
    assert ("performance_profiles.pdf" in names) == (len(ratios) > 1)
    for name, inches in (("gain", 3.35), (confusion[0], widest)):
        width = re.search(r'<svg[^>]*width="([\d.]+)pt"', files[f"{name}.svg"].decode())
        assert width is not None
        assert float(width[1]) == pytest.approx(inches * POINTS_AN_INCH, abs=0.01)
        pdf = files[f"{name}.pdf"]
        box = re.search(rb"/MediaBox ?\[ ?0 0 ([\d.]+) ", pdf)
        assert box is not None
        assert float(box[1]) == pytest.approx(inches * POINTS_AN_INCH, abs=0.01)
        # A picture of pixels would be an image in it; journals refuse fonts of type 3.
        assert not re.search(rb"/Subtype ?/(?:Image|Type3)", pdf)


@pytest.mark.slow
def test_five_conditions_have_a_critical_difference_diagram() -> None:
    records = [record for ratio in (2.0, 5.0, 10.0, 20.0, 50.0) for record in planted_study(ratio)]
    assert "critical_difference" in [chart.name for chart in paper_charts(study_of(records))]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX")
def test_the_table_compiles(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(score_table(study_of(planted_study())), encoding="utf-8")
    document = (
        r"\documentclass{article}\usepackage{booktabs}"
        # It scales what is too wide, and a small TeX lacks it.
        r"\IfFileExists{adjustbox.sty}{\usepackage{adjustbox}}{\newenvironment{adjustbox}[1]{}{}}"
        r"\begin{document}\input{table}\end{document}"
    )
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout.lower()


def test_without_confirmed_trials_there_is_no_paper() -> None:
    searched = study_of([record for record in planted_study() if record.phase != "confirm"])
    assert paper_texts(searched) == {}
    assert list(paper_charts(searched)) == []
