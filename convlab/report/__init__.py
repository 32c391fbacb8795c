"""Writing the answer down: figures, PDF, results.json."""
