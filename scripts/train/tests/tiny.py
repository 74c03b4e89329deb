"""A tiny random Llama, a tokenizer trained on a few lines, samples, and packs in the form of `longwriter pack`."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from longwriter_cli.train.packing import pack
from longwriter_cli.train.samples import Weighting, assemble, sample_of

VOCABULARY = 320
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
_TEXT = "the river bends past old mills and slow barges carry grain down to a harbour where gulls wait"
_WORDS = _TEXT.split()

Sample = tuple[list[int], list[int]]
"""Token ids, and labels: -100 where a token is no target."""


def config(**more: object) -> LlamaConfig:
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        # Larger than usual, so that tokens of a random model heed each other as those of a trained one do.
        "initializer_range": 0.3,
    }
    return LlamaConfig(**settings | more)


def model(seed: int = 0, **more: object) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(config(**more))


def tokenizer() -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<end>", "<user>", "<assistant>", "<pad>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [_TEXT] * 20,
        trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet),
    )
    made = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<pad>")
    made.chat_template = TEMPLATE
    return made


def save_model(directory: Path, seed: int = 0) -> Path:
    model(seed).save_pretrained(directory)
    tokenizer().save_pretrained(directory)
    return directory


def words(count: int, generator: random.Random) -> str:
    return " ".join(generator.choices(_WORDS, k=count))


def samples(count: int, seed: int = 0) -> list[Sample]:
    """Random prompts of a few tokens and answers of 3 to 120."""
    generator = random.Random(seed)
    made = []
    for _ in range(count):
        prompt = [generator.randrange(VOCABULARY) for _ in range(generator.randint(2, 8))]
        answer = [generator.randrange(VOCABULARY) for _ in range(generator.choice((3, 7, 20, 120)))]
        made.append((prompt + answer, [-100] * len(prompt) + answer))
    return made


def packs(samples: Sequence[Sample], weighting: Weighting, capacity_tokens: int) -> datasets.Dataset:
    """By the functions of `longwriter pack`."""
    arrays = [sample_of(ids, np.array(labels) != -100) for ids, labels in samples]
    bins = pack([len(array) for array in arrays], capacity_tokens)
    return datasets.Dataset.from_list(
        [dataclasses.asdict(assemble([arrays[index] for index in members], weighting)) for members in bins]
    )
