"""Real or fake? A page that shows real and generated images, shuffled, and says if a person tells them apart.

As in a bachelor's thesis that this project checks (docs/reproduction.md), where one person marked ten of each.
"""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydantic import Field

from gan_study.analysis.load import Study
from gan_study.analysis.plots.samples import SampleGrid, sample_data
from gan_study.analysis.select import families
from gan_study.analysis.wording import ratio_text
from gan_study.trainables.base.settings import UserError, from_json, parse, settings
from gan_study.trainables.record import RecordError

PAGE_FILE = "real_or_fake.html"
# Together with base64's third the page stays below 10 MB.
MOST_BYTES = 6_000_000
# Of one kind; with fewer the interval says nothing whatever is marked.
FEWEST_IMAGES = 3


@settings
class GridRow:
    """A row of a sample grid: the class, and how many images of each kind there are."""

    name: str
    real: int = Field(ge=0)
    synthetic: int = Field(ge=0)


@settings
class GridLayout:
    """Where the images of a sample grid are, in pixels; real ones in the left half, `columns` of each kind."""

    size: int = Field(ge=1)
    gap: int = Field(ge=0)
    columns: int = Field(ge=1)
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Equally many real and generated images of one class, as PNG files."""

    title: str
    real: tuple[bytes, ...]
    generated: tuple[bytes, ...]

    @property
    def num_bytes(self) -> int:
        """What its images take."""
        return sum(map(len, (*self.real, *self.generated)))


def rounds(study: Study) -> tuple[Round, ...]:
    """A round for each condition, GAN and class whose grid has three images of each kind, as far as fits."""
    kinds = families(study.records)
    found: list[Round] = []
    for grid in sample_data(study.records):
        path = study.folder / grid.path
        if kinds[grid.balancer] == "GAN" and path.is_file():
            found += _of_grid(path, grid)
    total, kept = 0, []
    for each in found:
        total += each.num_bytes
        if total <= MOST_BYTES:
            kept.append(each)
    return tuple(kept)


def _of_grid(path: Path, grid: SampleGrid) -> Iterator[Round]:
    """A round for each row of the grid; none where the file does not say what is where."""
    with Image.open(path) as opened:
        opened.load()
        image, text = opened.convert("RGB"), opened.info.get("grid")
    if text is None:
        return
    try:
        layout = parse(GridLayout, from_json(text), where="grid")
    except UserError as error:
        raise RecordError(f"{path}: {error}") from None
    for place, row in enumerate(layout.rows):
        number = min(row.real, row.synthetic)
        if number >= FEWEST_IMAGES:
            yield Round(
                title=f"{row.name}: {grid.balancer}, ratio {ratio_text(grid.condition.imbalance_ratio)}, "
                f"{grid.condition.dataset}",
                real=tuple(_tile(image, layout, place, column) for column in range(number)),
                generated=tuple(_tile(image, layout, place, layout.columns + column) for column in range(number)),
            )


def _tile(image: Image.Image, layout: GridLayout, row: int, column: int) -> bytes:
    """One image of the grid; columns from `layout.columns` on are those of the right half."""
    half, within = divmod(column, layout.columns)
    pitch = layout.size + layout.gap
    left = half * (layout.columns * pitch + 2 * layout.gap) + layout.gap + within * pitch
    top = row * pitch + layout.gap // 2
    buffer = io.BytesIO()
    image.crop((left, top, left + layout.size, top + layout.size)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def page_rounds(found: tuple[Round, ...]) -> list[dict[str, object]]:
    """The rounds as the page's script reads them; it does the shuffling."""
    return [
        {
            "title": each.title,
            "images": [
                {"uri": f"data:image/png;base64,{base64.b64encode(content).decode()}", "real": is_real}
                for contents, is_real in ((each.real, True), (each.generated, False))
                for content in contents
            ],
        }
        for each in found
    ]
