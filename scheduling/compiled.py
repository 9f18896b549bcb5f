"""Loops too small for arrays, compiled by numba.

The machine code is kept on disk where that is possible: beside the module, or in the user's cache directory, or where
NUMBA_CACHE_DIR points. An installation that may write nowhere compiles anew in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def compiled(function: Compiled) -> Compiled:
    """Return the function in machine code, made at its first call. The same numbers come out as in plain Python."""
    try:
        return cast(Compiled, numba.njit(cache=True)(function))
    except RuntimeError:  # numba found no place to keep it
        return cast(Compiled, numba.njit(function))
