"""What the first person with a GPU runs, as far as it runs without one."""

import pytest

from benchmarks.first_gpu import Check, checks, gains_over_eager, main, verdict
from benchmarks.gpu import Measured
from gan_study.trainables.gans.catalog import VARIANTS
from tests.trainables.gans.batched.test_cuda_graphs import Repetition


def test_without_a_gpu_one_line_says_so(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        main([])
    *_, said = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2
    assert "sees no GPU here; all of this is about one" in said


class TwiceTheWork(Repetition):
    """A recorder with a mistake: what it replays is done twice."""

    def record(self, work, generators):
        again = super().record(work, generators)
        return lambda: (again(), again())[0]


class Breaks(Repetition):
    def record(self, work, generators):
        raise RuntimeError("operation not permitted\n when stream is capturing")


def failures(recorder):
    return {
        (check.about, check.name): check.failure for check in checks("cpu", recorder, {"dcgan": VARIANTS["dcgan"]})
    }


@pytest.mark.slow
def test_the_checks_hold_where_all_is_right_and_find_what_is_not():
    right = failures(Repetition())
    assert len(right) == 6 and set(right.values()) == {None}
    wrong = failures(TwiceTheWork())
    assert wrong["graphs", "dcgan"].startswith("weights differ by ")
    assert wrong["stacks", "dcgan, from graphs"].startswith("weights differ by ")
    assert wrong["stacks", "dcgan"] is None and wrong["precision", "a product of two matrices"] is None
    broken = failures(Breaks())
    assert broken["graphs", "dcgan"] == "RuntimeError: operation not permitted when stream is capturing"


def measured(variant, **rates):
    """Ways with a median each; 16 GANs at once are `stacked_16`."""
    return [
        Measured(
            variant=variant,
            way=way.replace("_", " "),
            num_gans=1,
            images_per_second=(rate - 1, rate, rate + 1),
            busy_share=None,
        )
        for way, rate in rates.items()
    ]


TIMED = [
    *measured("mlp_gan", eager=100, graph=300, stacked_1=50, stacked_16=800, stacked_64=900),
    *measured("upsampling_dcgan", eager=100, graph=110, stacked_16=150, stacked_64=120),
]


def test_a_gain_is_that_over_steps_one_by_one():
    assert gains_over_eager(TIMED, ("graph",)) == {"mlp_gan": 3.0, "upsampling_dcgan": 1.1}
    assert gains_over_eager(TIMED, ("stacked 16", "stacked 64")) == {"mlp_gan": 9.0, "upsampling_dcgan": 1.5}
    assert gains_over_eager(measured("mlp_gan", eager=100), ("graph",)) == {}


def test_a_verdict_names_what_may_become_the_default_and_what_gains_least():
    graphs, stacks, twice = verdict([], TIMED)
    assert graphs.startswith(
        "CUDA graphs are right, and not worth being the default; 1.1 times as fast as steps one"
    )
    assert "(upsampling_dcgan)" in graphs and "(upsampling_dcgan)" in stacks
    assert (
        stacks.startswith("GANs as one computation may become the default: `BEST_KNOWN") and "1.5 times" in stacks
    )
    assert twice == "One seed gives the same bits twice."


def test_what_is_wrong_is_no_default_however_fast():
    done = [
        Check(about="stacks", name="bagan", failure="weights differ by 1.0e-03"),
        Check(about="stacks", name="acgan", failure="weights differ by 2.0e-03"),
        Check(about="twice", name="dcgan", failure="3 of 9 weights have other bits the second time"),
        Check(about="precision", name="a product", failure="off by 1.0e-04 of the largest number"),
        Check(about="graphs", name="dcgan", failure=None),
    ]
    graphs, stacks, twice, precision = verdict(done, measured("mlp_gan", eager=100, stacked_16=900))
    assert graphs == "CUDA graphs give the right numbers here; how fast they are was not measured."
    assert stacks == "GANs as one computation must not be used here: bagan: weights differ by 1.0e-03 and 1 more."
    assert twice.startswith("One seed does not give the same bits twice: dcgan: 3 of 9")
    assert precision == "Precision: off by 1.0e-04 of the largest number."
