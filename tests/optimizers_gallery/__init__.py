"""Buggy optimizers, each caught by a named check, and correct ones, which none refutes. `python -m tests.optimizers_gallery` prints both as tables."""
