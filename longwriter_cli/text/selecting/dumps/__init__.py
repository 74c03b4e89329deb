"""Prompts that only ask for data: to scrape it from somewhere, or to list it by the hundred.

Nothing that is written for them teaches to write. A prompt that asks for prose too is not one of them, whatever else it
asks for: an essay on web scraping, a report with a table of all member states. So each prompt is asked two things: is
there a demand for data, and is there none for prose.
"""

from __future__ import annotations

from longwriter_cli.text.selecting.dumps import chinese, english

_READ = 6000  # characters of the prompt's head; what stands deeper is material


def data_demand(prompt: str) -> str | None:
    """The words that ask for data, where nothing in the prompt asks for prose; else None.

    Does not see data that is asked for in a language other than English or Chinese, nor lists of fewer than 20.
    """
    head = prompt[:_READ]
    found = english.data_demand(head) or chinese.data_demand(head)
    if found is None or english.asks_for_prose(head) or chinese.asks_for_prose(head):
        return None
    return " ".join(found.strip(" \t\n.,:;!?\"'(*#-").split())
