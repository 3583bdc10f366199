"""The thin adapter between Ray Tune and a trial."""

import logging
import math
import re
import socket
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import ray
import torch
from ray import tune

from gan_study.trainables.base.settings import UserError, dump
from gan_study.trainables.data.images import Loaded
from gan_study.trainables.data.source import ImageSource
from gan_study.trainables.gans.checkpoints import Checkpoints
from gan_study.trainables.gans.generator_trainer import DivergedError
from gan_study.trainables.records.arrays import arrays_digest, to_bytes
from gan_study.trainables.records.record import Milestone, TrialRecord
from gan_study.trainables.runtime.cache import FolderStore
from gan_study.trainables.runtime.environment import code_digest, code_folder
from gan_study.trainables.runtime.gpu_memory import give_memory_back, is_neighbours_greed, limit_memory
from gan_study.trainables.runtime.logs import logging_to
from gan_study.trainables.runtime.matrix_products import agree_on_library, choose_library
from gan_study.trainables.runtime.process import keep_freed_memory, use_threads
from gan_study.trainables.runtime.storage import StorageError, write_atomically
from gan_study.trainables.runtime.time_limit import TimeLimitExceeded, time_limit
from gan_study.trainables.trial.outcome import TrialOutcome, describe_failure, failed_record
from gan_study.trainables.trial.request import REQUEST, OtherCodeError, TrialReport, TrialRequest
from gan_study.trainables.trial.run import TrialEvent, run_trial

_log = logging.getLogger(__name__)

# What settings, data and the size of the machine explain.
_OF_THE_TRIAL = (UserError, DivergedError, MemoryError, torch.OutOfMemoryError, TimeLimitExceeded)
# What torch says of CUDA, its libraries and HIP; older ones raise a plain RuntimeError.
_DEVICE_ERROR = re.compile(
    r"\b(?:cuda|hip|cudnn|cublas|cusolver|cufft|nccl) error|\bcu[a-z]+_status_|device-side assert", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class SharedImages:
    """A data set in Ray's object store: an ImageSource whose arrays are views of memory that workers share.

    A machine has one copy of a part, and none of the test set before a trial asks for it. If a machine is lost,
    Ray fetches its copy again from the driver's. The images end with the driver; a resumed study shares them
    again.
    """

    pool_part: "ray.ObjectRef[Loaded]"
    test_part: "ray.ObjectRef[Loaded]"
    test_counts: tuple[int, ...]

    def pool(self) -> Loaded:
        """All images for training and validation; the arrays are read-only."""
        return self._pool

    def test(self) -> Loaded:
        """The test set; its arrays are read-only."""
        return self._test

    def test_class_counts(self) -> tuple[int, ...]:
        """Test images of each class, in label order; does not fetch the test set."""
        return self.test_counts

    @cached_property
    def _pool(self) -> Loaded:
        loaded: Loaded = ray.get(self.pool_part)
        return loaded

    @cached_property
    def _test(self) -> Loaded:
        loaded: Loaded = ray.get(self.test_part)
        return loaded


def share(source: ImageSource) -> SharedImages:
    """Read the images of `source`, and put them into Ray's object store."""
    return SharedImages(
        pool_part=ray.put(source.pool()),
        test_part=ray.put(source.test()),
        test_counts=source.test_class_counts(),
    )


class GpuMissingError(UserError):
    """A trial was given a GPU that torch cannot use."""


class BrokenProcessError(Exception):
    """A trial failed in a process that may be the cause: the process ends, and the trial is retried in another
    one.
    """


class GanStudyTrainable(tune.Trainable):  # type: ignore[misc]
    """Runs one trial; each step continues to the trial's next milestone, the last one to its end.

    The last step reports the complete record. A trial that raises an error also has a result, a record with the
    reason. So Ray's own retries are reserved for processes and machines that die, and for processes that
    `may_be_broken`. If storage fails for too long, this is not the trial's fault: it leaves no record, and the
    driver is told to stop.
    """

    _request: TrialRequest
    _events: Iterator[TrialEvent]
    _deadline: float | None
    _ends_with_study: bool
    _has_begun: bool
    _fault: StorageError | None
    _refusal: GpuMissingError | None
    _gpu_share: float
    """The share of a GPU; 0 on a CPU."""
    _num_trials: int
    """How many trials have started in this process."""
    _failures: list[str]
    """Why earlier trials failed."""

    def setup(self, config: dict[str, TrialRequest], images: SharedImages) -> None:
        """Start the trial with the configuration `config`; `images` are the study's data set."""
        # Noted before anybody can change the files: this process runs what it has imported.
        code_digest()
        self._images = images
        self._num_trials, self._failures = 0, []
        use_threads(assigned_cpus())
        keep_freed_memory()
        request = config[REQUEST]
        folder, patience = request.places.cache / "matrix_products", request.limits.storage_patience_seconds
        self._fault = request.places.find_fault(patience_seconds=patience)
        if self._fault is None:
            choose_library(partial(agree_on_library, folder, patience_seconds=patience))
        self._begin(request)

    def reset_config(self, new_config: dict[str, TrialRequest]) -> bool:
        """Start another trial in the same process, since starting a process and importing torch take seconds."""
        self._begin(new_config[REQUEST])
        return True

    def step(self) -> dict[str, object]:
        """Continue to the next milestone or to the end; log messages go to the trial's log.

        A machine that does not see the study's folder reports this, and writes nothing.
        """
        if self._fault is not None:
            return TrialReport(storage_error=self._fault).to_tune()
        with logging_to(self._request.places.log):
            if not self._has_begun:
                # Not when it is handed over: Tune may still give it to another process.
                _log.info("began", extra={"balancer": self._request.config.balancing.name})
                self._has_begun = True
                self._num_trials += 1
            return self._step().to_tune()

    def _step(self) -> TrialReport:
        if self._refusal is not None:
            return TrialReport(refusal=self._refusal)
        if self._request.code not in (None, code_digest()):
            refusal = OtherCodeError(f"the worker's lies in {code_folder()} on {socket.gethostname()}")
            return TrialReport(refusal=refusal)
        try:
            with time_limit(self._deadline):
                event = next(self._events)
            return self._report(event)
        except StorageError as error:
            _log.error("storage failed", exc_info=error)
            return TrialReport(storage_error=error)
        except TimeLimitExceeded as error:
            if self._ends_with_study:
                _log.info("stopped: the time of the study is over")
                return TrialReport(is_cut=True)
            return self._failed(error)
        except Exception as error:
            return self._failed(error)

    def _failed(self, error: BaseException) -> TrialReport:
        _log.error("failed", exc_info=error)
        config, purpose, ratio = self._request.config, self._request.purpose, self._request.imbalance_ratio
        reason = describe_failure(error)
        blames_process = may_be_broken(error, is_reused=self._num_trials > 1, failures=self._failures)
        if blames_process or is_neighbours_greed(error, self._gpu_share):
            # Tune ends this process, and starts the trial again in another one.
            raise BrokenProcessError(reason)
        self._failures.append(reason)
        return TrialReport(record=failed_record(config, purpose, reason=reason, imbalance_ratio=ratio))

    def _begin(self, request: TrialRequest) -> None:
        places, limits = request.places, request.limits
        self._request, self._has_begun = request, False
        seconds_left = math.inf if limits.ends_at is None else limits.ends_at.seconds_left()
        seconds = min(seconds_left, limits.trial_seconds or math.inf)
        self._ends_with_study = seconds == seconds_left
        self._deadline = None if seconds == math.inf else time.monotonic() + seconds
        device = self._take_device()
        self._events = run_trial(
            request.config,
            request.purpose,
            device=device,
            checkpoints=Checkpoints(
                folder=places.gans,
                generator_steps=request.checkpoint_steps,
                keeps_looked_at=request.keeps_gan,
                every_seconds=limits.checkpoint_interval_seconds,
                patience_seconds=limits.storage_patience_seconds,
            ),
            store=FolderStore(places.cache / "measures", patience_seconds=limits.storage_patience_seconds),
            source=self._images,
            execution=request.execution,
        )

    def _take_device(self) -> torch.device:
        """The device of the trial; a GPU is cleared of earlier trials, and its memory is limited."""
        self._refusal, self._gpu_share = None, 0.0
        # What a trial before has left goes with its generator.
        self._events = iter(())
        try:
            device = assigned_device()
        except GpuMissingError as error:
            self._refusal = error
            return torch.device("cpu")
        if device.type == "cuda":
            self._gpu_share = assigned_gpus()
            give_memory_back()
            limit_memory(self._gpu_share)
        return device

    def _report(self, event: TrialEvent) -> TrialReport:
        """What is reported to the driver for `event`; the files of an outcome are written first."""
        if isinstance(event, Milestone):
            _log.info("milestone", extra=dump(event))
            return TrialReport(milestone=event)
        record = self._write_arrays(event)
        _log.info("ended", extra={"objective": record.objective})
        return TrialReport(record=record)

    def _write_arrays(self, outcome: TrialOutcome) -> TrialRecord:
        """The trial's record, with the digest of its arrays, which are on disk then."""
        assert outcome.record.arrays is not None, "a trial that came to its end leaves arrays"
        content = to_bytes(outcome.arrays)
        write_atomically(
            self._request.places.study / outcome.record.arrays,
            content,
            patience_seconds=self._request.limits.storage_patience_seconds,
        )
        return replace(outcome.record, arrays_digest=arrays_digest(content))


def may_be_broken(error: BaseException, *, is_reused: bool, failures: Collection[str]) -> bool:
    """Whether a trial's `error` may be caused by its process rather than by the trial.

    A GPU's context is lost after a kernel has failed in it: all later work fails too. A process is also suspected
    if a trial failed in it in the same way before (`failures` are the reasons), or if it `is_reused` after another
    trial and the failure cannot be explained by settings, data or the size of the machine.
    """
    if isinstance(error, _OF_THE_TRIAL):
        return describe_failure(error) in failures
    is_of_device = isinstance(error, torch.AcceleratorError) or _DEVICE_ERROR.search(str(error)) is not None
    return is_reused or is_of_device


def assigned_cpus() -> int:
    """The CPUs that Ray gave this trial; a share of one counts as one."""
    return max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))


def assigned_gpus() -> float:
    """The GPUs that Ray gave this trial: a share of one, or several."""
    return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0))


def assigned_device() -> torch.device:
    """A GPU if Ray gave this trial one or a share of one, otherwise the CPU.

    Ray does not hide GPUs from trials that asked for none. The record names the device. Raises GpuMissingError if
    torch cannot use the GPU: on the CPU the trial would take many times as long, at a GPU's price.
    """
    if not assigned_gpus():
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise GpuMissingError(
            f"{socket.gethostname()}: Ray gave a trial a GPU that torch {torch.__version__} cannot use: "
            f"{_why_no_gpu()}; repair that machine, or compute on CPUs with --set resources.gpus_per_trial=0"
        )
    return torch.device("cuda")


def _why_no_gpu() -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return "it was built for CPUs only"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return str(error).partition("\n")[0].rstrip(".")
    return "it sees none"
