"""Tokenizers made on the spot: no hub, no download. Two kinds, for they tell the place of a token in different ways."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

Kind = Literal["bytes", "pieces"]

BEGIN, END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"

# As ChatML has it.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Earlier answers lose what stands before the last one's thoughts: no prefix of a longer chat.
FORGETFUL_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and loop.last %}<think>\n{% endif %}"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# The words that open an answer are others than those that stand before it afterwards.
CROOKED_TEMPLATE = TEMPLATE.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>{% endif %}")
# It ends an answer with a newline alone.
ENDLESS_TEMPLATE = TEMPLATE.replace("<|im_end|>", "")
# It takes a user's and an assistant's turn by turn, and nothing else.
STRICT_TEMPLATE = (
    "{% for message in messages %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}" + TEMPLATE
)

_TEXTS = ["user assistant system", "the canal was dug in summer and filled in winter", "运河 小说 长篇 报告"] * 20


def make_tokenizer(folder: Path, template: str | None = TEMPLATE, kind: Kind = "bytes") -> Path:
    """Trains a tokenizer of 500 tokens and saves it as `transformers` does; returns the folder."""
    from transformers import PreTrainedTokenizerFast

    special = [PAD, BEGIN, END]
    if kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token=PAD, byte_fallback=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
        alphabet = sorted({character for text in _TEXTS for character in text if character.isascii()} | {"\n"})
        special += [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=500 + len(special), special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(_TEXTS, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END)
    wrapped.chat_template = template
    wrapped.save_pretrained(str(folder))
    return folder
