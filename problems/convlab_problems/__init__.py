"""Synthetic problems with known constants, one file a family; registered through the entry-point group `convlab.problems`."""
