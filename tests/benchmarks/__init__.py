"""Benchmarks: commands that print tables. What pytest finds here checks that the things compared compute the same numbers."""
