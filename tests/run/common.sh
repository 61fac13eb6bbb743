# Sourced by the end-to-end tests: a temporary folder, a tiny prepared corpus, and checks that say what failed.
# shellcheck shell=bash
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/llmpi-test-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
finish() { [ "$failures" -eq 0 ] && echo "all good"; exit $((failures > 0)); }

# expect STATUS COMMAND...: runs it, output in $work/out and $work/err; complains about another exit status.
expect() {
    local wanted=$1 got
    shift
    "$@" >out 2>err </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || { fail "exit status $got instead of $wanted: $*"; tail -n 5 out err; }
}

# contains FILE TEXT: the file has the text.
contains() { grep -qF -- "$2" "$1" || { fail "no '$2' in $1:"; tail -n 5 "$1"; }; }

# within SECONDS COMMAND...: waits until the command succeeds
within() {
    local end=$(($(date +%s%N) + $1 * 1000000000))
    until "${@:2}"; do
        [ "$(date +%s%N)" -lt $end ] || return 1
        sleep 0.02
    done
}

ranks() { mpirun -q -np "$1" "${@:2}"; }

# A corpus, its tokenizer and its shards, and a configuration that trains on them in seconds.
prepare_tiny() {
    expect 0 "$LLMPI" corpus generate --documents=400 --seed=7 --output=corpus.jsonl
    cat >tiny.yaml <<YAML
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.1}
tokenizer: {path: tokenizer.json, vocab_size: 512}
shards: {directory: shards, count: 3}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 32}
train: {steps: 20, batch_size: 8, micro_batch: 3, learning_rate: 1.0e-3, warmup_steps: 5, log_every: 5}
evaluate: {every: 10, sequences: 20}
sample: {every: 0, tokens: 20, prompts: ["Once"]}
checkpoint: {every: 5, keep: 0}
YAML
    expect 0 "$LLMPI" tokenizer train tiny.yaml
    expect 0 "$LLMPI" shard tiny.yaml
}
