"""Reading a JSON file that somebody may have edited: rationals are text in it, so that no number is ever rounded."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from convlab.errors import BadInput


def read_json(path: str | Path) -> Any:
    """The document, decimals and NaN as the text that stands there. Raises BadInput for a file that cannot be read or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_float=str, parse_constant=str)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}.") from error
