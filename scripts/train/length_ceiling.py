"""The longest output in SFT caps the longest output produced: LongWriter's claim, replayed in minutes on a CPU.

    python scripts/train/length_ceiling.py --json length-ceiling.json --plot length-ceiling.svg

A tiny model learns a made-up language from documents longer than any answer, as a base model reads long texts. From
these weights it is then tuned, for the same number of tokens each time, to write as long as it is asked to: on
answers of at most 32, 64, 128 and 256 tokens, and on answers of at most 64 with 3% longer ones among them, the loss
averaged by token and by sequence. Each is then asked, many times, for lengths up to 256.

It trains with the trainer of sft.py, and the base model is trained once for all. A tiny model and a language without
meaning: what it shows is the direction, and the figures are printed whatever they are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import recipe
import task
import torch

from longwriter_cli.train.samples import Weighting

ASKED_TOKENS = (16, 32, 64, 128, 256)
_PACK_TOKENS = 320
_LONG_SHARE = 0.03
_BASE_RATE, _TUNING_RATE = 3e-3, 2e-3


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent: steps of the base and of each tuning, packs of 320 tokens a step; tunings on other samples of
    the same kind, and answers of each to each request."""

    base_steps: int = 150
    tuning_steps: int = 250
    packs_a_step: int = 4
    seeds: int = 3
    answers: int = 64


@dataclass(frozen=True, slots=True)
class Study:
    """What a model is tuned on: answers of 16 to `cap_tokens`, and 3% of up to `long_tokens` where that is given."""

    cap_tokens: int
    long_tokens: int | None = None
    weighting: Weighting = "token"

    @property
    def name(self) -> str:
        mixed = f", {_LONG_SHARE:.0%} up to {self.long_tokens}, by {self.weighting}" if self.long_tokens else ""
        return f"up to {self.cap_tokens}{mixed}"

    def sample(self, generator: random.Random) -> task.Sample:
        if self.long_tokens and generator.random() < _LONG_SHARE:
            return task.answered(self.cap_tokens, self.long_tokens, generator)
        return task.answered(ASKED_TOKENS[0], self.cap_tokens, generator)


STUDIES = (
    Study(32),
    Study(64),
    Study(64, 256, "sequence"),
    Study(64, 256, "token"),
    Study(128),
    Study(256),
)


@dataclass(frozen=True, slots=True)
class Answers:
    """Lengths in tokens, cut at 320, of the answers to requests of one length, of the models of all seeds together.
    `low` and `high`: quartiles. `medians`: of each model."""

    tuned_on: str
    asked: int
    low: float
    median: float
    high: float
    longest: int
    medians: tuple[float, ...]


def measure(effort: Effort, studies: Sequence[Study]) -> list[Answers]:
    torch.set_num_threads(1)  # small products: threads that wait for each other cost more than they give
    base = _new_model()
    _train(base, partial(task.base_text, _PACK_TOKENS, random.Random(0)), effort.base_steps, effort, _BASE_RATE)
    weights = {name: value.clone() for name, value in base.state_dict().items()}
    answers = []
    for study in studies:
        lengths: dict[int, list[list[int]]] = {asked: [] for asked in ASKED_TOKENS}
        for seed in range(effort.seeds):
            model = _new_model()
            model.load_state_dict(weights)
            sample = partial(study.sample, random.Random(seed))
            _train(model, sample, effort.tuning_steps, effort, _TUNING_RATE, study.weighting)
            for asked, found in lengths.items():
                found.append(_written(model, asked, effort.answers))
        answers += [_answers(study.name, asked, found) for asked, found in lengths.items()]
        medians = ", ".join(f"{each.asked}: {each.median:.0f}" for each in answers[-len(ASKED_TOKENS) :])
        recipe.say(f"tuned on answers {study.name}; median written for each length asked for: {medians}")
    return answers


def _new_model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=task.VOCABULARY,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=1024,
        bos_token_id=task.WRITE,
        eos_token_id=task.END,
        pad_token_id=task.END,
    )
    return LlamaForCausalLM(config)


def _train(
    model: Any,
    sample: Callable[[], task.Sample],
    steps: int,
    effort: Effort,
    rate: float,
    weighting: Weighting = "token",
) -> None:
    """Each pack is seen once."""
    import datasets
    import packed
    from trainer import PackedTrainer
    from transformers import PrinterCallback
    from trl import SFTConfig

    packs = task.packs(sample, steps * effort.packs_a_step, _PACK_TOKENS, weighting, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            max_length=_PACK_TOKENS,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            max_steps=steps,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=effort.packs_a_step,
            learning_rate=rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.03,
            weight_decay=0.1,
            adam_beta2=0.95,
            use_cpu=True,
            bf16=False,
            activation_checkpointing=False,
            save_strategy="no",
            disable_tqdm=True,
        )
        rows = datasets.Dataset.from_list(packs).with_format("numpy")
        trainer = PackedTrainer(
            model, config, data_collator=packed.collate, train_dataset=rows, processing_class=_no_tokenizer()
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _no_tokenizer() -> Any:
    """trl wants one, and takes the special tokens of the model from it; no text is ever tokenized."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"<write>": task.WRITE, "<end>": task.END}, "<end>"))
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<write>", eos_token="<end>", pad_token="<end>")


@torch.no_grad()
def _written(model: Any, asked_tokens: int, answers: int) -> list[int]:
    """Lengths of so many answers, sampled at temperature 1: what is likely, not what is likeliest."""
    torch.manual_seed(0)
    generator = random.Random(2)
    requests = torch.tensor([task.request(asked_tokens, generator) for _ in range(answers)])
    model.eval()
    texts = model.generate(
        requests, attention_mask=torch.ones_like(requests), do_sample=True, top_k=0, max_new_tokens=_PACK_TOKENS
    )
    written: list[list[int]] = texts[:, requests.shape[1] :].tolist()
    return [text.index(task.END) if task.END in text else len(text) for text in written]


def _answers(name: str, asked_tokens: int, of_seeds: Sequence[list[int]]) -> Answers:
    lengths = [length for of_seed in of_seeds for length in of_seed]
    low, median, high = statistics.quantiles(lengths, n=4)
    return Answers(name, asked_tokens, low, median, high, max(lengths), tuple(map(statistics.median, of_seeds)))


def markdown(answers: Sequence[Answers]) -> str:
    """One row a model: the median length of its answers to each request, and the longest of them all."""
    lines = [
        "| tuned on answers | " + " | ".join(f"asked for {asked}" for asked in ASKED_TOKENS) + " | longest |",
        "|---" * (len(ASKED_TOKENS) + 2) + "|",
    ]
    for name in dict.fromkeys(each.tuned_on for each in answers):
        mine = [each for each in answers if each.tuned_on == name]
        medians = " | ".join(f"{each.median:.0f}" for each in mine)
        lines.append(f"| {name} | {medians} | {max(each.longest for each in mine)} |")
    return "\n".join(lines)


def draw(answers: Sequence[Answers], path: str) -> None:
    """Written against asked, on logarithmic axes; dashed where one is the other, bands for the quartiles."""
    import altair as alt

    rows = [dataclasses.asdict(each) for each in answers]
    order = list(dict.fromkeys(each.tuned_on for each in answers))
    legend = alt.Legend(labelLimit=300, symbolOpacity=1)  # else as faint as the bands
    log = alt.Scale(type="log", base=2, domain=[16, 256], clamp=True)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("asked:Q", title="asked for, tokens", scale=log),
        color=alt.Color("tuned_on:N", title="tuned on answers", sort=order, legend=legend),
    )
    written = alt.Y("median:Q", title="written, tokens (median, quartiles)", scale=log)
    lines = base.mark_line(point=True).encode(y=written)
    bands = base.mark_area(opacity=0.12).encode(y=alt.Y("low:Q", scale=log, title=""), y2="high:Q")
    ends = alt.Data(values=[{"asked": end, "median": end} for end in (16, 256)])
    equal = alt.Chart(ends).mark_line(strokeDash=[4, 3], color="#888").encode(x="asked:Q", y="median:Q")
    alt.layer(bands, equal, lines).properties(width=460, height=360).configure_view(stroke=None).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="length_ceiling.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=Effort().tuning_steps, help="of each tuning (%(default)s)")
    parser.add_argument("--base-steps", type=int, default=Effort().base_steps, help="of the base (%(default)s)")
    parser.add_argument("--seeds", type=int, default=Effort().seeds, help="tunings of each kind (%(default)s)")
    parser.add_argument("--plot", metavar="FILE", help="draw it, as .svg or .png")
    parser.add_argument("--json", metavar="FILE", type=Path, help="the figures, one object a model and request")
    arguments = parser.parse_args()
    answers = measure(Effort(arguments.base_steps, arguments.steps, seeds=arguments.seeds), STUDIES)
    sys.stdout.write(markdown(answers) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(each) for each in answers], indent=1) + "\n")
    if arguments.plot:
        draw(answers, arguments.plot)


if __name__ == "__main__":
    recipe.run(main)
