"""Events are values: nobody who listens can change what another one hears."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from longwriter_cli.engine.events import Event, Finished


def test_every_event_is_frozen() -> None:
    for kind in get_args(Event):
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]


def test_an_event_cannot_be_changed_by_who_hears_it() -> None:
    event = Finished("a")
    with pytest.raises(FrozenInstanceError):
        event.id = "b"  # type: ignore[misc]
