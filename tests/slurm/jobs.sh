# Sourced by the tests on a Slurm of two nodes: a cluster of their own, and what looks at its jobs.
# shellcheck shell=bash
. "$(dirname "$0")/../run/common.sh"
export LLMPI_CLUSTER=$work/c LLMPI_SLURM=$LLMPI_SOURCE/slurm

cluster_up() {
    trap '"$LLMPI_SOURCE/tests/slurm/cluster" down; rm -rf "$work"' EXIT
    "$LLMPI_SOURCE/tests/slurm/cluster" up || exit # 77: skipped
}

login() { "$LLMPI_SOURCE/tests/slurm/cluster" on login "$@"; }

# submit LOG OPTIONS... SCRIPT ARGUMENTS...: prints the job's number
submit() { login sbatch --parsable --exclusive=user --output="$1" "${@:2}"; }

# field JOB NAME: of `scontrol show job`, such as JobState, ExitCode, Restarts, EndTime
field() { login scontrol show job "$1" | sed -nE "s/.*\b$2=([^ ]*).*/\1/p" | head -n 1; }

# await SECONDS COMMAND...: until it succeeds
await() {
    local seconds=$1 i
    shift
    for ((i = 0; i < 5 * seconds; i++)); do
        "$@" && return
        sleep 0.2
    done
    fail "not within $seconds s: $*"
    return 1
}

has_lines() { [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]; }
has_text() { grep -qF -- "$2" "$1" 2>/dev/null; }
state_is() { [ "$(field "$1" JobState)" = "$2" ]; }

# same_losses RUN OTHER STEPS: both have each step once, in order, with the same loss
same_losses() {
    /usr/bin/python3 - "$@" <<'PYTHON' || fail "$1 and $2 differ"
import json, sys
def losses(run):
    rows = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return [(row["step"], row["loss"]) for row in rows if "loss" in row]
one, other = losses(sys.argv[1]), losses(sys.argv[2])
assert [step for step, _ in one] == list(range(1, int(sys.argv[3]) + 1)), "a step is missing or there twice"
assert one == other, next((a, b) for a, b in zip(one, other) if a != b)
PYTHON
}
