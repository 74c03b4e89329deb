"""Direct preference optimization on what `longwriter pairs` wrote, mixed with general pairs.

    python scripts/train/dpo.py scripts/train/configs/dpo-cpu.toml --model tuned --data long.jsonl -o aligned
    torchrun --nproc-per-node 8 scripts/train/dpo.py scripts/train/configs/dpo-8gpu.toml

`--data FILE:WEIGHT`, given several times, mixes files as `longwriter pack` does. Given again, the command goes on from
the last checkpoint.
"""

from __future__ import annotations

import recipe


def main() -> None:
    from trl import DPOConfig

    arguments = recipe.parse_arguments("dpo.py", __doc__)
    settings = recipe.read(arguments, DPOConfig)

    import datasets
    import preferences
    from transformers import AutoTokenizer
    from trl import DPOTrainer

    from longwriter_cli.cli.pack import dataset_of
    from longwriter_cli.errors import UsageError

    config = DPOConfig(output_dir=str(settings.output), model_init_kwargs=dict(settings.load), **settings.training)
    sources = [dataset_of(text) for text in settings.data]
    mixed, counts = preferences.mix(sources, config.seed)
    tokenizer = AutoTokenizer.from_pretrained(settings.model)
    pairs, overlong = preferences.split_overlong(mixed, tokenizer, settings.max_length_tokens)
    recipe.say(
        "pairs: " + ", ".join(f"{count:,} of {source.source}" for source, count in zip(sources, counts, strict=True))
    )
    if overlong:
        recipe.say(f"left out: {overlong:,} with an answer that ends after {settings.max_length_tokens:,} tokens")
    if not pairs:
        raise UsageError("no pairs are left to train on", "Raise training.max_length, or name other files.")
    checkpoint = recipe.settle(settings, is_main_process=config.process_index == 0)
    trainer = DPOTrainer(
        settings.model, args=config, train_dataset=datasets.Dataset.from_list(pairs), processing_class=tokenizer
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model()


if __name__ == "__main__":
    recipe.run(main)
