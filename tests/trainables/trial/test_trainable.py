"""Whether a trial or its process is to blame for an error; tests/study/test_ray.py has what holds in Ray."""

import socket
from unittest.mock import Mock

import pytest
import torch

from gan_study.trainables.base.settings import ConfigError
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.records.record import Milestone
from gan_study.trainables.runtime.time_limit import TimeLimitExceeded
from gan_study.trainables.trial import trainable
from gan_study.trainables.trial.config import parse_trial
from gan_study.trainables.trial.outcome import describe_failure
from gan_study.trainables.trial.purpose import Purpose
from gan_study.trainables.trial.request import REPORT, REQUEST, TrialPlaces, TrialRequest
from gan_study.trainables.trial.trainable import BrokenProcessError, GanStudyTrainable, may_be_broken

OF_THE_TRIAL = [
    ConfigError("imbalance.ratio: 0"),
    DivergedError("dcgan: the loss is nan"),
    MemoryError("Unable to allocate 8.00 PiB"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8.00 PiB."),
    TimeLimitExceeded("took longer"),
]
OF_A_DEVICE = [
    torch.AcceleratorError("an illegal memory access was encountered", 700),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("HIP error: the operation cannot be performed in the present state"),
    RuntimeError("../aten/src/Indexing.cu:1290: device-side assert"),
]
OTHERS = [RuntimeError("it broke"), KeyError("x"), ValueError("Expected more than 1 value per channel")]


@pytest.mark.parametrize("error", OF_THE_TRIAL, ids=repr)
def test_what_settings_explain_is_believed_once(error):
    assert not may_be_broken(error, is_reused=False, failures=[])
    assert not may_be_broken(error, is_reused=True, failures=["another reason"])
    assert may_be_broken(error, is_reused=True, failures=[describe_failure(error)])


@pytest.mark.parametrize("error", OF_A_DEVICE, ids=repr)
def test_a_device_that_fails_is_not_used_again(error):
    assert may_be_broken(error, is_reused=False, failures=[])


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_any_other_error_is_believed_of_the_first_trial_of_a_process(error):
    assert not may_be_broken(error, is_reused=False, failures=[])
    assert may_be_broken(error, is_reused=True, failures=[])


def test_a_reason_is_one_line_without_a_terminals_codes():
    error = ValueError("\x1b[1;31mred\x1b[0m\n \x1b]8;;http://x\x07link\x1b]8;;\x07\tand\x00 more\x1b")
    assert describe_failure(error) == "ValueError: red link and more"


@pytest.fixture
def places(tmp_path):
    study = tmp_path / "study"
    return TrialPlaces(
        study=study,
        cache=study / "cache",
        gans=study / "gans",
        log=study / "log.jsonl",
        token=tmp_path / "token",
        mark="ours",
    )


@pytest.fixture
def began(places, monkeypatch):
    """Begins a trial in a process of its own, as Tune does."""
    monkeypatch.setattr(trainable, "assigned_cpus", torch.get_num_threads)
    monkeypatch.setattr(trainable, "assigned_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(trainable, "keep_freed_memory", Mock())
    config = parse_trial(
        {
            "seed": 1,
            "data": {"name": "digits"},
            "imbalance": {"profile": "natural"},
            "classifier": {"epochs": 1},
            "balancing": {"name": "none"},
        }
    )
    request = TrialRequest(config=config, purpose=Purpose(phase="search"), imbalance_ratio=1.0, places=places)

    def begin():
        worker = object.__new__(GanStudyTrainable)
        worker.setup({REQUEST: request}, Mock())
        return worker

    return begin


@pytest.mark.parametrize("found", [None, "another study's"])
def test_a_machine_that_does_not_see_the_studys_folder_says_so_and_writes_nothing(places, began, found):
    if found is not None:
        places.token.write_text(found)
    error = began().step()[REPORT].storage_error
    assert error.strerror.startswith(f"{socket.gethostname()} sees another folder, or none")
    assert error.filename == str(places.study) and not places.study.exists()
    places.token.write_text("ours")
    assert places.find_fault(patience_seconds=0) is None


def test_a_trial_whose_gpu_torch_cannot_use_ends_the_study_and_leaves_no_record(places, began, monkeypatch):
    places.token.write_text("ours")
    places.study.mkdir()
    error = trainable.GpuMissingError("no GPU")
    monkeypatch.setattr(trainable, "assigned_device", Mock(side_effect=error))
    worker = began()
    report = worker.step()[REPORT]
    assert report.refusal is error and report.record is None
    # The same process on a machine that was mended.
    milestone = Milestone(generator_steps=1, objective=0.5)
    monkeypatch.setattr(trainable, "assigned_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(trainable, "run_trial", lambda *_, **__: iter([milestone]))
    assert worker.reset_config({REQUEST: worker._request})
    assert worker.step()[REPORT].milestone == milestone


@pytest.fixture
def shared_gpu(monkeypatch):
    """What is done to a quarter of a GPU, in order."""
    done = []
    monkeypatch.setattr(trainable, "assigned_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(trainable, "assigned_gpus", lambda: 0.25)
    monkeypatch.setattr(trainable, "give_memory_back", lambda: done.append("given back"))
    monkeypatch.setattr(trainable, "limit_memory", lambda share: done.append(share))
    return done


def test_each_trial_finds_a_gpu_as_the_first_did_and_keeps_to_its_share(places, began, shared_gpu):
    places.token.write_text("ours")
    worker = began()
    first = worker._events
    assert worker.reset_config({REQUEST: worker._request})
    assert shared_gpu == ["given back", 0.25] * 2
    assert worker._events is not first


@pytest.mark.parametrize("is_innocent", [True, False])
def test_a_trial_is_tried_again_where_a_neighbour_took_the_memory(
    places, began, shared_gpu, monkeypatch, is_innocent
):
    places.token.write_text("ours")
    places.study.mkdir()
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    monkeypatch.setattr(trainable, "run_trial", lambda *_, **__: iter(map(Mock(side_effect=error), [1])))
    monkeypatch.setattr(trainable, "is_neighbours_greed", lambda found, share: is_innocent and share == 0.25)
    monkeypatch.setattr(trainable, "failed_record", Mock(return_value="a record"))
    worker = began()
    if is_innocent:
        with pytest.raises(BrokenProcessError, match="out of memory"):
            worker.step()
    else:
        assert worker.step()[REPORT].record == "a record"
