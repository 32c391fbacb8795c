"""The command line: `convlab COMMAND [ID | FILE.py] [options]`. A thin shell over the library; nothing heavy is imported before a command runs."""
from __future__ import annotations

import os

from convlab.cli.commands import app

__all__ = ["app", "main"]


def main() -> None:
    """What the console script runs. The process is ours, so BLAS gets one thread in it: results then do not depend on how many workers share the machine."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    app(prog_name="convlab")
