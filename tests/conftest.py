"""One BLAS thread and no deadlines: the first example of a property compiles sympy expressions, which takes longer than Hypothesis' 200 ms."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

settings.register_profile("convlab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("convlab")
