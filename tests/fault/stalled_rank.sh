#!/usr/bin/env bash
# Ranks that stand still are named by the watchdog, and end the job when it was told so: one that is stopped, rank 0 too,
# and one that waits for a file. A job that is stopped as a whole and goes on is no stall.
# shellcheck disable=SC2154
. "$(dirname "$0")/../run/common.sh"
prepare_tiny
trap 'kill -KILL ${pids[@]:-} ${launcher:-} 2>/dev/null; rm -rf "$work"' EXIT

# start NAME OPTION...: a run of two ranks in the background that would take hours; $launcher, and ${pids[RANK]}
start() {
    local pid
    mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory="run-$1" --train.steps=1000000 --evaluate.every=0 \
        --checkpoint.every=0 --run.stall_warning=1 "${@:2}" >"$1.log" 2>&1 </dev/null &
    launcher=$!
    pids=()
    within 60 has_begun "$1" || fail "$1 does not start: $(tail -n 5 "$1.log")"
    for pid in $(pgrep -P $launcher); do
        pids[$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')]=$pid
    done
    [ ${#pids[@]} -eq 2 ] || fail "$1 has ${#pids[@]} ranks: ${pids[*]}"
}

has_begun() { [ "$(cat "run-$1/metrics.jsonl" 2>/dev/null | wc -l)" -gt 3 ]; }
steps_beyond() { [ "$(wc -l <"run-$1/metrics.jsonl")" -gt "$2" ]; }
says() { grep -q -- "$2" "$1.log"; }
gone() { ! kill -0 "$@" 2>/dev/null; }

# ends NAME: the job of NAME is gone within stall_abort + 10 s, with status 1
ends() {
    within 14 gone "$launcher" "${pids[@]}" || fail "$1: the job is still there"
    kill -KILL "${pids[@]}" "$launcher" 2>/dev/null
    wait "$launcher"
    local status=$?
    [ $status -eq 1 ] || fail "$1: exit status $status instead of 1: $(tail -n 5 "$1.log")"
    [ "$(grep -c "the job ends (run.stall_abort)" "$1.log")" -eq 1 ] || fail "$1: not one last line: $(cat "$1.log")"
}

# --- stopped as a whole, then one rank after the other, and on each time
start back --run.stall_abort=0
kill -STOP "${pids[@]}"
sleep 3
kill -CONT "${pids[@]}"
within 10 steps_beyond back $(($(wc -l <run-back/metrics.jsonl) + 3)) || fail "the job does not go on"
says back "warning" && fail "a job stopped as a whole is no stall: $(grep warning back.log)"
for rank in 1 0; do
    kill -STOP "${pids[rank]}"
    within 6 says back "rank $((1 - rank)): rank $rank on $(hostname) has been silent for .* last in phase [a-z]" ||
        fail "rank $rank is stopped and not named: $(tail -n 3 back.log)"
    sleep 2
    kill -CONT "${pids[rank]}"
    within 6 says back "rank $rank on $(hostname) goes on after" || fail "rank $rank goes on, and nobody says so"
done
[ "$(grep -c "warning" back.log)" -eq 4 ] || fail "not two lines about each rank: $(grep warning back.log)"
kill -USR1 "$launcher"
wait "$launcher"
status=$?
[ $status -eq 75 ] || fail "stopped on request with $status: $(tail -n 5 back.log)"

# --- stopped for good
for rank in 1 0; do
    start "stopped-$rank" --run.stall_abort=4
    kill -STOP "${pids[rank]}"
    ends "stopped-$rank"
    says "stopped-$rank" "warning: rank $((1 - rank)): rank $rank on $(hostname) has been silent for 1" ||
        fail "no warning before the end: $(cat "stopped-$rank.log")"
done

# --- rank 0 waits for somebody who reads its file
mkdir run-fifo
mkfifo run-fifo/metrics.jsonl
mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory=run-fifo --run.stall_warning=1 --run.stall_abort=2 \
    >fifo.log 2>&1 </dev/null &
launcher=$!
within 20 says fifo "leftover\|model: \|new run" || fail "fifo does not start: $(cat fifo.log)"
pids=($(pgrep -P $launcher))
ends fifo
says fifo "warning: rank 0: rank 0 on $(hostname) has not got on for .* in phase setup" || fail "not late: $(cat fifo.log)"

# --- and the directory is in order
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=run-stopped-1
finish
