"""Checks convergence theorems against the code that runs."""
