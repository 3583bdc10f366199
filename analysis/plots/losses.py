"""The losses of the GANs on the way."""

from collections.abc import Sequence
from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from gan_study.analysis.plots.palette import BLUE, VERMILION
from gan_study.analysis.plots.style import count_along, panels, shortened
from gan_study.analysis.records.trial import Trial

# One style for each network of a GAN.
LINE_STYLES = ("-", "--", ":", "-.")


def loss_data(records: Sequence[Trial]) -> pd.DataFrame:
    """The losses of each GAN on the way, by what it was trained on: of its trial with the smallest seed."""
    first: dict[str, Trial] = {}
    for record in sorted(records, key=lambda record: (record.balancer, record.seed)):
        if record.losses:
            first.setdefault(record.balancer, record)
    rows = [
        (balancer, trained_on, *each)
        for balancer, record in first.items()
        for trained_on, losses in record.losses.items()
        for each in zip(*losses, strict=True)
    ]
    return pd.DataFrame(rows, columns=["balancer", "trained_on", "generator_steps", "generator", "discriminator"])


def draw_losses(data: pd.DataFrame) -> Figure:
    """A panel for each GAN; its scale is its own, since losses of different objectives do not compare."""
    by_method, colours = data.groupby("balancer"), {"generator": BLUE, "discriminator": VERMILION}
    figure, axes = panels(len(by_method), columns=2, row_inches=2.1, sharex=False, sharey=False)
    for panel, (balancer, curves) in zip(axes, by_method, strict=True):
        for line, (_, curve) in zip(cycle(LINE_STYLES), curves.groupby("trained_on", sort=False), strict=False):
            for network, colour in colours.items():
                panel.plot(curve["generator_steps"], curve[network], color=colour, linestyle=line)
        panel.set_title(shortened(str(balancer)))
        count_along(panel)
    figure.supxlabel("Generator steps")
    figure.supylabel("Loss")
    lines = [axes[0].plot([], [], color=colour)[0] for colour in colours.values()]
    figure.legend(lines, list(colours), loc="outside upper center", ncols=2)
    return figure
