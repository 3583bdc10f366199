"""Neighbours are the same whatever OpenMP was told, which scikit-learn's own are not."""

import os
import subprocess
import sys
import textwrap

import pytest

# Each place that asks scikit-learn for neighbours, or lets imbalanced-learn ask.
EVERYTHING = """
    import hashlib
    import warnings
    import numpy as np
    warnings.simplefilter("ignore")
    from gan_study import ImageOverSampler
    from gan_study.analysis.plots.image_map import placed
    from gan_study.trainables.data.reading.hardness import neighbour_types
    from gan_study.trainables.image_quality.ssim import _nearest
    rng = np.random.default_rng(0)
    images = rng.random((700, 1, 8, 8), dtype=np.float32)
    rows, labels = images.reshape(700, -1), np.repeat([0, 1], [450, 250])
    print("types", neighbour_types(rows, labels, 1))
    print("ssim", _nearest(images[:300], images[300:]).sum())
    print("map", placed(rows[:400].astype(float)).sum().round(6))
    for method in ("smote", "borderline_smote", "safe_level_smote"):
        made, _ = ImageOverSampler(method, random_state=0).fit_resample(images, labels)
        print(method, hashlib.sha256(made.tobytes()).hexdigest())
"""


def told(**variables):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EVERYTHING)],
        env={**inherited, **variables, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
def test_neighbours_do_not_depend_on_how_many_threads_openmp_gives():
    expected = told(OMP_NUM_THREADS="1")
    assert len(expected.splitlines()) == 6
    assert told(OMP_NUM_THREADS="2", OMP_DYNAMIC="true") == expected
    assert told(OMP_NUM_THREADS="4", OMP_THREAD_LIMIT="1") == expected
