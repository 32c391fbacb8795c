"""Optimizers of other libraries as convlab algorithms: `convlab.adapters.optax`, `.torch` and `.scipy` each have a function `algorithm`.

Nothing of these libraries is loaded before one of these modules is. No global state of theirs is changed.
"""
