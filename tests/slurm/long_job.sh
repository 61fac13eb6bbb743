#!/usr/bin/env bash
# The real thing, some minutes of it: a job of two nodes whose time limit is a minute trains for longer. It has to save
# before the limit, put itself back into the queue and finish, with one metrics.jsonl whose losses are those of an
# undisturbed run. Nothing but LLMPI_DEADLINE tells it when to stop: the signal of Slurm is SIGWINCH (28), which nobody heeds.
#
#   LLMPI=build/llmpi LLMPI_SOURCE=. tests/slurm/long_job.sh srun|mpirun [SECONDS OF TRAINING]
launcher=${1:?srun or mpirun} training=${2:-100}
LLMPI=$(readlink -f "${LLMPI:-build/llmpi}") LLMPI_SOURCE=$(readlink -f "${LLMPI_SOURCE:-.}")
export LLMPI LLMPI_SOURCE OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_hwloc_base_binding_policy=none \
    OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
. "$(dirname "$(readlink -f "$0")")/jobs.sh"
export XDG_CACHE_HOME=$work/cache
cluster_up
prepare_tiny
options=(--train.precision=fp32 --train.slots=2 --train.bucket_mb=1 --train.log_every=1000 --evaluate.every=0
    --checkpoint.every=0 --checkpoint.keep=1 --run.bind=none)
one() { login srun --nodes=2 --ntasks-per-node=1 --mpi=pmix "$LLMPI" train tiny.yaml "${options[@]}" "$@"; }

# As many steps as take that long here: a trial says how fast they are.
expect 0 one --run.directory=trial --train.steps=1000
steps=$(/usr/bin/python3 -c '
import json, sys
rows = [json.loads(line) for line in open("trial/metrics.jsonl")]
print(int(float(sys.argv[1]) / (sum(row["seconds"] for row in rows if "loss" in row) / 1000)))' "$training")
options+=(--train.steps="$steps")
expect 0 "$LLMPI" train tiny.yaml "${options[@]}" --run.directory=undisturbed

job=$(LLMPI_LAUNCHER=$launcher submit job.log --nodes=2 --ntasks-per-node=1 --time=1 --signal=B:28@1 \
    "$LLMPI_SLURM/train.sbatch" tiny.yaml "${options[@]}" --run.directory=job)
[ -n "$job" ] && await 900 has_text job.log "== exit status"
grep -E '^== |stopped|continuing|the job ends|TIME LIMIT' job.log
contains job.log "== exit status 0 =="
starts=$(grep -c '^== job .* start ' job.log)
[ "$starts" -ge 3 ] || fail "$starts starts, not three or more"
grep -q "TIME LIMIT" job.log && fail "the limit came first"
same_losses job undisturbed "$steps"
echo "$launcher: $steps steps in $starts starts of job $job"
finish
