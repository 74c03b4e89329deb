"""`results.json`: what an evaluation came to. Written last and whole: where it stands, the evaluation is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import write_whole

RESULTS = "results.json"


def write_results(directory: Path, results: Mapping[str, Any]) -> Path:
    path = directory / RESULTS
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != text:
        write_whole(path, text)
    return path


def read_results(directory: Path) -> dict[str, Any] | None:
    """What an evaluation wrote, or None where it has written nothing yet.

    Raises:
        InputError: it is no such file.
    """
    path = directory / RESULTS
    try:
        results = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise InputError(
            path, None, f"is not JSON: {error}", "Give the evaluation again; it is written anew."
        ) from None
    except OSError as error:
        raise disk_error(error, path) from None
    if not isinstance(results, dict) or not isinstance(results.get("rows"), list):
        raise InputError(path, None, "holds no rows", "Give the evaluation again; it is written anew.")
    return results
