"""Robust aggregation: rules that answer for n inputs of which some may be anything. Inputs are (replicates, n, dimension), the answer (replicates, dimension)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convlab.constants import Array
from convlab.draws import Draws
from convlab.operations import argmin, rows, sort


@dataclass(frozen=True)
class Krum:
    """The input whose `neighbours` nearest other inputs are nearest in sum of squared distances, the first on ties.

    Against f Byzantine inputs of n: neighbours = n - f - 1, or n - f - 2 as first published. Source: Blanchard, El Mhamdi, Guerraoui, Stainer (2017).
    """

    neighbours: int

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """The chosen input."""
        return x[rows(x), argmin(self.scores(x))]

    def scores(self, x: Array) -> Array:
        """Each input's sum of squared distances to its nearest others, (replicates, n)."""
        apart = x[:, :, None, :] - x[:, None, :, :]
        nearest = sort((apart * apart).sum(axis=-1))          # an input's distance 0 to itself comes first
        return nearest[..., 1:self.neighbours + 1].sum(axis=-1)
