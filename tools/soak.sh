#!/usr/bin/env bash
# The long versions of the tests that disturb llmpi: runs killed a hundred times, bits flipped in hundreds of places, and a
# job in a real Slurm where one can be started. They need a built program (tools/test.sh release builds it) and some minutes.
#
#   tools/soak.sh                   everything
#   tools/soak.sh kills flips       some of: kills flips slurm
#   tools/soak.sh --kills=100       how often a run is killed
#   tools/soak.sh --flips=200       how many bits are flipped in a checkpoint, and in a shard
#   tools/soak.sh --seed=N          draws the same moments and places again; without it the seed is new, and printed
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export KILLS=100 FLIPS=200 SEED=$((RANDOM * 32768 + RANDOM))
parts=()
for argument in "$@"; do
    case $argument in
        kills | flips | slurm) parts+=("$argument") ;;
        --kills=[0-9]*) KILLS=${argument#*=} ;;
        --flips=[0-9]*) FLIPS=${argument#*=} ;;
        --seed=[0-9]*) SEED=${argument#*=} ;;
        --help | -h)
            sed -n '2,9s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "tools/soak.sh knows kills, flips, slurm, --kills=N, --flips=N and --seed=N, not '$argument'" >&2
            exit 2
            ;;
    esac
done
[ ${#parts[@]} -gt 0 ] || parts=(kills flips slurm)

export LLMPI=${LLMPI:-$PWD/build/llmpi} LLMPI_SOURCE=$PWD
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
[ -x "$LLMPI" ] || { echo "there is no program $LLMPI: build it, or set LLMPI" >&2; exit 1; }

failed=0
# soak TEST ARGUMENT...: a test's output, its status and how long it took
soak() {
    local since=$SECONDS status
    printf '\n== %s ==\n' "$*"
    bash "tests/$1" "${@:2}"
    status=$?
    case $status in
        0) echo "passed after $((SECONDS - since)) s" ;;
        77) echo "skipped" ;;
        *)
            echo "FAILED with status $status after $((SECONDS - since)) s"
            failed=$((failed + 1))
            ;;
    esac
}

echo "--seed=$SEED"
for part in "${parts[@]}"; do
    case $part in
        kills) soak fault/killed_ranks.sh ;;
        flips)
            soak fault/checkpoint_damage.sh
            soak fault/shard_damage.sh
            ;;
        slurm)
            for launcher in srun mpirun; do
                [ ! -e tests/slurm/long_job.sh ] || soak slurm/long_job.sh $launcher
            done
            ;;
    esac
done
printf '\n%d failed\n' "$failed"
[ "$failed" -eq 0 ]
