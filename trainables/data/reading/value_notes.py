"""What is done to the levels of pictures, and what may be learnt in place of them, in words."""

from collections.abc import Collection, Iterator, Sequence

from gan_study.trainables.data.reading.picture import Range, Summary


def value_notes(
    called: str,
    summary: Summary,
    levels: Range | None,
    *,
    used: Sequence[Range] = (),
    declared: Collection[Range | None] = (),
) -> Iterator[str]:
    """What is done to levels and shapes, what is left out, and what may be learnt in place of the picture.

    `used` has the levels of each picture that is read by the range `levels`, and `declared` what their files say.
    """
    number = summary.values
    if levels is not None and "range" in number:
        yield (
            f"{called} of more than 8 bits: {number['range']:,}, of which level {levels.black:.8g} becomes 0 and "
            f"{levels.white:.8g} becomes 255, {_why_range(levels, declared)}"
        )
        yield from _beyond(called, levels, used)
    if summary.num_turned:
        yield f"{called} in which 0 means white, which are inverted: {summary.num_turned:,}"
    if summary.num_missing:
        yield (
            f"{called} with missing pixels, which are black: {summary.num_missing:,} (as their files say, or "
            "marked by a number such as -9999 far below all others)"
        )
    if "window" in number:
        yield f"{called} with black and white given by a window or table in the file: {number['window']:,}"
    if "upper bits" in number:
        yield f"{called} of more than 8 bits, of which only the upper 8 bits can be read: {number['upper bits']:,}"
    if "range" in number and "bytes" in number:
        yield f"{called} of 8 bits, whose levels are not changed, are mixed with others of more bits"
    if summary.num_paged:
        yield f"{called} with several pages, of which only the first is read: {summary.num_paged:,}"
    if summary.num_generated:
        yield (
            f"{called} that are generated, as their files say: {summary.num_generated:,} of "
            f"{sum(summary.kinds.values()):,}; they count as real ones, and scores on them are not scores on real "
            "images: data.exclude leaves them out by their names"
        )
    yield from (f"{each}: a classifier could distinguish them by that alone" for each in summary.giveaways)


def _beyond(called: str, levels: Range, used: Sequence[Range]) -> Iterator[str]:
    """How many pictures have levels beyond the range, which are cut to its ends."""
    beyond = [each for each in used if each.white > levels.white or each.black < levels.black]
    if beyond:
        lowest, highest = min(each.black for each in beyond), max(each.white for each in beyond)
        yield (
            f"{called} with levels outside that range, which become 0 or 255: {len(beyond):,} of "
            f"{len(used):,} (levels {lowest:.8g} to {highest:.8g})"
        )


def _why_range(levels: Range, declared: Collection[Range | None]) -> str:
    """Where the range comes from, in words."""
    if set(declared) == {levels}:
        return "as their files declare"
    named = sorted({each.white for each in declared if each is not None})
    several = f" (files declare white as {', '.join(f'{each:g}' for each in named)})" if named else ""
    return f"the range of the training images{several}"
