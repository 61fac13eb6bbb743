#!/usr/bin/env bash
# The memory that `llmpi plan` predicts against the peak (VmHWM) that runs reach: within 5 %.
. "$(dirname "$0")/common.sh"
if ldd "$LLMPI" | grep -q libasan; then
    echo "skipped: the sanitizers take memory of their own"
    exit 77
fi

unset OPENBLAS_NUM_THREADS # users do not set it, and threads take memory
number() { sed -nE "s/.*\"$1\": ([0-9]+).*/\1/p" "$2"; }

# compare MEASURED PREDICTED WHAT...
compare() {
    local predicted=$2
    echo "$(($1 >> 10)) KiB, predicted $((predicted >> 10)): ${*:3}"
    [ $(((predicted - $1) * 20)) -le "$1" ] && [ $((($1 - predicted) * 20)) -le "$1" ] ||
        fail "$1 bytes were used, $predicted predicted: ${*:3}"
}

# steps RANKS OPTION...: the step alone, on tokens drawn at random, without files; on $nodes nodes
: >empty.yaml
nodes=1
steps() {
    local start=("$LLMPI") # mpirun takes 4 MiB also for one rank
    [ "$1" -gt 1 ] && start=(ranks "$1" "$LLMPI")
    expect 0 "${start[@]}" bench step empty.yaml --steps=1 --steps-only --json --run.threads=1 "${@:2}"
    cp out bench.json
    expect 0 "$LLMPI" plan empty.yaml --speed=1 --json --ranks="$1" --nodes=$nodes --run.threads=1 "${@:2}"
    cp out plan.json
    compare "$(number peak_memory_bytes bench.json)" \
        $(($(number memory_bytes plan.json) - $(number files_bytes plan.json) - $(number snapshot_bytes plan.json) - $(number sample_bytes plan.json))) "steps, ranks $1, nodes $nodes" "${@:2}"
}
small=(--model.n_layer=2 --model.n_head=2 --model.n_embd=128 --model.context_length=64 --tokenizer.vocab_size=4096
    --train.micro_batch=2 --train.batch_size=4)
deep=(--model.n_layer=6 --model.n_head=4 --model.n_embd=256 --model.context_length=256 --tokenizer.vocab_size=8192
    --train.micro_batch=4 --train.batch_size=4)
for precision in fp32 bf16; do
    steps 1 "${small[@]}" --train.precision=$precision # a million parameters
    for recompute in none attention block; do
        steps 1 "${deep[@]}" --train.precision=$precision --train.recompute=$recompute
    done
done
steps 1 "${small[@]}" --train.precision=fp32 --train.slots=4
steps 2 "${small[@]}" --train.precision=fp32
steps 2 "${deep[@]}" --train.precision=fp32 --train.batch_size=8

# Of four ranks each reads parts of the others' gradients, which counts as its own memory, and has a quarter of the
# moments; with MPI_Allreduce it has all of them.
parts=(--train.precision=fp32 --train.batch_size=8 --train.micro_batch=1)
divided() { number moment_bytes plan.json; }
steps 1 "${deep[@]}" "${parts[@]}"
whole=$(divided) peak=$(number peak_memory_bytes bench.json)
steps 4 "${deep[@]}" "${parts[@]}" --train.exchange=allreduce
[ "$(divided)" -eq "$whole" ] || fail "with allreduce $(divided) bytes of moments, not $whole"
steps 4 "${deep[@]}" "${parts[@]}"
[ "$(divided)" -lt $((whole * 26 / 100)) ] || fail "four ranks have $(divided) bytes of $whole bytes of moments each"
# With nothing shared, what is saved is seen, but for MPI's own memory and buckets on their way.
nodes=4 LLMPI_TEAM_SIZE=1 steps 4 "${deep[@]}" "${parts[@]}" --train.bucket_mb=1
[ "$(number peak_memory_bytes bench.json)" -lt $((peak - whole / 2)) ] || fail "used memory does not fall with ranks"
nodes=2 LLMPI_TEAM_SIZE=1 steps 2 "${deep[@]}" "${parts[@]}" --train.wire=bf16

# Whole runs, with shards, evaluation, samples and checkpoints.
prepare_tiny
for precision in fp32 bf16; do # the first of each on a machine measures its rate, which takes memory
    expect 0 "$LLMPI" train tiny.yaml --train.steps=1 --run.directory="first-$precision" --train.precision=$precision
done
whole() {
    expect 0 "$LLMPI" plan tiny.yaml --speed=1 --json "$@"
    cp out plan.json
    rm -rf run
    expect 0 /usr/bin/python3 -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)' "$LLMPI" train tiny.yaml --train.steps=4 "$@"
    compare "$(cat out)" "$(number memory_bytes plan.json)" "a run," "$@"
}
whole --train.precision=fp32
large=(--train.precision=fp32 --model.n_layer=6 --model.n_head=4 --model.n_embd=256 --train.recompute=block)
whole "${large[@]}"
with=$(number memory_bytes plan.json)
whole "${large[@]}" --checkpoint.background=false
[ "$(number memory_bytes plan.json)" -lt "$with" ] || fail "saving in the foreground should need no copy"

# A micro-batch beyond the batch takes no memory, neither in training nor afterwards.
expect 0 "$LLMPI" train tiny.yaml --train.steps=1 --train.micro_batch=1000000 --run.directory=wide
expect 0 "$LLMPI" evaluate tiny.yaml --checkpoint=wide
finish
