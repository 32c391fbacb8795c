"""Symbolic and exact proofs of what a theorem states."""
