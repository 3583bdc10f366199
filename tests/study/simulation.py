"""A study without training: planned trials end in a random order with scores made up from their configuration."""

import random
from dataclasses import dataclass, field, replace

from gan_study.study.plan.planner import Pause, Planner
from gan_study.study.plan.rounds import Questions, Rounds
from gan_study.study.plan.selection import ClosedSearch
from gan_study.trainables.classifiers import metrics
from gan_study.trainables.records.record import GeneratedImages, TrialRecord
from gan_study.trainables.trial.config import gan_settings
from gan_study.trainables.trial.outcome import failed_record

METRICS = tuple(metrics.METRICS)


def made_up_record(trial, *, fails=False, lacks_images=True):
    """A record whose validation score depends on the configuration alone."""
    blank = failed_record(trial.config, trial.purpose, reason="it broke", imbalance_ratio=trial.arm.ratio or 1.0)
    blank = replace(blank, finished_at="")
    if fails:
        return blank
    score = int(trial.config.trial_id, 16) % 1000 / 1000
    fits = trial.config.evaluation.fits
    parts = ("validation", "test") if trial.config.evaluation.test else ("validation",)
    gain = None if trial.purpose.baseline is None else score - trial.purpose.baseline
    return replace(
        blank,
        status="complete",
        failure=None,
        objective=gain,
        scores={part: dict.fromkeys(METRICS, score) for part in parts},
        num_fits=fits,
        generated=GeneratedImages(num_made=9) if lacks_images and gan_settings(trial.config.balancing) else None,
        fit_spread=0.016 if fits > 1 else None,
        seconds={
            "data": 0.125,
            "balancing": 3.875 if gan_settings(trial.config.balancing) else 0.375,
            "classifier": fits,
        },
    )


@dataclass
class Simulation:
    """A study folder in memory: what survives when the driver is killed."""

    records: dict[str, TrialRecord] = field(default_factory=dict)
    decisions: list = field(default_factory=list)
    closed: ClosedSearch | None = None
    rounds: Rounds | None = None
    num_asked: int = 0
    started: list = field(default_factory=list)

    def run(
        self,
        config,
        *,
        num_workers,
        seed,
        kill_after=None,
        fails=lambda trial: False,
        lacks_images=lambda ratio: True,
        may_search=lambda num_trials: True,
        open_arms=lambda simulation: frozenset(),
        is_decided=lambda simulation: False,
        has_time_for=lambda balancers: True,
        prior=(),
    ):
        """Run until all is done, or until `kill_after` further trials have ended; gives back the planner."""

        def ask_open_arms():
            self.num_asked += 1
            return open_arms(self)

        planner = Planner(
            config,
            record_of=self.records.get,
            decisions=tuple(self.decisions),
            keep_decision=self.decisions.append,
            closed=self.closed,
            keep=self._keep,
            may_search=may_search,
            rounds=self.rounds,
            keep_rounds=self._keep_rounds,
            questions=Questions(
                open_arms=ask_open_arms, is_decided=lambda: is_decided(self), has_time_for=has_time_for
            ),
            prior=prior,
        )
        rng, running, num_ended = random.Random(seed), [], 0
        while num_ended != kill_after:
            planned = planner.next() if len(running) < num_workers else Pause.WAIT
            if planned is Pause.DONE:
                break
            if planned is not Pause.WAIT:
                self.started.append(planned)
                running.append(planned)
                planner.began(planned.trial_id)
                continue
            assert running, "the planner waits for nothing"
            trial = running.pop(rng.randrange(len(running)))
            assert trial.config.trial_id not in self.records, "a trial ran twice"
            self.records[trial.config.trial_id] = made_up_record(
                trial, fails=fails(trial), lacks_images=lacks_images(trial.arm.ratio)
            )
            num_ended += 1
        return planner

    def _keep(self, closed):
        self.closed = closed

    def _keep_rounds(self, rounds):
        self.rounds = rounds

    def phase(self, phase):
        return [record for record in self.records.values() if record.phase == phase]
