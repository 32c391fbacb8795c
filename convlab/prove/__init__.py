"""Symbolic and exact proofs of what a theorem states, from the code that runs wherever the fact is about the code."""
from convlab.prove.facts import prove as prove
from convlab.prove.proof import Proof as Proof
from convlab.prove.proof import Status as Status
from convlab.prove.stability import derived_condition as derived_condition
