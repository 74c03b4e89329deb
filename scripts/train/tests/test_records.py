"""TRL takes a record of `build-dataset` in its default form as it is."""

from __future__ import annotations

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl.data_utils import is_conversational, maybe_apply_chat_template

from longwriter_cli.stages.record_form import FORMS


def test_trl_takes_the_default_form_as_it_is() -> None:
    record = FORMS["messages"]("Write about the sea.", "The sea is wide.")
    assert is_conversational(record)
    made = maybe_apply_chat_template(record, _tokenizer())
    assert made == {"text": "<user>Write about the sea.</user><assistant>The sea is wide.</assistant>"}


def _tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    tokenizer.chat_template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</{{ m['role'] }}>{% endfor %}"
    return tokenizer
