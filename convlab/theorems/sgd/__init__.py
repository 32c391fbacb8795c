"""Stochastic gradient descent: a file a class of functions."""
