#!/usr/bin/env bash
# A step after the second allocates nothing: a run of 30 steps allocates exactly as often as one of 10, on every rank.
# Counted is every call of malloc, calloc, realloc, aligned_alloc, posix_memalign and mmap that llmpi's own code makes on
# its first thread, from reading shards to writing the step's line of metrics. What HDF5 and MPI allocate within a call of
# theirs is not counted; unit/test_step_memory counts all threads, libgomp and BLAS as well.
. "$(dirname "$0")/../run/common.sh"
if ldd "$LLMPI" | grep -q libasan; then
    echo "skipped: the sanitizers cannot be combined with a preloaded library"
    exit 77
fi
cc -shared -fPIC -O1 -o counting.so "$LLMPI_SOURCE/tests/fault/counting_calls.c" -ldl || exit 1
prepare_tiny

# allocations RANKS STEPS OPTION...: the numbers of the ranks, sorted, in one line
allocations() {
    rm -rf counts run
    expect 0 ranks "$1" env LD_PRELOAD="$work/counting.so" COUNT_FILE="$work/counts" "$LLMPI" train tiny.yaml \
        --train.steps="$2" --train.log_every=1 --evaluate.every=0 --sample.every=0 --checkpoint.every=0 "${@:3}"
    sort -n counts | tr '\n' ' '
}

check() {
    local few many
    allocations "$1" 1 "${@:2}" >counts.first # measures the GEMM peak, which later starts remember
    few=$(allocations "$1" 10 "${@:2}")
    many=$(allocations "$1" 30 "${@:2}")
    echo "$*: $few"
    [ "$(wc -w <<<"$few")" -eq "$1" ] || fail "not one number for each of $1 ranks: $few"
    # On a busy machine a start was seen to allocate once more or less; a step that allocates shows 20 times.
    paste <(tr ' ' '\n' <<<"$few") <(tr ' ' '\n' <<<"$many") | awk 'NF == 2 && ($2 - $1 > 5 || $1 - $2 > 5) { exit 1 }' ||
        fail "10 steps allocate $few times, 30 steps $many times ($*)"
}
check 1 --train.precision=fp32
check 1 --train.precision=fp32 --model.dropout=0.1 --train.slots=3 --train.recompute=block
check 2 --train.precision=fp32 --model.dropout=0.1
check 2 --train.precision=fp32 --train.slots=4 --train.recompute=attention
finish
