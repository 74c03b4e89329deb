#!/usr/bin/env bash
# Slurm: each task of an array writes one of 16 shards in a run of its own; one more job merges them and exports.
#
#   array=$(sbatch --parsable --array=1-16 slurm-array.sh instructions.jsonl runs 16)
#   sbatch --dependency=afterany:"$array" slurm-array.sh instructions.jsonl runs 16
#
# Model, endpoint and key come from the environment: LONGWRITER_MODEL, OPENAI_BASE_URL, OPENAI_API_KEY. Rates and caps
# (--rpm, --tpm, --max-cost) hold for each task. Before its time is up, a task is told to stop; submitted again, as
# --array=3,7 too, it goes on.
#SBATCH --job-name=longwriter --time=24:00:00 --cpus-per-task=1 --mem=2G --signal=B:TERM@60
set -euo pipefail
instructions=$1 runs=$2 shards=$3

if [ -n "${SLURM_ARRAY_TASK_ID-}" ]; then
    exec longwriter build-dataset "$instructions" -r "$runs/shard-$SLURM_ARRAY_TASK_ID" \
        --shard "$SLURM_ARRAY_TASK_ID/$shards"
fi
longwriter merge "$runs"/shard-* -r "$runs/merged"
exec longwriter build-dataset -r "$runs/merged" --export-only
