"""Benchmarks: commands that print tables. What pytest finds here checks that the things compared compute the same numbers."""
import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")           # as the command line does, before NumPy is imported: threads of BLAS that wait for busy cores measure the cores
