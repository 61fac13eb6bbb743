#!/usr/bin/env bash
# What killed jobs leave in /dev/shm and in Open MPI's folder of sessions is gone after the next start, and a job that runs
# beside is not disturbed. Files count as left behind when they are a minute old: `touch` makes them so.
# shellcheck disable=SC2086,SC2154
. "$(dirname "$0")/../run/common.sh"
prepare_tiny
export TMPDIR=$work/tmp
mkdir "$TMPDIR"

# start NAME: a run in the background that would take hours; its launcher, its ranks and what they map of Open MPI's files
start() {
    mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory="run-$1" --train.steps=1000000 --evaluate.every=0 \
        --checkpoint.every=0 >"$1.log" 2>&1 </dev/null &
    launcher=$!
    for _ in $(seq 600); do
        [ -s "run-$1/metrics.jsonl" ] && break
        sleep 0.1
    done
    [ -s "run-$1/metrics.jsonl" ] || fail "$1 does not start: $(tail -n 5 "$1.log")"
    ranks=$(pgrep -P $launcher)
    files=$(for rank in $ranks; do grep -oE '/dev/shm/vader_segment\.[^ ]+' "/proc/$rank/maps"; done | sort -u)
    [ -n "$files" ] || { echo "skipped: this MPI library does not keep files in /dev/shm"; kill -9 $launcher $ranks; exit 77; }
    touch -d '2 minutes ago' $files "$TMPDIR"/ompi.*/pid.$launcher
}

gone() { for path; do [ ! -e "$path" ] || fail "still there: $path"; done; }

before=
object=/dev/shm/llmpi-stale-$$
held=/dev/shm/llmpi-held-$$
trap 'kill -9 ${beside:-} ${beside_ranks:-} 2>/dev/null; rm -rf "$work" "$object" "$held"' EXIT
head -c 1048576 /dev/zero >"$object"
exec 9>"$held"
flock 9

start beside
beside=$launcher beside_ranks=$ranks beside_files=$files
[ -e "$object" ] && fail "an object that nobody holds is still there"
[ -e "$held" ] || fail "an object that somebody holds is gone"

for round in 1 2 3; do
    start "killed-$round"
    kill -9 $launcher $ranks
    wait $launcher 2>/dev/null
    gone $before
    before="$files $(echo "$TMPDIR"/ompi.*/pid.$launcher)"
    ls -d $before >/dev/null || fail "a killed job leaves nothing: this test tests nothing"
done
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=run-last
contains err "removed what a killed job left"
gone $before

ls $beside_files "$TMPDIR"/ompi.*/pid."$beside" >/dev/null || fail "files of a running job are gone"
[ "$(echo "$TMPDIR"/ompi.*/pid.*)" = "$(echo "$TMPDIR"/ompi.*/pid."$beside")" ] || fail "folders: $(ls "$TMPDIR"/ompi.*)"
kill -USR1 "$beside"
wait "$beside"
status=$?
[ $status -eq 75 ] || fail "the job beside ends with $status instead of 75: $(tail -n 5 beside.log)"
finish
