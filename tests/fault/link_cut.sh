#!/usr/bin/env bash
# The cable between two hosts is cut while they train: the ranks on both sides are gone soon after run.stall_abort, and the
# launcher, which waits for its daemon on the other host, follows where it has been told to look whether that is there.
# shellcheck disable=SC2154
. "$(dirname "$0")/../run/common.sh"
. "$LLMPI_SOURCE/tests/run/netns.sh"
hosts_up
trap 'kill -KILL $(pids "$host_1") $(pids "$host_2") 2>/dev/null; hosts_down; rm -rf "$work"' EXIT
prepare_tiny

pids() { ip netns pids "$1" 2>/dev/null; }
rank_of() { for pid in $(pids "$1"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = llmpi ] && echo "$pid"; done; }

has_begun() { [ "$(cat "run-$1/metrics.jsonl" 2>/dev/null | wc -l)" -gt 3 ]; }
ranks_gone() { [ -z "$(rank_of "$host_1")$(rank_of "$host_2")" ]; }
launcher_gone() { ! kill -0 "$launcher" 2>/dev/null; }

# cut NAME STALL_ABORT: a run on both hosts, and then the cable is out
cut() {
    host_ranks 1 "$LLMPI" train tiny.yaml --run.directory="run-$1" --train.steps=1000000 --evaluate.every=0 \
        --checkpoint.every=0 --run.stall_warning=1 --run.stall_abort="$2" >"$1.log" 2>&1 </dev/null &
    launcher=$!
    within 60 has_begun "$1" || fail "$1 does not start: $(tail -n 5 "$1.log")"
    [ -n "$(rank_of "$host_1")" ] && [ -n "$(rank_of "$host_2")" ] || fail "$1 has no rank on each host"
    ip -n "$host_2" link set eth0 down
}

cut plain 3
within 13 ranks_gone || fail "ranks are left: $(rank_of "$host_1") on $host_1, $(rank_of "$host_2") on $host_2"
contains plain.log "rank 1 on $host_2 has been silent for "
contains plain.log "the job ends (run.stall_abort)"
kill -KILL $(pids "$host_1") $(pids "$host_2") 2>/dev/null
wait $launcher 2>/dev/null
ip -n "$host_2" link set eth0 up

# The launcher must notice by itself before a rank calls MPI_Abort: once it has sent its daemon a message that nobody
# acknowledges, TCP tries for a quarter of an hour, and looks no more whether the other end is there.
export OMPI_MCA_oob_tcp_keepalive_time=3 OMPI_MCA_oob_tcp_keepalive_intvl=1 OMPI_MCA_oob_tcp_keepalive_probes=3
cut keepalive 20
within 30 ranks_gone || fail "with keepalive ranks are left"
if within 15 launcher_gone; then
    wait $launcher
    status=$?
    [ $status -ne 0 ] && [ $status -ne 75 ] || fail "a job whose cable was cut ends with $status"
else
    fail "the launcher is left"
fi
finish
