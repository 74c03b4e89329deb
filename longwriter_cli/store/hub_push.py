"""An export to the Hugging Face hub, in one commit: the files as they stand, and the card.

Uses the login of the hub's own tools (`HF_TOKEN`, or `hf auth login`); a token is never an argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.errors import EndpointRefused, LongwriterError, NotNow, UsageError
from longwriter_cli.store.card import CARD, is_sealed

# What an export may have pushed earlier: files of its names are replaced, all others of the repository stay.
_OURS = re.compile(r"\w+-\d+-of-\d+\.(jsonl|parquet)")

_LOG_IN = "Give HF_TOKEN a token that may write, or log in with `hf auth login`."
_AGAIN = "The export is on the disk: give the same command again with --export-only."


def check_push(name: str) -> None:
    """Finds what can be told before any work is done: a name that is none, no login, the hub switched off.

    Raises:
        UsageError: says what to do.
    """
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, but not said so

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UsageError(f"--push-to-hub {name}: {error}", "As in --push-to-hub USER/NAME.") from None
    if constants.HF_HUB_OFFLINE:
        raise UsageError("--push-to-hub cannot reach the hub: HF_HUB_OFFLINE is set.", "Take it out.")
    if huggingface_hub.get_token() is None:
        raise UsageError("--push-to-hub needs a login at the hub, and there is none.", _LOG_IN)


@dataclass(frozen=True)
class Pushed:
    """`card_kept` says that the card on the hub was left as it is, since somebody has edited it there."""

    address: str
    card_kept: bool


def push(name: str, files: Mapping[str, Path], card: str | None, *, public: bool) -> Pushed:
    """Brings files, by their names in the repository, and a card to a dataset repository.

    The repository is made where there is none, private unless `public`. Files of an earlier push that are no more are
    taken out in the same commit. A card that was edited on the hub stays, unless the one that comes is the user's too.

    Raises:
        EndpointRefused: the token may not write there.
        NotNow: the hub cannot be reached, or is not well.
        UsageError: the hub does not take the name or a file.
    """
    import huggingface_hub
    from httpx2 import HTTPError, InvalidURL

    api = huggingface_hub.HfApi()
    huggingface_hub.utils.disable_progress_bars()  # type: ignore[attr-defined]  # the same
    try:
        repo = api.create_repo(name, repo_type="dataset", private=not public, exist_ok=True)
        there = api.list_repo_files(repo.repo_id, repo_type="dataset")
        operations: list[Any] = [
            huggingface_hub.CommitOperationAdd(path, str(file)) for path, file in sorted(files.items())
        ]
        kept = card is not None and is_sealed(card) and CARD in there and _is_edited(api, repo.repo_id)
        if card is not None and not kept:
            operations.append(huggingface_hub.CommitOperationAdd(CARD, card.encode()))
        operations += [huggingface_hub.CommitOperationDelete(path) for path in _stale(there, files)]
        api.create_commit(
            repo.repo_id, operations, repo_type="dataset", commit_message="Export of a run by longwriter-cli"
        )
    except (HTTPError, InvalidURL, ConnectionError, ValueError, RuntimeError) as error:
        raise _told(error, name) from error
    return Pushed(str(repo), kept)


def _is_edited(api: Any, repo_id: str) -> bool:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(api.hf_hub_download(repo_id, CARD, repo_type="dataset", local_dir=directory))
        return not is_sealed(path.read_text(encoding="utf-8", errors="replace"))


def _stale(there: Iterable[str], files: Mapping[str, Path]) -> list[str]:
    return [path for path in there if _OURS.fullmatch(path) and path not in files]


def _told(error: Exception, name: str) -> LongwriterError:
    """Sorts an error. The hub's client raises ValueError for a card that the hub refuses, its uploader RuntimeError."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    why = str(getattr(error, "server_message", None) or error).strip().split("\n")[0]
    if status in (401, 403, 404):
        return EndpointRefused(f"The hub refuses the push to {name} ({status}): {why}", f"{_LOG_IN} {_AGAIN}")
    if isinstance(error, ValueError) and status is None and not isinstance(error, json.JSONDecodeError):
        return UsageError(f"The hub does not take the push to {name}: {' '.join(str(error).split())}", _AGAIN)
    if status is None or status == 429 or status >= 500:
        return NotNow(f"The hub cannot take the push to {name} now: {why or type(error).__name__}", _AGAIN)
    return UsageError(f"The hub does not take the push to {name} ({status}): {why}", _AGAIN)
