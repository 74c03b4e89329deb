"""Supervised fine-tuning on what `longwriter pack` wrote.

    python scripts/train/sft.py scripts/train/configs/sft-cpu.toml --model tiny --data packed -o tuned
    torchrun --nproc-per-node 8 scripts/train/sft.py scripts/train/configs/sft-8gpu.toml

Given again, it goes on from the last checkpoint. At the end the output directory holds the model with its tokenizer.
"""

from __future__ import annotations

import recipe


def main() -> None:
    from trl import SFTConfig

    arguments = recipe.parse_arguments("sft.py", __doc__)
    settings = recipe.read(arguments, SFTConfig)

    import packed
    from trainer import PackedTrainer
    from transformers import AutoTokenizer

    from longwriter_cli.errors import UsageError

    if len(settings.data) != 1:
        raise UsageError("sft.py takes one folder of packs", "`longwriter pack` mixes several datasets, with weights.")
    config = SFTConfig(
        output_dir=str(settings.output),
        model_init_kwargs=dict(settings.load),
        dataset_kwargs={"skip_prepare_dataset": True},  # tokenized, packed and weighted already
        remove_unused_columns=False,  # else the loss weights are taken away
        **settings.training,
    )
    packs = packed.load(settings.data[0], settings.max_length_tokens)
    checkpoint = recipe.settle(settings, is_main_process=config.process_index == 0)
    # Saved with the model: what it is asked with later must be what it was tuned on, chat template included.
    tokenizer = AutoTokenizer.from_pretrained(settings.tokenizer or settings.model)
    trainer = PackedTrainer(
        settings.model, config, data_collator=packed.collate, train_dataset=packs, processing_class=tokenizer
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model()


if __name__ == "__main__":
    recipe.run(main)
