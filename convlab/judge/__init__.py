"""Judging what was measured."""
