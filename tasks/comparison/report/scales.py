"""From figures to places on a chart, and the round figures that its axis names."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Maps 0..`top` to `start`..`end`, the units of the drawing."""

    top: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where the value stands."""
        return self.start + (self.end - self.start) * value / self.top

    def ticks(self, step: float) -> list[float]:
        """Return 0 and every multiple of the step up to the top."""
        return [step * index for index in range(int(self.top / step + 1e-9) + 1)]


def step_for(greatest: float, parts: int) -> float:
    """Return the round step that cuts 0..greatest into at most `parts` parts."""
    rough = greatest / parts
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(step * unit for step in _STEPS if step * unit >= rough * (1 - 1e-9))


def round_top(greatest: float, parts: int = 4) -> tuple[float, float]:
    """Return the axis's top, not below the greatest figure, and its step; 1 for only zeros."""
    greatest = greatest if greatest > 0 else 1.0
    step = step_for(greatest, parts)
    return step * max(1, math.ceil(greatest / step - 1e-9)), step


@dataclass(frozen=True)
class Decades:
    """Maps `low`..`high`, powers of ten, to `start`..`end` by their logarithm."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where the value stands; what is below the axis stands at its beginning."""
        share = (math.log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    def ticks(self) -> list[float]:
        """Return the powers of ten."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def decades(values: list[float], start: float, end: float) -> Decades:
    """Return the scale of whole powers of ten that holds all values, at least one."""
    known = [value for value in values if value > 0] or [1.0]
    low = math.floor(math.log10(min(known)) + 1e-9)
    high = math.ceil(math.log10(max(known)) - 1e-9)
    return Decades(low, max(high, low + 1), start, end)
