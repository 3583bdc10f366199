from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.spread import spread_tables, spreads
from tests.analysis.planted import confirmed_arm, study_of, with_arrays


def fitted(balancer: str, scores: Sequence[Sequence[float]], *, gan: bool = False) -> list[Trial]:
    """A method whose fits reach these test F1, a row a seed."""
    means = [float(np.mean(fits)) for fits in scores]
    return [
        with_arrays(
            replace(record, num_fits=len(fits)),
            {"scores/metrics": np.array(["minority_f1"]), "test/overall": np.array(fits, dtype=float)[:, None]},
        )
        for record, fits in zip(
            confirmed_arm(balancer, validation=means, test=means, gan=gan), scores, strict=True
        )
    ]


def test_the_components_worked_by_hand() -> None:
    # Within: each pair has a variance of 0.0002. Between: means 0.4, 0.5, 0.6, a variance of 0.01 less 0.0001.
    none = fitted("none", [(0.39, 0.41), (0.49, 0.51), (0.59, 0.61)])
    # Means 0.5, 0.7, 0.9: a variance of 0.04 less 0.0001, of which 0.0099 is that of splits.
    gan = fitted("dcgan", [(0.49, 0.51), (0.69, 0.71), (0.89, 0.91)], gan=True)
    found = {arm.balancer: each for arm, each in spreads(study_of([*none, *gan])).items()}
    assert found["none"].over_fits == pytest.approx(np.sqrt(0.0002))
    assert found["none"].over_splits == pytest.approx(np.sqrt(0.0099))
    assert found["none"].over_gans is None
    assert found["dcgan"].over_splits == pytest.approx(np.sqrt(0.0099))
    assert found["dcgan"].over_gans == pytest.approx(np.sqrt(0.03))


def test_planted_spreads_are_found() -> None:
    rng = np.random.default_rng(0)
    splits = rng.normal(0.5, 0.03, 400)
    scores = splits[:, None] + rng.normal(0, 0.02, (400, 3))
    found = next(iter(spreads(study_of(fitted("none", scores.tolist()))).values()))
    assert (found.over_splits, found.over_fits) == (pytest.approx(0.03, rel=0.1), pytest.approx(0.02, rel=0.1))


def test_one_fit_a_seed_tells_nothing_of_fits_and_two_seeds_nothing_at_all() -> None:
    once = spread_tables(study_of(fitted("none", [(0.4,), (0.5,), (0.6,)])))[0]
    assert once.text["Over fits"].tolist() == ["–"]
    assert spread_tables(study_of(fitted("none", [(0.4,), (0.5,)]))) == ()
