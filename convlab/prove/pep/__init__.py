"""Worst cases by performance estimation (Drori, Teboulle 2014): the algorithm's own step on formal points, a solver's proposal, a proof in rationals."""
