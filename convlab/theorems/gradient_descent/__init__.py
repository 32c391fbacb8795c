"""Gradient descent: a file a class of functions."""
