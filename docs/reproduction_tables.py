"""The tables of docs/reproduction.md that are made from the records of studies: no number is copied by hand.

`python docs/reproduction_tables.py STUDY` takes a study's header, its records and the tables that need its arrays
into `docs/reproduction/NAME/`, without places of this machine. Without an argument all tables between two marks of
the page, `<!-- NAME.TABLE: begin -->`, are written again.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from evidence import EVIDENCE_FILE, evidence
from pydantic import JsonValue

from gan_study.analysis.page.report import report_tables
from gan_study.analysis.records.load import HEADER_FILE, RECORDS_FILE, Study, load_study
from gan_study.analysis.records.select import confirmed
from gan_study.analysis.tables.markup import to_markdown
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.base.seal import SEAL, sealed
from gan_study.trainables.base.settings import digest

DOCS = Path(__file__).parent
PAGE, STUDIES = DOCS / "reproduction.md", DOCS / "reproduction"
# Of tables that are made from arrays, which are not kept, the text is. Intervals of gains count the test images,
# too, by their predictions: with few of them, those of the records alone would be too narrow.
FROM_ARRAYS = ("results", "contrasts", "crossover", "gan_length", "quality_gain")
MARK = re.compile(r"<!-- ([\w-]+)\.(\w+): begin -->\n")


def take(folder: Path) -> None:
    """Copy what is kept of a study, with new seals; one that was edited is refused."""
    study = load_study(folder)
    assert study.is_as_written and not study.foreign, "`gan-study check` says what was edited"
    places = places_of(study.config)
    kept = STUDIES / study.name
    kept.mkdir(parents=True, exist_ok=True)
    header = without_places(json.loads((folder / HEADER_FILE).read_text(encoding="utf-8")), places)
    header["digests"]["configuration"] = digest(header["config"])
    (kept / HEADER_FILE).write_text(
        json.dumps(sealed(header), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    lines = (folder / RECORDS_FILE).read_text(encoding="utf-8").splitlines()
    records = [without_places(json.loads(line), places) for line in lines]
    again = (sealed(record) if SEAL in record else record for record in records)
    text = "".join(json.dumps(record, sort_keys=True) + "\n" for record in again)
    (kept / RECORDS_FILE).write_text(text, encoding="utf-8")
    found = {table.name: table for table in report_tables(study) if len(table.text)}
    texts = {name: found[name].text for name in FROM_ARRAYS if name in found}
    if "why_it_gained" in found:
        texts["same_prior"] = by_ratio(found["why_it_gained"].rows, "Gain at the same prior")
    if len(found_evidence := evidence(study)):
        found_evidence.to_csv(kept / EVIDENCE_FILE, index=False, float_format="%.4f")
    for name, text in texts.items():
        (kept / f"{name}.md").write_text(to_markdown(text), encoding="utf-8")


def by_ratio(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of a table of methods and imbalance ratios, with a column for each ratio."""
    wide = rows.pivot(index="balancer", columns="imbalance_ratio", values=column)
    wide.columns = pd.Index([f"Ratio {ratio_text(ratio)}" for ratio in wide.columns])
    return wide.rename_axis("Balancer").reset_index()


def places_of(config: Mapping[str, JsonValue]) -> Mapping[str, str]:
    """What replaces each place of this machine in a study's configuration: "data", or a file's name."""
    data, classifier = config["data"], config["classifier"]
    assert isinstance(data, dict) and isinstance(classifier, dict)
    backbone = classifier.get("backbone")
    weights = backbone["weights"] if isinstance(backbone, dict) else None
    named = {str(weights): Path(str(weights)).name} if weights else {}
    return named | ({str(data["root"]): "data"} if data["root"] else {})


def without_places(value: JsonValue, places: Mapping[str, str]) -> JsonValue:
    """`value` in which the folder of the data is null, and in texts each of the `places` is its replacement."""
    if isinstance(value, dict):
        return {
            key: None if key == "root" and each in places else without_places(each, places)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [without_places(each, places) for each in value]
    if isinstance(value, str):
        for place, replacement in places.items():
            value = value.replace(place, replacement)
    return value


def page_with_tables(text: str) -> str:
    """The page with each table in the place of its marks; raises KeyError where a study has no such table."""
    tables: dict[str, Mapping[str, str]] = {}
    for name, table in MARK.findall(text):
        tables.setdefault(name, tables_of(STUDIES / name))
        begin, end = f"<!-- {name}.{table}: begin -->\n", f"<!-- {name}.{table}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{tables[name][table]}{end}{rest.split(end, 1)[1]}"
    return text


def tables_of(folder: Path) -> Mapping[str, str]:
    """The tables of a study that is kept, in Markdown, by their names."""
    study = load_study(folder)
    found = {table.name: to_markdown(table.text) for table in report_tables(study) if len(table.text)}
    found |= {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return found | {name: to_markdown(make(study)) for name, make in OWN_TABLES.items()}


def cost(study: Study) -> pd.DataFrame:
    """Seconds of one core that a confirmed trial of each method took, on average over conditions and seeds."""
    rows = pd.DataFrame(
        [
            {
                "Method": trial.balancer,
                "balancing": trial.seconds.get("balancing", 0.0),
                "all": sum(trial.seconds.values()),
            }
            for trial in confirmed(study.records)
        ]
    )
    means = rows.groupby("Method").agg(["mean", "size"]).sort_values(("all", "mean"))
    return pd.DataFrame(
        {
            "Method": means.index,
            "Trials": means["all", "size"].to_numpy(),
            "Balancing, s": means["balancing", "mean"].map("{:.1f}".format).to_numpy(),
            "Whole trial, s": means["all", "mean"].map("{:.1f}".format).to_numpy(),
        }
    )


# Tables that a report has not, or has as a chart.
OWN_TABLES: Mapping[str, Callable[[Study], pd.DataFrame]] = {"cost": cost}


def main(arguments: list[str]) -> None:
    """Takes the study that is named, and writes all tables."""
    for folder in arguments:
        take(Path(folder))
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
