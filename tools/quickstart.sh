#!/usr/bin/env bash
# The main job on a fresh machine, in a few minutes: installs, builds, writes a corpus by rule, learns a tokenizer, shards,
# trains with two ranks, evaluates, lets the model tell stories, tunes it on questions about the stories, asks it about
# stories that it never saw, and talks with it. Started again it continues where it was stopped, or says that it is done.
#
#   tools/quickstart.sh                                         everything, in runs/quickstart
#   tools/quickstart.sh --train.steps=200 --finetune.steps=200  with another configuration
set -euo pipefail
cd "$(dirname "$0")/.."

ranks=2
config=configs/quickstart.yaml
run=runs/quickstart
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
llmpi=build/llmpi
# One core more or less is no reason to refuse, and a rank bound to one core could not use its threads.
launch=(mpirun -q --oversubscribe --bind-to none -np "$ranks")

headline() { printf '\n== %s ==\n' "$*"; }

# step TITLE FILE COMMAND...: runs the command unless its last output exists.
step() {
    local title=$1 output=$2
    shift 2
    headline "$title"
    if [ -e "$output" ]; then
        echo "done before: $output"
    else
        "$@"
    fi
}

headline "packages"
tools/install-deps.sh

headline "build"
cmake --preset release -DLLMPI_TESTS=OFF -DLLMPI_WERROR=OFF >/dev/null
cmake --build build -j "$(nproc)" --target llmpi | tail -n 1
mkdir -p "$run"

generate_corpus() {
    "$llmpi" corpus generate --documents=20000 --seed=1 --output="$run/corpus.jsonl.zst" --json >"$run/corpus.json.tmp"
    mv "$run/corpus.json.tmp" "$run/corpus.json" # the last file of this step
}
step "a corpus of 20,000 stories, by rule" "$run/corpus.json" generate_corpus
step "a vocabulary" "$run/tokenizer.json" "${launch[@]}" "$llmpi" tokenizer train "$config"
step "token shards" "$run/shards/validation-00003-of-00004.h5" "${launch[@]}" "$llmpi" shard "$config"

headline "training with $ranks ranks"
"${launch[@]}" "$llmpi" train "$config" "$@"

headline "validation"
"${launch[@]}" "$llmpi" evaluate "$config" --evaluate.sequences=0 | tee "$run/validation.txt"
echo
echo "Held-out stories cost the model $(awk '/^bits per byte/ { print $4 }' "$run/validation.txt") bits per byte;" \
    "the entropy of the generator's choices is $(sed -E 's/.*"bits_per_byte": ?([0-9.]{6}).*/\1/' "$run/corpus.json")."

headline "stories by the model"
"$llmpi" generate "$run/run" --samples=3 --tokens=300

generate_questions() {
    "$llmpi" corpus generate --documents=20000 --seed=1 --questions="$run/questions.jsonl.zst"
    # Of another seed: neither training nor tuning saw these stories.
    "$llmpi" corpus generate --documents=150 --seed=2 --questions="$run/held-out.jsonl"
}
step "questions about the stories, by rule" "$run/held-out.jsonl" generate_questions
step "examples to tune on" "$run/instruct/validation-00003-of-00004.h5" \
    "${launch[@]}" "$llmpi" instruct prepare "$config" --show=1

headline "tuning with $ranks ranks"
"${launch[@]}" "$llmpi" finetune "$config" "$@"

headline "questions about held-out stories"
"${launch[@]}" "$llmpi" evaluate "$run/answers" --questions="$run/held-out.jsonl"

headline "a conversation"
questions='One windy day in March, a purple hat hung in the birch tree. What colour was the hat?
One windy day in March, a purple hat hung in the birch tree. What kind of tree was it?
On the road Hugo saw seven grey ducks and a drawing of tulips on an old gate. How many ducks were there?
Hugo ran past a mossy gate to the harbour. Where did Hugo go?'
# Each question by itself: the lessons had one question each.
sed 's|$|\n/reset|' <<<"$questions" | "$llmpi" chat "$run/answers" --set=temperature=0 |
    paste -d '\n' <(sed 's/^/> /' <<<"$questions") -
