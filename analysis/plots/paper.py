"""The charts of a paper: vector graphics at the width of a column or of a page, with confirmed trials only."""

import re
from collections.abc import Iterator
from dataclasses import replace

import vl_convert

from gan_study.analysis.plots import gains
from gan_study.analysis.plots.chart import Chart, fitted, make_chart
from gan_study.analysis.plots.charts import FEWEST_RATIOS, across_charts
from gan_study.analysis.plots.confusion import CHANGES, confusion_frames
from gan_study.analysis.records.load import Study
from gan_study.analysis.records.select import confirmed

# The widths of one and of two columns of the usual two-column formats (IEEE, CVPR).
COLUMN_INCHES, PAGE_INCHES, POINTS_AN_INCH = 3.35, 6.9, 72
# A chart's text has 14 pixels, a figure's 7 points.
POINTS_A_PIXEL = 0.5
# A chart of one column.
NARROW = frozenset({"gain", "minority_f1", "minority_recall"})


def paper_charts(study: Study) -> Iterator[Chart]:
    """The charts of a paper."""
    study = replace(study, records=confirmed(study.records))
    estimates = gains.estimate_frame(study)
    several = estimates["imbalance_ratio"].nunique() >= FEWEST_RATIOS
    gained = estimates[(estimates["measure"] == "gain") & (estimates["metric"] == "Minority F1")]
    if len(gained):
        drawn = gains.GAIN_MAP if several else gains.GAIN
        yield make_chart(replace(drawn, name="gain"), gained.assign(chosen=False))
    for sketch in (gains.F1_BY_RATIO, gains.RECALL_BY_RATIO):
        metric = "Minority F1" if sketch.name == "minority_f1" else "Minority recall"
        scores = estimates[(estimates["measure"] == "score") & (estimates["metric"] == metric)]
        if len(scores):
            draw = gains.draw_each_against_ratio if several else gains.draw_scores
            yield make_chart(replace(sketch, draw=draw), scores)
    yield from across_charts(study.records)
    _, changes = confusion_frames(study.records)
    if len(changes):
        yield make_chart(CHANGES, changes)


def draw_vectors(chart: Chart) -> dict[str, bytes]:
    """A chart as PDF and as SVG, by the names of their files."""
    is_narrow = chart.name in NARROW and "panels" not in chart.specification.get("usermeta", {})
    points = POINTS_AN_INCH * (COLUMN_INCHES if is_narrow else PAGE_INCHES)
    files: dict[str, bytes] = {}
    for stem, condition in chart.files.items():
        fixed = fitted(chart.of(condition), round(points / POINTS_A_PIXEL))
        svg: str = vl_convert.vegalite_to_svg({**fixed, "background": "white"})
        # A PDF has a point for each pixel.
        pdf: bytes = vl_convert.svg_to_pdf(_scaled(svg, points=points, unit=""))
        files |= {f"{stem}.svg": _scaled(svg, points=points, unit="pt").encode(), f"{stem}.pdf": pdf}
    return files


def _scaled(svg: str, *, points: float, unit: str) -> str:
    """An SVG so wide, and as high as its shape asks for."""
    size = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
    found = size.search(svg)
    assert found is not None, "Vega says how large its drawings are"
    high = points * float(found[2]) / float(found[1])
    return size.sub(f'width="{points:g}{unit}" height="{high:g}{unit}"', svg, count=1)
