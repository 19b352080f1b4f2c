#!/usr/bin/env bash
#SBATCH --job-name=lockstep
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
# Two minutes before the end Slurm sends SIGUSR1: Lockstep finishes the step, saves, leaves with 143.
#SBATCH --signal=B:USR1@120
#
#   sbatch launch/slurm.sh RECIPE RUN [OPTIONS]     (the run's folder on a file system that all nodes share)
set -euo pipefail
if (($# < 2)); then
    echo "usage: sbatch launch/slurm.sh RECIPE RUN [OPTIONS]" >&2
    exit 2
fi
recipe=$1 run=$2
shift 2

resume=()
if [[ -d $run/checkpoints ]]; then resume=(--resume); fi

# mpirun passes SIGUSR1 on to the ranks; the batch shell passes it on to mpirun.
mpirun -n "$SLURM_NTASKS" --map-by "ppr:1:node:PE=${SLURM_CPUS_PER_TASK:-1}" --bind-to core \
    lockstep train "$recipe" --output "$run" "${resume[@]}" "$@" &
job=$!
trap 'kill -USR1 "$job"' USR1

# A trapped signal ends `wait` early; wait again until mpirun itself is gone.
code=0
wait "$job" || code=$?
while kill -0 "$job" 2>/dev/null; do
    code=0
    wait "$job" || code=$?
done

# 134, 137 and 143 are worth another try from the last checkpoint; every other code would come again.
if ((code == 134 || code == 137 || code == 143)); then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
