"""What is counted of a GAN's step on a GPU, without one."""

import pytest
import torch

from benchmarks.launches import BATCH, Counted, count, table
from benchmarks.pretended_gpu import PretendedGpu


def test_views_and_allocations_are_no_work_for_the_device_and_waits_are_no_launches_of_the_cpu():
    with PretendedGpu() as gpu:
        values = torch.empty(4, 2, device="cuda")
        assert gpu.launches.total() == 0
        values.view(8)[:4].t()
        assert gpu.launches.total() == 0
        torch.ones(3).sum()
        assert gpu.launches.total() == 0
        (values.t() @ values + 1).relu_()
    assert gpu.launches == {"mm": 1, "add": 1, "relu_": 1}


@pytest.mark.slow
def test_one_operation_serves_all_gans_and_the_plain_loop_asks_for_more():
    plain, eager, two, eight = count("mlp_gan", stacks=(2, 8), pixels=8)
    assert [each.way for each in (plain, eager, two, eight)] == ["plain", "eager", "stacked 2", "stacked 8"]
    # The discriminator's loss and the generator's are read in every step, and pictures and labels are brought.
    assert plain.waits == 4
    # All losses of 16 steps are read at once.
    assert eager.waits == two.waits == eight.waits == 2 / 16
    assert plain.launches > 1.5 * eager.launches
    # But for what is drawn for each GAN from its own stream, and put together.
    assert two.launches < eight.launches < 1.5 * two.launches
    # Of a generator of 100, 128, 256, 512, 1024 and 64 numbers forward, and twice so much back but for the first
    # layer; of a discriminator of 64, 512, 256 and 1, which sees both images in its own step and one in the
    # generator's.
    generator = 100 * 128 + 128 * 256 + 256 * 512 + 512 * 1024 + 1024 * 64
    discriminator = 64 * 512 + 512 * 256 + 256
    forward = generator + 3 * discriminator
    back = (2 * generator - 100 * 128) + (2 * 2 * discriminator - 2 * 64 * 512) + discriminator
    assert eager.operations == 2 * BATCH * (forward + back)


def test_what_bounds_a_step_is_the_larger_of_asking_and_computing():
    def line(**named):
        counted = Counted(variant="gan", way="stacked 4", num_gans=4, waits=0.125, **named)
        return table([counted]).splitlines()[-1]

    # 400 operations at 5 µs for four GANs; 67 TFLOP/s.
    assert line(launches=400, operations=67e6) == "| gan | stacked 4 | 400 | 0.12 | 500 | 1.0 | launches |"
    assert line(launches=400, operations=67e9) == "| gan | stacked 4 | 400 | 0.12 | 500 | 1,000.0 | arithmetic |"
