"""Which picture a cell of a table names."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath

from gan_study.trainables.base.names import one_form, shown
from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.folder_tree import Place

# A column names the pictures if so many of its cells do; of the rest it is said that they are missing.
MOST_OF = 0.5


class KnownPictures:
    """The pictures by all that a cell may call them: a path from the table or the folder, a name, a bare name.

    `cells` are those that are looked for. Where most of them name pictures by their folders too, all do: then one
    of the same name in another folder is not what is meant.
    """

    def __init__(self, pictures: Iterable[Place], cells: Sequence[str] = ()) -> None:
        self._by_name: dict[str, list[Place]] = {}
        for picture in pictures:
            for name in {one_form(picture.name), one_form(picture.stem)}:
                self._by_name.setdefault(name, []).append(picture)
        self._with_folders = False
        agreeing = sum(
            any(self._agrees(_parts(cell), each) for each in self._like(_parts(cell))) for cell in cells
        )
        self._with_folders = agreeing > MOST_OF * len(cells)

    def has(self, cell: str) -> bool:
        """Whether a cell names a picture, or one of several."""
        return bool(self._like(_parts(cell)))

    def nearest(self, cell: str) -> Place | None:
        """The picture that a cell may mean which names none: but for ending and case, else the first of all."""
        own = PurePosixPath(_parts(cell)[-1]).stem.casefold() if _parts(cell) else ""
        alike = (found for name, found in self._by_name.items() if PurePosixPath(name).stem.casefold() == own)
        return next(alike, next(iter(self._by_name.values()), [None]))[0]

    def find(self, cell: str) -> Place | None:
        """The picture that a cell names; None if there is none. Raises DataError if it may be several.

        Of folders that differ only in upper and lower case, as a set unpacked twice has them, the first is meant.
        """
        found = self._like(_parts(cell))
        if len({str(each).casefold() for each in found}) > 1:
            raise DataError(
                f"{cell!r} may be {shown(str(found[0]))} or {shown(str(found[1]))}; write its path in the table"
            )
        return found[0] if found else None

    def _like(self, parts: tuple[str, ...]) -> list[Place]:
        """The pictures of this name that share most of their last folders with it, or all if all cells do."""
        found = self._by_name.get(parts[-1], []) if parts else []
        if self._with_folders:
            found = [each for each in found if self._agrees(parts, each)]
        best = max((_common_end(parts, each) for each in found), default=0)
        return [each for each in found if _common_end(parts, each) == best]

    @staticmethod
    def _agrees(parts: Sequence[str], picture: Place) -> bool:
        """Whether the one path ends with the other."""
        return _common_end(parts, picture) == min(len(parts), len(picture.parts))


def _parts(cell: str) -> tuple[str, ...]:
    kind = PureWindowsPath if "\\" in cell else PurePosixPath
    return tuple(one_form(part) for part in kind(cell).parts if part not in (".", "..", "/", "\\"))


def _common_end(parts: Sequence[str], picture: Place) -> int:
    """How many of the last words of two paths are the same, an ending aside."""
    own = [*map(one_form, picture.parts[:-1]), one_form(picture.name)]
    if parts[-1] == one_form(picture.stem):
        own[-1] = one_form(picture.stem)
    pairs = enumerate(zip(reversed(parts), reversed(own), strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(parts), len(own)))
