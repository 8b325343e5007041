#!/usr/bin/env bash
# The folds of an experiment as the tasks of a SLURM array, then one run of them all.
#
#   sbatch --array=0-4 scripts/slurm.sh data=folder data.dir=/shared/faces model=resnet18
#
# Task k trains fold k into $IMBCLF_SWEEP (outputs/slurm/JOB). A task that is requeued, or given
# again, goes on from its last whole epoch. The task that ends last gathers the folds.
#SBATCH --job-name=imbclf
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=%x-%A_%a.log
set -euo pipefail

fold=$SLURM_ARRAY_TASK_ID
sweep=${IMBCLF_SWEEP:-outputs/slurm/$SLURM_ARRAY_JOB_ID}
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# Decoded images lie on the node's own disk: a memory map over a network is slow.
imbclf-train "$@" cv.fold="$fold" hydra.run.dir="$sweep/$fold" \
    data.cache_dir="${TMPDIR:-/tmp}/imbclf-cache"

finished=$(find "$sweep" -mindepth 2 -maxdepth 2 -name summary.json -not -path "*/gathered/*" | wc -l)
# Of tasks that end together one makes the folder, on any file system.
if [ "$finished" -eq "$SLURM_ARRAY_TASK_COUNT" ] && mkdir "$sweep/gathering" 2>/dev/null; then
    imbclf-gather "$sweep"
fi
