"""Mean negative log-likelihood of long outputs, by position: does a model expect what comes late in a text?

    python scripts/train/nll.py PACKED MODEL [MODEL…] --plot nll.svg --json nll.json

PACKED is what `longwriter pack` wrote of records that were not trained on. A position counts the target tokens of a
sample before it. The mean is over the tokens at those positions in all samples; few samples reach the last ones, so the
table says how many tokens stand behind each figure. A curve that falls is a text whose later parts follow from the
earlier ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recipe
import torch


@dataclass(frozen=True, slots=True)
class Bin:
    """Positions from `start` on, as many as a bin has, in one model. `mean_nll` in nats a token."""

    model: str
    start: int
    tokens: int
    mean_nll: float


def by_position(name: str, model: Any, packs: Any, bin_tokens: int, device: torch.device) -> list[Bin]:
    """The bins that hold a token, in order. `model` has trl's fused head, so that no logits of long rows are kept."""
    import packed

    sums = torch.zeros(0, dtype=torch.float64)
    counts = torch.zeros(0, dtype=torch.int64)
    for row in packs:
        batch = {key: _to(value, device) for key, value in packed.collate([row]).items() if key != "loss_weights"}
        with torch.no_grad():
            log_probs = model(**batch, use_cache=False, fused_lm_head=True).log_probs[0]
        labels = batch["labels"][0, 1:]
        bins = target_positions(batch["labels"][0], batch["position_ids"][0])[1:][labels != -100].cpu() // bin_tokens
        longest = max(len(sums), int(bins.max()) + 1 if len(bins) else 0)
        sums = torch.nn.functional.pad(sums, (0, longest - len(sums)))
        counts = torch.nn.functional.pad(counts, (0, longest - len(counts)))
        sums.index_add_(0, bins, -log_probs[labels != -100].double().cpu())
        counts.index_add_(0, bins, torch.ones_like(bins))
    return [
        Bin(name, start * bin_tokens, int(count), float(total / count))
        for start, (total, count) in enumerate(zip(sums, counts, strict=True))
        if count
    ]


def target_positions(labels: torch.Tensor, position_ids: torch.Tensor) -> torch.Tensor:
    """For each token of a row, how many targets of its sample stand before it."""
    is_target = (labels != -100).long()
    before = is_target.cumsum(0) - is_target
    starts = (position_ids == 0).nonzero().flatten()
    sample = (position_ids == 0).cumsum(0) - 1
    return before - before[starts][sample]


def load_model(name: str, packs: Any, device: torch.device, attention: str | None) -> Any:
    """The model, found to keep packed samples apart. Raises UsageError where it does not, or has too few tokens."""
    import isolation
    from transformers import AutoModelForCausalLM
    from trl.trainer.utils import add_fused_lm_head

    from longwriter_cli.errors import UsageError

    # In single precision on a CPU, where half is slow; as the model was saved elsewhere.
    dtype = torch.float32 if device.type == "cpu" else "auto"
    model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype, attn_implementation=attention).to(device).eval()
    vocabulary = model.config.get_text_config().vocab_size
    highest = max(int(row["input_ids"].max()) for row in packs)
    if highest >= vocabulary:
        raise UsageError(
            f"the packs hold token {highest}, and {name} has {vocabulary:,}",
            "Pack them with the tokenizer of the models.",
        )
    isolation.check(model, vocabulary, device)
    add_fused_lm_head(model)
    return model


def draw(bins: Sequence[Bin], path: str) -> None:
    import altair as alt

    rows = [dataclasses.asdict(each) for each in bins]
    chart = alt.Chart(alt.Data(values=rows)).mark_line(point=True)
    chart = chart.encode(
        x=alt.X("start:Q", title="position in the output, tokens"),
        y=alt.Y("mean_nll:Q", title="mean negative log-likelihood, nats", scale=alt.Scale(zero=False)),
        color=alt.Color("model:N", title=None),
    )
    chart.properties(width=560, height=280).configure_view(stroke=None).save(path)


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="nll.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packs", metavar="PACKED")
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument("--bin-tokens", type=int, default=512, metavar="N", help="positions that share a mean (512)")
    parser.add_argument(
        "--attention", metavar="NAME", help="as in transformers, such as flash_attention_2; its default"
    )
    parser.add_argument("--plot", metavar="FILE", help="draw it, as .svg or .png")
    parser.add_argument("--json", metavar="FILE", type=Path, help="the figures, one object a bin")
    arguments = parser.parse_args()
    if arguments.bin_tokens < 1:
        parser.error("--bin-tokens must be 1 or more")

    import packed

    packs = packed.load(arguments.packs)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bins: list[Bin] = []
    for name in arguments.models:
        model = load_model(name, packs, device, arguments.attention)
        bins += by_position(name, model, packs, arguments.bin_tokens, device)
        del model  # before the next one is loaded beside it
    sys.stdout.write(f"{'from':>8}  {'tokens':>10}  {'nats':>7}  model\n")
    for each in bins:
        sys.stdout.write(f"{each.start:>8,}  {each.tokens:>10,}  {each.mean_nll:>7.4f}  {each.model}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([dataclasses.asdict(each) for each in bins], indent=1) + "\n")
    if arguments.plot:
        draw(bins, arguments.plot)


if __name__ == "__main__":
    recipe.run(main)
