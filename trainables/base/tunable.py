"""Ranges of a value, as values; independent of what samples them (Optuna)."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from gan_study.trainables.base.settings import settings

Scalar: TypeAlias = bool | int | float | str


def _refuse_others(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"{value!r} cannot be searched; numbers, texts, true and false can")
    return value


@settings
class _Range:
    """From `low` to `high`, uniform, or uniform in its logarithm."""

    low: float
    """The smallest value."""
    high: float
    """The largest value."""
    log: bool = False
    """Whether values are uniform in their logarithm."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must start above 0, not at {self.low}")
        return self


@settings
class Float(_Range):
    """A real number in [low, high], uniform, or uniform in its logarithm."""

    kind: Literal["float"] = "float"
    """A real number."""


@settings
class Int(_Range):
    """A whole number in [low, high], uniform, or uniform in its logarithm."""

    kind: Literal["int"] = "int"
    """A whole number."""
    low: int
    """The smallest value."""
    high: int
    """The largest value."""


@settings
class Choice:
    """One of a few values."""

    kind: Literal["choice"] = "choice"
    """One of a few values."""
    options: tuple[Annotated[Scalar, BeforeValidator(_refuse_others)], ...] = Field(min_length=1)
    """The values, all different."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.options)) < len(self.options):
            raise ValueError(f"options repeat themselves: {list(self.options)}")
        return self


Tunable: TypeAlias = Annotated[Float | Int | Choice, Field(discriminator="kind")]


def samples(domain: Tunable) -> tuple[Scalar, ...]:
    """Values that test whether a setting accepts all of `domain`: every option, or the ends and some between.

    A setting accepts values between two limits, or only whole numbers, or a few of these.
    """
    if isinstance(domain, Choice):
        return domain.options
    low, high = domain.low, domain.high
    if isinstance(domain, Float):
        # By the golden section: at no whole number unless the range is one.
        return (low, high, low + (high - low) * 0.618) if low < high else (low,)
    return tuple(sorted({low, min(low + 1, high), (low + high) // 2, max(high - 1, low), high}))


def contains(domain: Tunable, value: object) -> bool:
    """Whether `value` lies in `domain`."""
    if isinstance(domain, Choice):
        return value in domain.options
    return isinstance(value, int | float) and domain.low <= value <= domain.high
