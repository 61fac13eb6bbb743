#!/usr/bin/env bash
# A run that is killed with SIGKILL at any moment and started again by the same command gives the same losses, to the last
# bit, as an undisturbed one; and its checkpoints continue on another number of ranks.
. "$(dirname "$0")/common.sh"
prepare_tiny
long="--train.steps=300 --checkpoint.every=20 --evaluate.every=30 --sample.every=50"
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=whole $long
: >start.log
for lines in 7 45 90 91 170 240; do # killed as soon as it has begun and the metrics have that many lines
    mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory=killed $long >start.log 2>&1 &
    launcher=$!
    while kill -0 $launcher 2>/dev/null && { ! grep -q '^data: ' start.log ||
        [ "$(cat killed/metrics.jsonl 2>/dev/null | wc -l)" -lt $lines ]; }; do
        sleep 0.01
    done
    kill -KILL $(pgrep -P $launcher) $launcher 2>/dev/null
    wait $launcher 2>/dev/null
    cat start.log >>killed.log
done
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=killed $long
cat err >>killed.log
[ "$(grep -c "continuing from killed/checkpoints/step-00000" killed.log)" -ge 4 ] || fail "it did not continue after each kill"
python3 - <<'PYTHON' || fail "the interrupted run differs from the undisturbed one"
import json, sys
timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
def rows(name):
    return [{k: v for k, v in json.loads(line).items() if not timed(k)} for line in open(f"{name}/metrics.jsonl")]
a, b = rows("whole"), rows("killed")
assert len(a) > 300
sys.exit(a != b)
PYTHON
cmp whole/samples.txt killed/samples.txt || fail "samples differ"

# Stopped on request: status 75, everything saved; then on with three ranks.
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=stopped --train.steps=5
"$LLMPI" train tiny.yaml --run.directory=stopped --train.steps=100000 --checkpoint.every=0 >out 2>err &
launcher=$!
for _ in $(seq 100); do [ "$(grep -c '"loss"' stopped/metrics.jsonl)" -gt 20 ] && break; sleep 0.1; done
kill -USR1 $launcher
wait $launcher
[ $? -eq 75 ] || fail "a stopped run should exit with 75"
contains err "stopped by SIGUSR1 at step"
contains err "the same command continues"
last=$(tail -n 1 stopped/metrics.jsonl | sed -E 's/.*"step": ([0-9]+).*/\1/')
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=stopped --train.steps=$((last + 3))
contains err "(step $last)"
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=stopped --train.steps=$((last + 3))
contains err "done already: $((last + 3)) of $((last + 3)) steps"
finish
