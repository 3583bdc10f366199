"""What holds only with a real Ray."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
import ray
import torch
from ray import tune
from threadpoolctl import threadpool_info

from gan_study.study.plan.recipe import study_config
from gan_study.study.run import place, tuner
from gan_study.study.run.decision_store import read_decisions
from gan_study.study.run.failures import TooManyFailuresError
from gan_study.study.run.folder import summarise_study
from gan_study.study.run.layout import StudyFolder
from gan_study.study.run.probe import ProbeError
from gan_study.study.run.record_store import read_records
from gan_study.study.run.runner import plan_study, resume_study, run_study
from gan_study.study.run.summary_file import read_summary
from gan_study.study.run.tuner import MAX_RESTARTS
from gan_study.study.watch.journal import TRIAL_ENDED, read_log
from gan_study.trainables.data.byte_images import hold
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.records.arrays import arrays_digest, to_bytes
from gan_study.trainables.records.record import SearchTrial
from gan_study.trainables.runtime.environment import code_digest, code_folder
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.request import (
    REPORT,
    REQUEST,
    OtherCodeError,
    TrialLimits,
    TrialPlaces,
    TrialRequest,
)
from gan_study.trainables.trial.run import run_trial
from gan_study.trainables.trial.trainable import BrokenProcessError, GanStudyTrainable, SharedImages, share
from tests.one_ray import TOO_MANY_THREADS, start_shared_ray
from tests.shared_images import in_a_trial, share_as

pytestmark = pytest.mark.usefixtures("few_domain_steps_in_workers")

SETTINGS = (
    "data.image_size=8",
    "classifier.epochs=1",
    "baselines=[class_weights]",
    "search.parameters.balancing/name={kind: choice, options: [vanilla_gan]}",
    "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: int, low: 20, high: 24}",
    "confirm={seeds: [1], until: fixed, fits: 1}",
    # Each process that trains takes seconds to begin.
    "resources.max_concurrent=1",
)


def study(*settings):
    return study_config("quickstart", [*SETTINGS, *settings])


TRIAL = {
    "seed": 1,
    "data": {"name": "digits", "image_size": 16},
    "imbalance": {"profile": "step", "ratio": 10, "minority_classes": ["3", "8"]},
    "classifier": {"epochs": 1},
    "balancing": {"name": "random_oversampling"},
}


def digits():
    return image_source(DataConfig(name="digits", image_size=16))


def in_shared_memory(array):
    """Whether an array begins in Ray's object store, which is mapped into each process."""
    address = array.ctypes.data
    with Path("/proc/self/maps").open() as mappings:
        for mapping in mappings:
            first, last = (int(end, 16) for end in mapping.split()[0].split("-"))
            if first <= address < last:
                return "plasma" in mapping
    return False


@pytest.mark.parametrize("cpus", [pytest.param(1, marks=pytest.mark.soak), 3])
def test_a_trial_has_the_threads_that_ray_gave_it(local_ray, tmp_path, cpus):
    """torch, and every BLAS and OpenMP that other libraries brought; also in a worker's second trial."""

    class Trainable(GanStudyTrainable):
        def setup(self, config, images):
            self.before = self.threads()
            super().setup(config, images)

        def seen_before(self):
            return self.before

        def threads(self):
            return {
                "torch": torch.get_num_threads(),
                "to come": int(os.environ["OMP_NUM_THREADS"]),
                **{library["filepath"]: library["num_threads"] for library in threadpool_info()},
            }

    trial = given(tmp_path, Purpose(phase="baseline"))
    worker = ray.remote(tune.with_parameters(Trainable, images=share(digits())))
    worker = worker.options(num_cpus=cpus).remote(trial)
    for _ in range(2):
        found = ray.get(worker.threads.remote())
        assert set(found.values()) == {cpus}, found
        assert len(found) > 3
        ray.get([worker.train.remote(), worker.reset.remote(trial)])
    assert TOO_MANY_THREADS in ray.get(worker.seen_before.remote()).values()


def test_workers_share_the_memory_of_the_images(local_ray):
    @ray.remote
    def seen(images):
        loaded = [images.pool().images, images.test().images]
        return [
            (in_shared_memory(array), array.flags.writeable, array.flags.owndata)
            for part in loaded
            for array in (part.images, part.labels)
        ]

    assert ray.get(seen.remote(share(digits()))) == [(True, False, False)] * 4
    assert not in_shared_memory(digits().pool().images.images)


def test_a_worker_holds_no_copy_of_many_images(local_ray):
    """Nor of a part of them that was carved off."""
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 3, 64, 64), dtype=np.uint8)
    names = tuple(map(str, range(2000)))
    whole = LabeledImages(
        images=pixels, labels=np.arange(2000) % 2, class_names=("a", "b"), digests=names, origins=names
    )
    part = whole.subset(np.arange(500, 2000))

    @ray.remote
    def held(loaded):
        images = loaded.images.subset(np.arange(0, 1400)).images
        made = hold(images, torch.device("cpu"))
        return in_shared_memory(images.base), made.num_bytes, int(made[:3].add(1).mul(127.5).round().sum())

    assert ray.get(held.remote(ray.put(Loaded(images=part)))) == (True, 1400 * 8, int(pixels[500:503].sum()))


def test_what_is_shared_is_what_was_read(local_ray):
    images, source = share(digits()), digits()
    for one, other in ((images.pool(), source.pool()), (images.test(), source.test())):
        np.testing.assert_array_equal(one.images.images, other.images.images)
        np.testing.assert_array_equal(one.images.labels, other.images.labels)
        assert (one.images.digests, one.notes) == (other.images.digests, other.notes)
    assert images.test_class_counts() == source.test_class_counts()


NO_LIMITS = TrialLimits()


def given(folder, purpose, *, limits=NO_LIMITS, **changes):
    """What Tune hands a worker for one trial."""
    places = TrialPlaces(
        study=folder,
        cache=folder / "cache",
        gans=folder / "cache" / "gans",
        log=folder / "log.jsonl",
        token=folder / "token",
        mark="seen",
    )
    (folder / "token").write_text("seen")
    config = parse_trial({**TRIAL, **changes})
    request = TrialRequest(config=config, purpose=purpose, imbalance_ratio=10.0, places=places, limits=limits)
    return {REQUEST: request}


def records_of(images, trials):
    """The records of trials, one after the other in one worker that is given `images`."""
    worker = ray.remote(tune.with_parameters(GanStudyTrainable, images=images)).remote(trials[0])
    for trial in trials:
        assert ray.get(worker.reset.remote(trial))
        yield ray.get(worker.train.remote())[REPORT].record


def test_a_trial_on_shared_images_has_the_numbers_of_one_that_reads_by_itself(local_ray, tmp_path):
    purpose, testing = Purpose(phase="confirm"), {"test": True}
    (found,) = records_of(share(digits()), [given(tmp_path, purpose, evaluation=testing)])
    *_, plain = run_trial(parse_trial({**TRIAL, "evaluation": testing}), purpose, device=torch.device("cpu"))
    digest = arrays_digest(to_bytes(plain.arrays))
    assert found.outcome() == replace(plain.record, arrays_digest=digest).outcome()


def test_a_worker_with_other_code_refuses_a_trial_and_runs_the_next_of_its_own(local_ray, tmp_path):
    asked = given(tmp_path, Purpose(phase="baseline"))
    other, own = ({REQUEST: replace(asked[REQUEST], code=code)} for code in ("0123456789abcdef", code_digest()))
    worker = ray.remote(tune.with_parameters(GanStudyTrainable, images=share(digits()))).remote(other)
    result = ray.get(worker.train.remote())
    report = result[REPORT]
    assert result["done"] and report.record is None
    assert isinstance(report.refusal, OtherCodeError)
    assert str(code_folder()) in str(report.refusal) and "\n" not in str(report.refusal)
    assert ray.get(worker.reset.remote(own))
    assert ray.get(worker.train.remote())[REPORT].record.digests.code == code_digest()


def test_only_a_confirmation_asks_for_the_test_part(local_ray, tmp_path):
    @ray.remote
    def forbidden():
        raise RuntimeError("the test set was asked for")

    images = replace(share(digits()), test_part=forbidden.remote())
    search = Purpose(phase="search", baseline=0.5, search=SearchTrial(number=0, params={}))
    confirm = given(tmp_path, Purpose(phase="confirm"), evaluation={"test": True})
    trials = [given(tmp_path, Purpose(phase="baseline")), given(tmp_path, search), confirm]
    records = records_of(images, trials)
    assert [next(records).status, next(records).status] == ["complete", "complete"]
    # It is not believed in a process that has run others.
    with pytest.raises(BrokenProcessError, match="the test set was asked for"):
        next(records)


def test_a_trial_that_is_stopped_early_is_seen_as_pruned(local_ray, tmp_path):
    folder = tmp_path / "study"
    # One at a time: each comes to a rung where the default was, and goes on only if it is among the better half.
    result = run_study(
        study(
            "search.trials=12",
            "search.trials_each=12",
            "search.fits=1",
            "baselines=[]",
            "classifier.epochs=6",
            "balancers.vanilla_gan.gan.generator_steps=20",
            "search.pruning={rungs: [0.2, 0.4, 0.8], reduction_factor: 2}",
        ),
        out=folder,
    )
    states = {record.trial_id: record.status for record in result.trials if record.phase == "search"}
    assert 0 < list(states.values()).count("pruned") < len(states)
    (name,) = optuna.get_all_study_names(f"sqlite:///{folder / 'optuna.db'}")
    shown = optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'optuna.db'}").trials
    assert {trial.user_attrs["trial_id"]: trial.state.name.lower() for trial in shown} == states
    pruned = next(trial for trial in shown if trial.state.name == "PRUNED")
    assert set(pruned.intermediate_values) <= {4, 8, 16}
    stopped = [record for record in result.trials if record.status == "pruned"]
    assert all(record.stop.rung == len(record.milestones) > 0 for record in stopped)
    # Those that went on came by every rung in one training.
    whole = [record for record in result.trials if record.phase == "search" and record.status == "complete"]
    assert all(
        [milestone.generator_steps for milestone in record.milestones] == [4, 8, 16]
        for record in whole
        if record.search.stage in ("defaults", "search")
    )
    folder_of = StudyFolder(folder)
    judged = {
        (each.number, each.rung): each.goes_on
        for each in read_decisions(folder_of.decisions)
        if each.kind == "judgement"
    }
    assert {(record.search.number, record.stop.rung) for record in stopped} == {
        key for key, goes_on in judged.items() if not goes_on
    }


def test_a_trial_that_fails_does_not_stop_the_study(local_ray, tmp_path):
    # At this learning rate the GAN's losses are not finite for long.
    too_large = "search.parameters.balancing/gan/learning_rate={kind: float, low: 1.0e+20, high: 1.0e+30}"
    # Where nothing was found the defaults are confirmed.
    short = "balancers.vanilla_gan.gan.generator_steps=1"
    settings = ("search.trials=9", "search.trials_each=8", "search.pruning=null")
    result = run_study(study(*settings, too_large, short), out=tmp_path / "study")
    failed = [record for record in result.trials if record.phase == "search" and record.status == "failed"]
    # Nine less the default, which lies outside, and the last round of at most six.
    assert len(failed) == 2
    assert all("DivergedError: vanilla_gan: the " in record.failure for record in failed)
    assert {
        (record.phase, record.balancer, record.status) for record in result.trials if record not in failed
    } == {
        (phase, balancer, "complete")
        for phase in ("baseline", "confirm")
        for balancer in ("none", "class_weights")
    } | {(phase, "vanilla_gan", "complete") for phase in ("search", "confirm")}


def test_a_trial_that_hangs_is_stopped_and_the_next_one_in_its_process_runs(local_ray, tmp_path):
    class Hanging(SharedImages):
        def test(self):
            time.sleep(600)

    images = share_as(Hanging)(digits())
    limits = TrialLimits(trial_seconds=3)
    hanging = given(tmp_path, Purpose(phase="confirm"), limits=limits, evaluation={"test": True})
    plain = given(tmp_path, Purpose(phase="baseline"))
    # A first trial loads what the limit is too short to load.
    before, stopped, after = records_of(images, [plain, hanging, plain])
    assert (before.status, stopped.status, after.status) == ("complete", "failed", "complete")
    assert stopped.failure.startswith("TimeLimitExceeded: took longer than resources.trial_time_limit_seconds")


@pytest.mark.faults
def test_a_trial_without_memory_and_one_that_dies_again_and_again_are_recorded(local_ray, tmp_path, monkeypatch):
    """Confirmations ask for the test set one at a time: the first asks for too much, the second dies."""
    calls = tmp_path / "calls"

    class Fatal(SharedImages):
        def test(self):
            with calls.open("a") as file:
                file.write(".")
            call = calls.stat().st_size
            if call == 1:
                np.empty(2**50)
            if call <= 2 + MAX_RESTARTS:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().test()

    monkeypatch.setattr(place, "share", share_as(Fatal))
    settings = ("search.trials=0", "balancers.vanilla_gan.gan.generator_steps=1", "resources.max_concurrent=1")
    result = run_study(study(*settings), out=tmp_path / "study")
    greedy, dying, *others = (record for record in result.trials if record.phase == "confirm")
    assert "Unable to allocate 8.00 PiB" in greedy.failure
    assert "The actor died unexpectedly" in dying.failure and len(dying.failure) < 1000
    assert [record.status for record in others] == ["complete"]
    # One for each that ends, and one more for each restart.
    assert calls.stat().st_size == 3 + MAX_RESTARTS


@pytest.mark.faults
def test_a_device_that_is_lost_costs_a_process_and_no_trial(local_ray, tmp_path, monkeypatch):
    """From the third trial on the first process fails at all that it does, as after a CUDA kernel has failed."""
    calls, lost = tmp_path / "calls", tmp_path / "lost"

    said = "CUDA error: device-side assert triggered\nCUDA kernel errors might be \x1b[31mred"

    class Sticky(SharedImages):
        def pool(self):
            if not in_a_trial():
                return super().pool()
            with calls.open("a") as file:
                file.write(".")
            if calls.stat().st_size == 3:
                lost.write_text(str(os.getpid()))
            if lost.exists() and lost.read_text() == str(os.getpid()):
                raise RuntimeError(
                    "CUDA error: device-side assert triggered\nCUDA kernel errors might be \x1b[31mred"
                )
            return super().pool()

    monkeypatch.setattr(place, "share", share_as(Sticky))
    short = ("search.trials=0", "balancers.vanilla_gan.gan.generator_steps=1")
    result = run_study(study(*short), out=tmp_path / "study")
    assert [record.failure for record in result.trials] == [None] * 5
    assert calls.stat().st_size == 6

    class Broken(SharedImages):
        def pool(self):
            raise RuntimeError(said)

    monkeypatch.setattr(place, "share", share_as(Broken))
    # The probe cannot tell a time, which nobody needs unless it is asked for.
    with pytest.raises(ProbeError, match=r"^measuring the speed of this machine failed: RuntimeError: CUDA error"):
        plan_study(study(*short))
    with pytest.raises(TooManyFailuresError, match="5 of the last 5 trials failed in the same way, so the study"):
        run_study(study(*short, "confirm.seeds=[1, 2]"), out=tmp_path / "broken")
    records = read_records(tmp_path / "broken" / "records.jsonl")
    reason = "RuntimeError: CUDA error: device-side assert triggered CUDA kernel errors might be red"
    assert [record.failure for record in records] == [reason] * 5
    monkeypatch.setattr(place, "share", share)
    result = resume_study(tmp_path / "broken", retry_failed=True)
    assert [record.status for record in result.trials] == ["complete"] * 8


@pytest.mark.faults
def test_a_trial_whose_process_is_lost_before_it_can_begin_is_rescheduled(local_ray, tmp_path, monkeypatch):
    """A process that has run a trial waits for the next one; on a machine that is lost, it is lost too."""
    calls = tmp_path / "calls"

    class LostWhenReused(GanStudyTrainable):
        def reset_config(self, new_config):
            with calls.open("a") as file:
                file.write(".")
            if calls.stat().st_size <= 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().reset_config(new_config)

    monkeypatch.setattr(tuner, "GanStudyTrainable", LostWhenReused)
    settings = ("search.trials=0", "resources.max_concurrent=1", "balancers.vanilla_gan.gan.generator_steps=10")
    result = run_study(study(*settings), out=tmp_path / "study")
    assert [record.failure for record in result.trials] == [None] * 5
    assert calls.stat().st_size > 2


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory, few_domain_steps_in_workers):
    """A study with W&B whose search trials are of one GAN: its folder and result."""
    folder = StudyFolder(tmp_path_factory.mktemp("mirrored") / "study")
    settings = (
        "search.parameters.balancing/gan/generator_steps@vanilla_gan={kind: choice, options: [2, 4]}",
        "search.parameters.balancing/gan/learning_rate=null",
        "search.trials=8",
        "search.trials_each=8",
        "search.pruning=null",
        "balancers.vanilla_gan.gan.generator_steps=4",
        "baselines=[]",
        "wandb.mode=offline",
        "resources.cpus_per_trial=2",
    )
    start_shared_ray()
    return folder, run_study(study(*settings), out=folder.root)


def test_every_trial_is_logged_and_mirrored_and_its_record_says_how_many_threads_it_had(local_ray, mirrored):
    folder, result = mirrored
    # No balancing in three splits; default and point, both again in the last round, both or one in its check.
    assert set(result.records["status"]) == {"complete"} and len(result.trials) in (10, 11)
    assert {record.environment["threads"] for record in result.trials} == {"2"}
    told = [line.values["trial_id"] for line in read_log(folder.driver_log) if line.event == TRIAL_ENDED]
    assert told == [record.trial_id for record in result.trials]
    for record in result.trials:
        first, *_, last = read_log(folder.log_of(record.trial_id))
        assert (first.event, last.event) == ("began", "ended")
    summary = read_summary(folder)
    assert summary == summarise_study(folder.root) and {*summary.last_trials} <= {*told}
    runs = {path.name.rsplit("-", 1)[1] for path in folder.root.glob("wandb/offline-run-*")}
    assert runs == {record.trial_id for record in result.trials}


def test_search_trials_of_one_gan_share_its_steps(local_ray, mirrored):
    folder, result = mirrored
    searched = [
        record for record in result.trials if record.search and record.search.stage in ("defaults", "search")
    ]
    assert [record.status for record in searched] == ["complete", "complete"]
    logs = [read_log(folder.log_of(record.trial_id)) for record in searched]
    went_on = [
        [line.values["generator_steps"] for line in log if line.event.startswith("continued")] for log in logs
    ]
    # Whichever was the first, what it left of step 2 serves the other: two rare classes, a GAN for each.
    assert went_on == [[], [2, 2]]


def test_a_study_trains_the_gans_of_its_seeds_side_by_side(local_ray, tmp_path):
    short = "balancers.vanilla_gan.gan.generator_steps=3"
    settings = ("search.trials=0", "baselines=[]", "confirm.seeds=[1, 2]", short)
    result = run_study(
        study(*settings, "resources.gan_execution.way=batched", "resources.max_concurrent=2"),
        out=tmp_path / "study",
    )
    balanced = [record for record in result.trials if record.balancer == "vanilla_gan"]
    assert [record.status for record in balanced] == ["complete", "complete"]
    assert len({record.seed for record in balanced}) == 2
    (notes,) = {record.notes for record in balanced}
    assert any("GANs were trained as one computation" in note for note in notes)
