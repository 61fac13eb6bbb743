#!/usr/bin/env bash
# Which cores and threads the ranks get: what the log says, and what Linux says of their threads while they work. For a
# machine with two cores or more; the job is confined to the first two by taskset.
. "$(dirname "$0")/common.sh"
unset OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_rmaps_base_oversubscribe OMP_NUM_THREADS
mapfile -t allowed < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
[ "${#allowed[@]}" -ge 2 ] || { echo "skipped: this machine has only one core"; exit 77; }
siblings=$(cat "/sys/devices/system/cpu/cpu${allowed[0]}/topology/thread_siblings_list" 2>/dev/null)
[ "$siblings" = "${siblings#*[-,]}" ] || { echo "skipped: two hardware threads here are one core"; exit 77; }
a=${allowed[0]} b=${allowed[1]}
both="$a,$b"
[ $((a + 1)) -ne "$b" ] || both="$a-$b"
prepare_tiny
sed -i 's/, threads: 1}/}/' tiny.yaml

# bench COMMAND...: a measured step under it, confined to the two cores; what it says in err.
bench() { timeout 120 taskset -c "$a,$b" "$@" bench step tiny.yaml --steps=1 --steps-only --train.batch_size=2 >out 2>err </dev/null || fail "status $?: $*"; }
says() { contains err "$1"; }
silent() { ! grep -q "$1" err || { fail "an unexpected '$1':"; cat err; }; }

bench "$LLMPI"
says "1 rank on 1 node, 2 threads: rank 0 on cores $both"
silent hint
taskset -c "$b" "$LLMPI" bench step tiny.yaml --steps=1 --steps-only >out 2>err || fail "taskset"
says "1 rank on 1 node, 1 thread: rank 0 on core $b"
silent hint

# mpirun binds one or two ranks to a core each; that is not what anybody asked for.
bench mpirun -np 1 "$LLMPI"
says "1 rank on 1 node, 2 threads: rank 0 on cores $both"
silent hint
bench mpirun -np 2 "$LLMPI"
says "2 ranks on 1 node, 1 thread each: rank 0 on core $a, rank 1 on core $b"
silent hint
bench mpirun --oversubscribe -np 3 "$LLMPI"
says "3 ranks on 1 node, 1 thread each: ranks 0-2 share cores $both"
says "hint: 3 threads share 2 cores: fewer ranks would be faster"
bench mpirun --map-by node -np 1 "$LLMPI"
says "2 threads: rank 0 on cores $both"

# What the user asks for stays.
bench mpirun --bind-to none -np 2 "$LLMPI"
says "2 ranks on 1 node, 1 thread each: ranks 0-1 share cores $both"
bench mpirun --bind-to core -np 1 "$LLMPI"
says "1 rank on 1 node, 1 thread: rank 0 on core"
says "hint: 1 of 2 cores idle because of OMPI_MCA_hwloc_base_binding_policy"
bench mpirun --map-by slot:PE=2 -np 1 "$LLMPI"
says "1 rank on 1 node, 2 threads: rank 0 on cores"
bench env OMP_NUM_THREADS=1 mpirun -np 1 "$LLMPI"
says "1 rank on 1 node, 1 thread: rank 0 on cores $both"
says "hint: 1 of 2 cores idle because of OMP_NUM_THREADS"
bench env OMP_NUM_THREADS=1 OMP_PROC_BIND=true "$LLMPI"
says "1 thread: rank 0 on cores $both"
sed 's/seed: 3}/seed: 3, threads: 2}/' tiny.yaml >two.yaml
sed 's/seed: 3}/seed: 3, bind: none}/' tiny.yaml >unbound.yaml
expect 0 taskset -c "$a,$b" env OMP_NUM_THREADS=1 mpirun -np 2 "$LLMPI" bench step two.yaml --steps=1 --steps-only
says "2 ranks on 1 node, 2 threads each: rank 0 on core $a, rank 1 on core $b"
says "hint: 4 threads share 2 cores: a lower run.threads would be faster"
expect 0 taskset -c "$a,$b" mpirun -np 1 "$LLMPI" bench step unbound.yaml --steps=1 --steps-only
says "1 rank on 1 node, 1 thread: rank 0 on core"
says "hint: 1 of 2 cores idle because of run.bind"

# masks COMMAND...: trains under it until the first checkpoint is there; the different masks of every thread of its
# ranks meanwhile, sorted, in masks.
masks() {
    rm -rf run
    taskset -c "$a,$b" "$@" train tiny.yaml --train.steps=1000000 >out 2>err </dev/null &
    local started=$! tries=0 process
    until [ -e run/checkpoints/step-00000005.h5 ] || [ "$tries" -gt 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe" 2>/dev/null)" = "$(readlink -f "$LLMPI")" ] || continue
        [ "$(readlink "$process/cwd")" = "$work" ] || continue
        cat "$process"/task/*/status | awk '/^Cpus_allowed_list/ {print $2}' | sort -u | tr '\n' ' '
        echo
    done | sort >masks
    kill -TERM "$started"
    wait "$started"
}
expect_masks() { [ "$(tr '\n' ';' <masks)" = "$1" ] || { fail "masks are '$(tr '\n' ';' <masks)', not '$1'"; cat err; }; }
masks "$LLMPI"
expect_masks "$both ;"
masks mpirun -np 1 "$LLMPI"
expect_masks "$both ;"
masks mpirun -np 2 "$LLMPI"
expect_masks "$a ;$b ;"
masks mpirun --bind-to none -np 2 "$LLMPI"
expect_masks "$both ;$both ;"

# Waiting threads sleep soon, unless the user says how they wait (gcc's OpenMP library says what it was told).
waits() { (unset OMP_WAIT_POLICY && env OMP_DISPLAY_ENV=verbose "$@" 2>&1 >/dev/null) | sed -n "s/.*GOMP_SPINCOUNT = '\(.*\)'/\1/p" | tail -1; }
expect_waits() {
    local wanted=$1 found
    shift
    found=$(waits "$@")
    [ "$found" = "$wanted" ] || fail "threads wait $found times, not $wanted: $*"
}
own=$(waits "$LLMPI" slurm --help)
if [ -n "$own" ]; then
    expect_waits 1000 "$LLMPI" train --help
    expect_waits 7 GOMP_SPINCOUNT=7 "$LLMPI" train --help
    expect_waits 0 OMP_WAIT_POLICY=passive "$LLMPI" train --help
    expect_waits "$own" OMP_NUM_THREADS=1 "$LLMPI" train --help
fi
finish
