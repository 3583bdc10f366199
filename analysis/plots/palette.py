"""The colours and markers of figures and charts, which colour-blind readers can tell apart."""

from collections.abc import Mapping

from gan_study.analysis.records.select import Family

# Okabe and Ito, "Color Universal Design" (2008).
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
OKABE_ITO = (BLUE, VERMILION, GREEN, ORANGE, SKY, BLACK)
FAMILY_COLOURS: Mapping[Family, str] = {
    "no balancing": BLACK,
    "simple": VERMILION,
    "GAN": BLUE,
    "upper bound": GREEN,
}
FAMILY_MARKERS: Mapping[Family, str] = {"no balancing": "s", "simple": "D", "GAN": "o", "upper bound": "^"}
REAL_COLOUR, SYNTHETIC_COLOUR = SKY, ORANGE
REFERENCE_COLOUR = "#666666"
