"""What W&B is told of a study."""

import html
import http.server
import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import wandb
from pydantic import JsonValue

from gan_study.analysis.page.drawing import Drawings
from gan_study.analysis.page.markdown import SHOWN, answer_markdown
from gan_study.analysis.page.report import render, report_tables
from gan_study.analysis.plots.charts import charts
from gan_study.study.run.folder import Manifest
from gan_study.study.run.layout import StudyFolder
from gan_study.study.watch import tracking
from gan_study.study.watch.dashboard import CHARTS, dashboard, report
from gan_study.study.watch.tracking import (
    WandbMirror,
    at_the_end,
    configuration,
    group,
    mirror_report,
    mirroring,
    on_the_way,
    summary,
)
from gan_study.study.watch.wandb_internals import EXPERIMENTAL_SETTINGS, report_specification, specification
from gan_study.trainables.records.record import Digests, GeneratedImages, Milestone
from tests.analysis.page.test_report import shown
from tests.analysis.planted import (
    loss_arrays,
    plain_record,
    planted_record,
    planted_study,
    study_of,
    with_arrays,
    write_arrays,
)
from tests.study.simulation import Simulation
from tests.study.watch.test_check import CONFIG

ONLINE = replace(CONFIG, wandb=replace(CONFIG.wandb, mode="online"))


@pytest.fixture(scope="module")
def records():
    simulation = Simulation()
    simulation.run(CONFIG, num_workers=1, seed=0)
    return list(simulation.records.values())


def manifest(config=CONFIG, mode="offline", study_id="0123abcd"):
    return Manifest(
        study_id=study_id, config=replace(config, wandb=replace(config.wandb, mode=mode)), digests=Digests()
    )


def with_seed(record, seed):
    return replace(record, seed=seed, config={**record.config, "seed": seed})


def test_seeds_of_a_configuration_are_one_group_and_nothing_else_is(records):
    first, second = records[0], records[1]
    assert group(manifest(), first) == group(manifest(), with_seed(first, 17))
    assert group(manifest(), first) != group(manifest(), second)
    assert group(manifest(), first) != group(manifest(mode="off", study_id="other"), first)
    slower = {**first.config, "classifier": {"name": "another"}}
    assert group(manifest(), first) != group(manifest(), replace(first, config=slower))


def test_the_configuration_is_nested_and_names_what_runs_are_grouped_by(records):
    values = configuration(manifest(), records[0])
    assert values["balancing"]["name"] == values["balancer"] == records[0].balancer
    assert values["study"] == manifest().unique_name and values["phase"] == "baseline"
    assert values["imbalance_ratio"] == records[0].imbalance_ratio


def test_the_way_and_the_end_of_a_trial():
    record = planted_record(balancer="dcgan", validation=0.4, test=0.5, gan=True)
    record = replace(
        with_arrays(record, loss_arrays({"3": ([0.5], [0.25])})),
        milestones=(Milestone(generator_steps=16, objective=0.125), Milestone(generator_steps=64, objective=-1.0)),
    )
    assert on_the_way(record) == [
        {"generator_steps": 16.0, "generator_loss/3": 0.5, "discriminator_loss/3": 0.25, "milestone/gain": 0.125},
        {"generator_steps": 64.0, "milestone/gain": -1.0},
    ]
    assert at_the_end(record)["test/minority_f1"] == 0.5 and at_the_end(record)["imbalance_ratio"] > 0
    assert summary(record)["test/recall/benign"] == 0.9
    # Not measured, so not told.
    assert "test/f1/malignant <b>&" not in summary(record)


@pytest.fixture
def no_wandb_yet():
    """Its client reads the environment once in a process."""
    wandb.teardown()
    yield
    wandb.teardown()


def mirrored(folder, records, *, of=None):
    mirror = WandbMirror(of or manifest(), folder)
    mirror.catch_up(records)
    return mirror.close()


def runs(folder):
    return sorted(path.name.split("-", 3)[-1] for path in folder.root.glob("wandb/offline-run-*"))


@pytest.mark.slow
def test_a_resumed_study_makes_the_runs_that_are_missing_and_no_second_one(records, tmp_path):
    folder = StudyFolder(tmp_path)
    assert mirrored(folder, records[:2]) == []
    assert mirrored(folder, records[:3]) == []
    ids = [record.trial_id for record in records[:3]]
    assert folder.mirrored.read_text().split() == ids
    assert runs(folder) == sorted(f"{manifest().study_id}-{trial_id}" for trial_id in ids)


SWEEP = {
    "WANDB_RUN_ID": "sweeps-run",
    "WANDB_SWEEP_ID": "sweep",
    "WANDB_RESUME": "must",
    "WANDB_RUN_GROUP": "sweeps-group",
    "WANDB_PROJECT": "sweeps-project",
    "WANDB_MODE": "disabled",
    "WANDB_DIR": "/sweeps/dir",
}


@pytest.mark.slow
@pytest.mark.parametrize("has_begun", [True, False], ids=["in a session", "before any"])
def test_a_sweep_around_it_changes_no_run(records, tmp_path, monkeypatch, no_wandb_yet, has_begun):
    for name, value in SWEEP.items():
        monkeypatch.setenv(name, value)
    session = wandb.setup() if has_begun else None
    folder, said = StudyFolder(tmp_path), []
    with mirroring(manifest(), folder, say=said.append) as mirrors:
        for mirror in mirrors:
            for record in records[:2]:
                mirror.finished(record)
    assert said == [f"ignored, since they are not for this study: {', '.join(sorted(SWEEP))}"]
    assert runs(folder) == sorted(f"{manifest().study_id}-{record.trial_id}" for record in records[:2])
    assert {name: os.environ[name] for name in SWEEP} == SWEEP
    assert wandb.setup() is session or not has_begun
    assert (wandb.setup().settings.sweep_id, wandb.setup().settings.run_id) == ("sweep", "sweeps-run")


def test_a_study_does_without_a_mirror_that_cannot_be_made(tmp_path):
    folder, said = StudyFolder(tmp_path), []
    (tmp_path / "wandb").write_text("a file in the folder's place")
    with mirroring(manifest(), folder, say=said.append) as mirrors:
        assert mirrors == []
    assert len(said) == 1 and said[0].startswith("runs are not mirrored: ")


def wandbs_process():
    """The one that W&B's client has started in this process."""
    mine = f"PPid:\t{os.getpid()}\n"
    (found,) = (
        path.parent
        for path in Path("/proc").glob("[0-9]*/status")
        if mine in (status := path.read_text()) and "wandb-core" in status
    )
    return int(found.name)


@pytest.mark.slow
def test_a_study_does_without_wandbs_process_once_that_is_killed(records, tmp_path, no_wandb_yet):
    folder, said = StudyFolder(tmp_path), []
    with mirroring(manifest(), folder, say=said.append) as (mirror,):
        mirror.finished(records[0])
        while not mirror._runs[0].done():
            time.sleep(0.05)
        os.kill(wandbs_process(), signal.SIGKILL)
        mirror.finished(records[1])
    assert len(said) == 1 and "\n" not in said[0]
    # Its run is made when the study is resumed.
    assert folder.mirrored.read_text().split() == [records[0].trial_id]


@pytest.mark.parametrize("url", ["no address", "http://", "ftp://localhost"])
def test_a_study_and_its_report_do_without_a_wandb_whose_address_is_none(
    records, tmp_path, monkeypatch, no_wandb_yet, url
):
    monkeypatch.setenv("WANDB_BASE_URL", url)
    folder, said = StudyFolder(tmp_path), []
    with mirroring(manifest(mode="online"), folder, say=said.append) as mirrors:
        assert mirrors == []
    said += mirror_report(manifest(mode="online"), folder)
    assert len(said) == 2 and all("base_url" in line and "\n" not in line for line in said)


@pytest.mark.slow
def test_runs_are_kept_where_wandb_does_not_answer(records, tmp_path, monkeypatch, no_wandb_yet):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(tracking, "_SECONDS_TO_ANSWER", 2)
    folder = StudyFolder(tmp_path)
    (problem,) = mirrored(folder, records[:2], of=manifest(mode="online"))
    assert "cannot be reached" in problem and f"wandb sync {folder.root}" in problem
    assert len(runs(folder)) == 2
    assert len(folder.mirrored.read_text().split()) == 2


class _BreakingDown(http.server.BaseHTTPRequestHandler):
    """As much of W&B as a run needs at first; to all that is not among its `answers` it says that it is broken."""

    answers: Mapping[str, JsonValue]

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode(errors="replace")
        answer = next((value for name, value in self.answers.items() if name in body), None)
        content = json.dumps({"data": answer}).replace("RUN", self._run(body)).encode()
        self.send_response(503 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @staticmethod
    def _run(body):
        """The run's name in a question of GraphQL."""
        named = re.search(r'"name":"([^"]+)"', body)
        return named[1] if named else ""


PROJECT = {"id": "p", "name": "gan-study", "entity": {"id": "e", "name": "somebody"}}
BUCKET = {"id": "r", "name": "RUN", "displayName": "RUN", "config": "{}", "project": PROJECT}
# What a run asks of W&B: to begin, and before it logs its first table.
BEGINNING = {
    "RunResumeStatus": {"model": {**PROJECT, "bucket": None}},
    "UpsertBucket": {"upsertBucket": {"bucket": BUCKET, "inserted": True}},
}
TABLES = {"Viewer": {"viewer": {"id": "u", "entity": "somebody", "username": "somebody", "flags": "{}"}}}


@pytest.fixture
def breaking_wandb(no_wandb_yet, monkeypatch, request):
    handler = type("_Handler", (_BreakingDown,), {"answers": request.param})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(tracking, "_SECONDS_TO_SEND", 2)
    monkeypatch.setitem(EXPERIMENTAL_SETTINGS, "x_graphql_retry_max", 1)
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("breaking_wandb", [{**BEGINNING, **TABLES}], indirect=True, ids=["at its end"])
def test_a_run_is_kept_where_wandb_stops_answering(records, tmp_path, breaking_wandb):
    folder, study = StudyFolder(tmp_path), manifest(mode="online", study_id="1123abcd")
    (problem,) = mirrored(folder, records[:2], of=study)
    (begun,) = folder.root.glob("wandb/run-*")
    assert (
        "has stopped answering; runs are stored on disk; send them"
        f" with `wandb sync --no-skip-online {begun} {folder.root}" in problem
    )
    assert list(begun.glob("*.wandb"))
    assert runs(folder) == [f"{study.study_id}-{records[1].trial_id}"]
    assert len(folder.mirrored.read_text().split()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("breaking_wandb", [BEGINNING], indirect=True, ids=["before its tables"])
def test_a_run_is_kept_as_a_whole_where_wandb_stops_answering(tmp_path, breaking_wandb):
    folder, study = StudyFolder(tmp_path), manifest(mode="online", study_id="2123abcd")
    planted = [planted_record(balancer="dcgan", validation=0.4, test=0.5, seed=seed) for seed in (1, 2)]
    write_arrays(folder.root, planted)
    records = [plain_record(trial) for trial in planted]
    (problem,) = mirrored(folder, records, of=study)
    assert f"runs are stored on disk; send them with `wandb sync {folder.root}" in problem
    first, second = (f"{study.study_id}-{record.trial_id}" for record in records)
    assert runs(folder) == sorted([f"{first}-kept", second])
    assert len(folder.mirrored.read_text().split()) == 2


def test_the_dashboard_asks_for_what_runs_hold():
    view = json.loads(specification(dashboard(manifest(), entity="somebody", answer={})))
    text = json.dumps(view)
    for metric in ("test/minority_recall", "test/minority_f1", "imbalance_ratio", "milestone/gain", "objective"):
        assert metric in text
    trial = planted_record(balancer="dcgan", validation=0.4, test=0.5)
    held = summary(trial).keys() | at_the_end(trial).keys()
    assert {"test/minority_recall", "test/minority_f1", "imbalance_ratio"} <= held
    for key in CONFIG.space().parameters:
        room, *setting = key.partition("@")[0].split("/")
        assert f"config:{'.'.join((room, 'value', *setting))}" in text
    kinds = re.findall(r'"viewType": "([^"]+)"', text)
    assert {"Run History Line Plot", "Parallel Coordinates Plot", "Parameter Importance", "Media Browser"} <= set(
        kinds
    )


def test_the_dashboard_says_what_the_page_says():
    """Every verdict and every cell of its tables stands in the page, rendered of the same study."""
    doses = iter((0.25, 1.0, 0.5))
    records = [
        replace(each, generated=GeneratedImages(dose=next(doses), num_made=1, num_passed=1))
        if each.search is not None and each.balancer == "dcgan" and each.status == "complete"
        else each
        for each in planted_study()
    ]
    study = study_of([*records, *planted_study(50.0)])
    answer = answer_markdown(study)
    assert list(answer) == ["Answer", *SHOWN.values()]
    page = shown(render(study, report_tables(study), Drawings(), ()))
    view = specification(dashboard(manifest(), entity="somebody", answer=answer))
    assert view.count('"viewType": "Markdown Panel"') == len(answer)
    assert all(json.dumps(text)[1:-1] in view for text in answer.values())
    rows = [line for text in answer.values() for line in text.splitlines() if re.match(r"\| [^-]", line)]
    cells = [html.unescape(cell).strip() for row in rows for cell in row.strip("|").split(" | ")]
    assert sum("[" in cell for cell in cells) > 15
    # A table of ratios has them in its head, and the page in a column.
    assert [cell for cell in cells if cell.replace("Ratio ", "") not in page and cell != "Balancer"] == []
    written = json.loads(report_specification(report(manifest(), entity="somebody", answer=answer)))
    assert [block["text"] for block in written["blocks"] if "text" in block and "|" in str(block["text"])] == [
        text for text in answer.values() if "|" in text
    ]
    assert all(text in [block.get("text") for block in written["blocks"]] for text in answer.values())
    for what in ("Minority F1", "Minority recall"):
        assert f"**{what}**: Helps at every ratio" in answer["Answer"]
        assert f"{what} Helps at every ratio" in page
    held = {f"plots/{chart.name}" for chart in charts(study, pd.DataFrame())}
    assert {"plots/chosen", "plots/gain_map", "plots/dose"} <= held & set(CHARTS)


def test_the_report_shows_each_panel_of_the_dashboard_for_the_runs_that_hold_it():
    study = manifest()
    grids = [
        block
        for block in json.loads(report_specification(report(study, entity="somebody", answer={})))["blocks"]
        if "runsets" in block
    ]
    shown = {}
    for grid in grids:
        (runs,) = grid["runsets"]
        of_study, of_phase = (each.partition(" == ") for each in runs["filters"].split(" and "))
        assert of_study == ('Config("study")', " == ", f"'{study.unique_name}'")
        assert of_phase[0] == 'Config("phase")'
        shown.setdefault(of_phase[2].strip("'"), []).append(json.dumps(grid))
    assert all(chart in shown["summary"][0] for chart in CHARTS)
    assert "test/minority_f1" in shown["confirm"][0] and "samples" in shown["confirm"][1]
    assert "milestone/gain" in shown["search"][0] and len(grids) == 4
    # Each set of runs filters by a value that its runs have.
    phases = {record.phase for record in planted_study()}
    assert {"confirm", "search"} <= phases
