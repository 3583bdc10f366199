"""How well people tell generated images from real ones: the answers that they saved."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from scipy import stats

from gan_study.analysis.page.real_or_fake import titles
from gan_study.analysis.records.answers import Answer, Answers, read_answers
from gan_study.analysis.records.load import Study
from gan_study.analysis.tables.row_trials import SCORES, TRIAL_IDS
from gan_study.analysis.tables.table import Table
from gan_study.analysis.wording import interval_text

CONFIDENCE = 0.95


class Marked(NamedTuple):
    """How all people together marked the images of a round."""

    round: str
    people: int
    right: int
    marked: int
    share: float
    low: float
    high: float
    fooled: int
    """Generated images that were taken for real."""
    generated: int
    trial_ids: str


def study_answers(study: Study) -> Answers:
    """The answers in the study's folder to the rounds of its page."""
    return read_answers(study.folder, study=study.name, rounds=titles(study))


def people_tables(study: Study) -> tuple[Table, ...]:
    """A table with a row for each round that somebody answered; none without answers.

    The share of images that were marked rightly has Wilson's 95 % interval (Wilson 1927) over all images of all
    people, as if each had been marked independently. Half are real, so guessing is right half of the time.
    """
    answers, trials = study_answers(study).found, titles(study)
    found = [
        _marked(title, trial_id, alike)
        for title, trial_id in trials.items()
        if (alike := [answer for answer in answers if answer.round == title])
    ]
    if not found:
        return ()
    text = pd.DataFrame(
        {
            "Images": [each.round for each in found],
            "People": [each.people for each in found],
            "Marked rightly": [f"{each.right} of {each.marked}" for each in found],
            "Share": [interval_text(each.share, each.low, each.high, signed=False) for each in found],
            "Generated taken for real": [f"{each.fooled} of {each.generated}" for each in found],
            "Finding": [_finding(each.low, each.high) for each in found],
            TRIAL_IDS: [each.trial_ids for each in found],
        }
    )
    title = "Real or fake? How people marked the images"
    return (Table(name="people", title=title, numbers=pd.DataFrame(found), rows=text, origin=SCORES),)


def _marked(title: str, trial_id: str, answers: Sequence[Answer]) -> Marked:
    marks = [mark for answer in answers for mark in answer.marks]
    right = sum(truth == marked for truth, marked in marks)
    interval = stats.binomtest(right, len(marks)).proportion_ci(CONFIDENCE, method="wilson")
    return Marked(
        round=title,
        people=len(answers),
        right=right,
        marked=len(marks),
        share=right / len(marks),
        low=float(interval.low),
        high=float(interval.high),
        fooled=marks.count(("generated", "real")),
        generated=sum(truth == "generated" for truth, _ in marks),
        trial_ids=trial_id,
    )


def _finding(low: float, high: float) -> str:
    if low > 0.5:
        return "can be told apart"
    return "taken for one another" if high < 0.5 else "no evidence that they can be told apart"
