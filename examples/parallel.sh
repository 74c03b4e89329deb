#!/usr/bin/env bash
# GNU parallel: shards side by side, each in a run of its own, then merged and exported. Given again, it goes on.
#
#   examples/parallel.sh instructions.jsonl runs 8
#
# With --sshlogin the shards run on other machines that have this folder in the same place. Model, endpoint and key come
# from the environment: LONGWRITER_MODEL, OPENAI_BASE_URL, OPENAI_API_KEY. Rates and caps hold for each shard.
set -euo pipefail
instructions=$1 runs=$2 shards=$3

mkdir -p "$runs"
seq "$shards" | parallel --jobs "$shards" --joblog "$runs/shards.log" --tag --line-buffer \
    longwriter build-dataset "$instructions" -r "$runs/shard-{}" --shard "{}/$shards" --progress plain ||
    echo "not every shard ended with 0: see $runs/shards.log" >&2
longwriter merge "$runs"/shard-* -r "$runs/merged"
exec longwriter build-dataset -r "$runs/merged" --export-only
