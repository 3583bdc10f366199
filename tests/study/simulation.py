"""A study without training: planned trials end in a random order with scores made up from their configuration."""

import random
from dataclasses import dataclass, field, replace

from gan_study.study.plan.planner import Pause, Planner
from gan_study.trainables.classifiers import metrics
from gan_study.trainables.record import TrialRecord
from gan_study.trainables.trial.outcome import failed_record

METRICS = tuple(metrics.METRICS)


def made_up_record(trial, *, fails=False):
    """A record whose validation score depends on the configuration alone."""
    blank = failed_record(trial.config, trial.purpose, reason="it broke", imbalance_ratio=trial.cell.ratio or 1.0)
    blank = replace(blank, finished_at="")
    if fails:
        return blank
    score = int(trial.config.trial_id, 16) % 1000 / 1000
    parts = ("validation", "test") if trial.config.evaluation.test else ("validation",)
    gain = None if trial.purpose.baseline is None else score - trial.purpose.baseline
    return replace(
        blank,
        status="complete",
        failure=None,
        objective=gain,
        scores={part: dict.fromkeys(METRICS, score) for part in parts},
    )


@dataclass
class Simulation:
    """A study folder in memory: what survives when the driver is killed."""

    records: dict[str, TrialRecord] = field(default_factory=dict)
    selected: tuple | None = None
    started: list = field(default_factory=list)

    def run(
        self, config, *, num_workers, seed, kill_after=None, fails=lambda trial: False, may_search=lambda: True
    ):
        """Run until all is done, or until `kill_after` further trials have ended; gives back the planner."""
        planner = Planner(
            config,
            record_of=self.records.get,
            selected=self.selected,
            keep=self._keep,
            may_search=may_search,
        )
        rng, running, num_ended = random.Random(seed), [], 0
        while num_ended != kill_after:
            planned = planner.next() if len(running) < num_workers else Pause.WAIT
            if planned is Pause.DONE:
                break
            if planned is not Pause.WAIT:
                self.started.append(planned)
                running.append(planned)
                continue
            assert running, "the planner waits for nothing"
            trial = running.pop(rng.randrange(len(running)))
            assert trial.config.trial_id not in self.records, "a trial ran twice"
            self.records[trial.config.trial_id] = made_up_record(trial, fails=fails(trial))
            num_ended += 1
        return planner

    def _keep(self, selected):
        self.selected = selected

    def phase(self, phase):
        return [record for record in self.records.values() if record.phase == phase]
