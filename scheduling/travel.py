"""Points -> km and minutes.

Until a road engine is set, a road is estimated as the great circle times a winding factor, driven at a
town's pace. One formula serves single pairs and whole matrices, so a plan and its explanation agree.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from geopy.distance import great_circle
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Point(NamedTuple):
    """A place on WGS-84, in degrees."""

    lat: float
    lon: float


class TravelTimes(Protocol):
    """How far it is, and how long it takes. Arrays of points are (n, 2) lat, lon in degrees."""

    def km(self, origins: Floats, destinations: Floats) -> Floats:
        """Return road km of every origin to every destination, shape (n, m)."""
        ...

    def minutes(self, km: Floats) -> Floats:
        """Return the driving minutes for so many road km, where no more is known than their number."""
        ...

    def driving_minutes(self, origins: Floats, destinations: Floats, *, hour: int | None = None) -> Floats:
        """Return the driving minutes of every origin to every destination, at that hour of the day: (n, m)."""
        ...


class EstimatedTravel:
    """Great circle x winding factor; the same pace everywhere. An estimate, and to be labelled as one."""

    def km(self, origins: Floats, destinations: Floats) -> Floats:
        """Return road km of every origin to every destination, shape (n, m)."""
        lat_a, lon_a = np.radians(origins[:, 0])[:, None], np.radians(origins[:, 1])[:, None]
        lat_b, lon_b = np.radians(destinations[:, 0])[None, :], np.radians(destinations[:, 1])[None, :]
        half_chord = (
            np.sin((lat_b - lat_a) / 2) ** 2
            + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
        )
        angle = 2 * np.arcsin(np.sqrt(np.clip(half_chord, 0.0, 1.0)))
        return np.asarray(WINDING_FACTOR * EARTH_RADIUS_KM * angle, dtype=np.float64)

    def minutes(self, km: Floats) -> Floats:
        """Return the driving minutes for so many road km."""
        return np.asarray(MINUTES_PER_KM * km, dtype=np.float64)

    def driving_minutes(
        self,
        origins: Floats,
        destinations: Floats,
        *,
        hour: int | None = None,  # noqa: ARG002
    ) -> Floats:
        """Return the driving minutes of every origin to every destination; the estimate knows no hours."""
        return self.minutes(self.km(origins, destinations))


def km_between(a: Point, b: Point) -> float:
    """Return the estimated road km between two points (geopy's great circle x winding factor)."""
    return float(WINDING_FACTOR * great_circle(a, b, radius=EARTH_RADIUS_KM).km)


def minutes_between(a: Point, b: Point) -> float:
    """Return the estimated driving minutes between two points."""
    return MINUTES_PER_KM * km_between(a, b)


def as_array(points: list[Point] | tuple[Point, ...]) -> Floats:
    """Return points as an array of shape (n, 2), also when there are none."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


EARTH_RADIUS_KM = 6371.0088
WINDING_FACTOR = 1.3
MINUTES_PER_KM = 2.0
