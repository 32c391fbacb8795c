"""The algorithms, one file a topic."""
