#!/usr/bin/env bash
# Stopping on request: soon, with exit status 75 and a last line that says by what and where; what is started again gives
# the same bits as what nobody disturbed. Every kind of request, one rank and two, every command that obeys.
. "$(dirname "$0")/common.sh"
unset SLURM_JOB_END_TIME LLMPI_DEADLINE
prepare_tiny

# wait_for COMMAND...: until it succeeds, a minute at most.
wait_for() { for _ in $(seq 6000); do "$@" && return; sleep 0.01; done; fail "waited in vain: $*"; }
lines() { [ "$(cat "$1/metrics.jsonl" 2>/dev/null | wc -l)" -ge "$2" ]; }
# stopped BY: the command in the background, whose process is $job, ends with 75 and says why.
stopped() {
    wait "$job"
    local got=$?
    [ $got -eq 75 ] || { fail "exit status $got instead of 75 after $1"; tail -n 5 err; }
    tail -n 1 err >last
    contains last "stopped by $1"
}
cat >same.py <<'PYTHON'
import json, sys
timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
def rows(name):
    return [{k: v for k, v in json.loads(line).items() if not timed(k)} for line in open(f"{name}/metrics.jsonl")]
a, b = rows(sys.argv[1]), rows(sys.argv[2])
differ = [pair for pair in zip(a, b) if pair[0] != pair[1]]
sys.exit(f"{len(a)} and {len(b)} lines, first that differ: {differ[:1]}" if a != b else 0)
PYTHON
same() {
    python3 same.py "$1" "$2" || fail "the metrics of $2 are not those of $1"
    cmp "$1/samples.txt" "$2/samples.txt" || fail "the samples of $2 are not those of $1"
}

# --- training: stopped again and again. Sequences come one by one, so that a step has parts.
long="--train.steps=200 --train.micro_batch=1 --checkpoint.every=50 --evaluate.every=30 --sample.every=60"
train=("$LLMPI" train tiny.yaml $long)
trains() { grep -q '^data: ' err && lines "$1" "$2"; } # it has begun and has that many lines of metrics
for kind in 1:--train.slots=4 2:--train.slots=4 2: 2:--train.local_steps=7; do
    size=${kind%%:*} option=${kind#*:}
    start=(mpirun -q -np "$size" "${train[@]}" $option)
    [ "$size" -eq 1 ] && start=("${train[@]}" $option)
    rm -rf cut
    mkdir cut
    [ "$kind" = 2:--train.slots=4 ] || rm -rf whole # else the whole run of one rank will do
    [ -e whole ] || expect 0 "${start[@]}" --run.directory=whole
    for count in 20 120; do
        : >err
        "${start[@]}" --run.directory=cut >out 2>err & job=$!
        wait_for trains cut $count
        kill -USR1 $job
        stopped "SIGUSR1 at step"
    done
    : >cut/stop
    expect 75 "${start[@]}" --run.directory=cut
    contains err "stopped by the stop file at step"
    [ ! -e cut/stop ] || fail "the stop file is still there"
    expect 0 "${start[@]}" --run.directory=cut
    contains err "continuing from cut/checkpoints/step-"
    same whole cut
done

# --- one rank without a launcher: other requests; nothing done yet; a wrong deadline; one rank of two that is asked
for way in TERM INT HUP file; do
    : >err
    "${train[@]}" --run.directory=alone --train.steps=100000 >out 2>err & job=$!
    wait_for trains alone 5
    if [ $way = file ]; then : >alone/stop; else kill -$way $job; fi
    if [ $way = file ]; then stopped "the stop file at step"; else stopped "SIG$way at step"; fi
done
expect 75 "${train[@]}" --run.directory=alone --train.steps=100000 --run.max_seconds=0.001
contains err "stopped by run.max_seconds at step"
LLMPI_DEADLINE=$(($(date +%s) + 6)) expect 75 "${train[@]}" --run.directory=alone --train.steps=100000
contains err "(LLMPI_DEADLINE): stopping"
contains err "stopped by the end of the job at step"

# A log whose reader goes, as `tee` does at Ctrl-C, is no reason to lose steps; behind nohup a hangup is none to stop.
nohup "${train[@]}" --run.directory=read --train.steps=100000 >out 2> >(head -n 1 >/dev/null) </dev/null & job=$!
wait_for lines read 30
kill -HUP $job
sleep 0.2
kill -INT $job
wait $job
got=$?
[ $got -eq 75 ] || fail "exit status $got instead of 75 without a reader of the log"
mkdir nothing && : >nothing/stop
expect 75 "${train[@]}" --run.directory=nothing
contains err "stopped by the stop file in the first step, with nothing to save yet; the same command starts over"
[ -z "$(ls nothing/checkpoints 2>/dev/null)" ] || fail "something was saved"
for wrong in "" soon 3600 1700000000000; do
    LLMPI_DEADLINE=$wrong expect 0 "${train[@]}" --run.directory=nothing --train.steps=3
    contains err "LLMPI_DEADLINE is '$wrong', "
done
: >err
mpirun -q -np 2 "${train[@]}" --run.directory=nothing --train.steps=100000 >out 2>err & job=$!
wait_for trains nothing 30
kill -TERM "$(pgrep -P $job | tail -n 1)"
stopped "SIGTERM at step"

# --- what is due waits for the next start: in the middle of an evaluation, of a sample, and of the last sample
prompts=$(printf 'Once, %.0s' $(seq 60)) # many, so that the last request comes in time
due=(mpirun -q -np 2 "$LLMPI" train tiny.yaml --train.steps=10 --evaluate.every=2 --evaluate.sequences=0
    --sample.tokens=1000 "--sample.prompts=[${prompts%, }]")
rm -rf whole cut
expect 0 "${due[@]}" --run.directory=whole
for moment in 4 11 15; do # after line 15 only the last sample is missing
    : >err
    "${due[@]}" --run.directory=cut >out 2>err & job=$!
    wait_for trains cut $moment
    kill -USR1 $job
    stopped SIGUSR1
done
contains last "at step 10 of 10 with everything saved, before the evaluation and samples that are due"
expect 0 "${due[@]}" --run.directory=cut
expect 0 "${due[@]}" --run.directory=cut
contains err "done already: 10 of 10 steps"
same whole cut

# --- the other commands: nothing half-done stays, and the same command goes on or starts over
at_once="--run.max_seconds=0.000001"
tidy() { [ -z "$(find "$1" -name '*.tmp' -o -name lock)" ] || fail "left in $1: $(ls -A "$1")"; }
expect 75 ranks 2 "$LLMPI" evaluate tiny.yaml --run.directory=whole $at_once
contains err "stopped by run.max_seconds; the same command starts over"
"$LLMPI" generate whole --prompt=Once --tokens=1000000 --ignore-end >text 2>err & job=$!
wait_for test -s text
kill -INT $job
stopped "SIGINT; the same command starts over"
expect 75 ranks 2 "$LLMPI" tokenizer train tiny.yaml --tokenizer.path=new/tokenizer.json $at_once
contains err "stopped by run.max_seconds; nothing is written; the same command starts over"
[ -z "$(ls -A new)" ] || fail "left beside the tokenizer: $(ls -A new)"
expect 75 ranks 2 "$LLMPI" corpus clean tiny.yaml --clean.directory=clean $at_once
contains err "stopped by run.max_seconds; the old files are as they were; the same command starts over"
tidy clean
expect 75 ranks 2 "$LLMPI" shard tiny.yaml --shards.directory=new $at_once
contains err "stopped by run.max_seconds; 0 of 3 shards are complete; the same command writes the others"
tidy new
# In the middle, by a signal to one rank of two: shards are written two by two.
expect 0 "$LLMPI" corpus generate --documents=9000 --seed=8 --output=more.jsonl
shard="shard tiny.yaml --corpus.inputs=more.jsonl --shards.count=16"
expect 0 "$LLMPI" $shard --shards.directory=all
mpirun -q -np 2 "$LLMPI" $shard --shards.directory=some >out 2>err & job=$!
wait_for test -e some/train-00001-of-00016.h5
kill -TERM "$(pgrep -P $job | head -n 1)"
stopped "SIGTERM; "
tidy some
[ "$(ls some/train-* | wc -l)" -lt 16 ] || fail "it did not stop before the end"
contains last "$(ls some/train-* | wc -l) of 16 shards are complete"
expect 0 ranks 2 "$LLMPI" $shard --shards.directory=some
contains err "keeping "
diff -r all some >differ || fail "the shards differ: $(head -n 3 differ)"
finish
