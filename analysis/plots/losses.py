"""The losses of the GANs, epoch by epoch."""

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.figure import Figure

from gan_study.analysis.plots.style import BLUE, VERMILION, count_along, panels, shortened
from gan_study.analysis.trial import Losses, Trial

Curves = Mapping[str, Losses]
# Of the networks of one GAN.
LINE_STYLES = ("-", "--", ":", "-.")


def loss_data(records: Sequence[Trial]) -> dict[str, Curves]:
    """The loss curves of each GAN's confirmed trial with the smallest seed, by what it was trained on."""
    curves: dict[str, Curves] = {}
    for record in sorted(records, key=lambda record: (record.balancer, record.seed)):
        if record.losses:
            curves.setdefault(record.balancer, record.losses)
    return curves


def draw_losses(data: Mapping[str, Curves]) -> Figure:
    """A panel for each GAN; its scale is its own, since losses of different objectives do not compare."""
    figure, axes = panels(len(data), columns=2, row_inches=2.1, sharex=False, sharey=False)
    for panel, (balancer, curves) in zip(axes, data.items(), strict=True):
        for style, curve in zip(cycle(LINE_STYLES), curves.values(), strict=False):
            epochs = range(1, len(curve.generator) + 1)
            panel.plot(epochs, curve.generator, color=BLUE, linestyle=style)
            panel.plot(epochs, curve.discriminator, color=VERMILION, linestyle=style)
        panel.set_title(shortened(balancer))
        count_along(panel)
    figure.supxlabel("GAN epoch")
    figure.supylabel("Loss")
    lines = [axes[0].plot([], [], color=colour)[0] for colour in (BLUE, VERMILION)]
    figure.legend(lines, ["generator", "discriminator"], loc="outside upper center", ncols=2)
    return figure
