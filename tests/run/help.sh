#!/usr/bin/env bash
# Every command explains itself, and commands with a CONFIG list every option; the completion script completes.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
bad=0
complain() { echo "$1"; bad=1; }

commands=$("$LLMPI" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 9 ] || complain "llmpi --help lists only: $commands"
for flag in --help --version; do
    "$LLMPI" $flag >/dev/full 2>err && complain "llmpi $flag is content with a full disk"
    grep -q "cannot write to standard output" err || complain "llmpi $flag on a full disk says: $(cat err)"
done
: >empty.yaml
options=$("$LLMPI" plan empty.yaml --print-config |
    awk '/^[a-z]/ { section = substr($1, 1, length($1) - 1) } /^  [a-z]/ { print section "." substr($1, 1, length($1) - 1) }')
[ "$(wc -w <<<"$options")" -gt 40 ] || complain "--print-config prints only: $options"

# help COMMAND...: its help, in the file `out`; each command is started once.
declare -A helps
help() {
    if [ -z "${helps[$*]-}" ]; then
        helps[$*]=$("$LLMPI" "$@" --help 2>err) || complain "llmpi $* --help: exit status $?, $(cat err)"
        [ -s err ] && complain "llmpi $* --help writes to standard error: $(cat err)"
    fi
    printf '%s\n' "${helps[$*]}" >out
}

for command in $commands; do
    help "$command"
    grep -q "^usage: llmpi $command" out || complain "llmpi $command --help has no line 'usage: llmpi $command'"
    [ "$(awk 'length > 110' out)" = "" ] || complain "llmpi $command --help has lines above 110 columns"
done
for command in $commands "corpus generate" "corpus stats" "corpus clean" "tokenizer train" "tokenizer encode" "tokenizer info" \
    "bench matmul" "bench kernels" "bench step" "bench exchange" "bench generate" "bench tokenizer" "instruct prepare"; do
    help $command
    grep -qE '[^.]\.\.$' out && complain "llmpi $command --help ends a sentence twice: $(grep -E '[^.]\.\.$' out)"
    grep -qE '^  --[^ ]+ +[a-z][a-z ]* [a-z]' out &&
        complain "llmpi $command --help begins in small letters: $(grep -E '^  --[^ ]+ +[a-z][a-z ]* [a-z]' out)"
    grep -A1 -E '^  --([a-z]+\.)?text[-_]field' out | tr '\n' ' ' | grep -v column | grep . &&
        complain "llmpi $command --help speaks of JSON alone"
done
for command in shard plan scale train finetune evaluate "instruct prepare" "tokenizer train" "corpus clean"; do
    help $command
    missing=$(comm -23 <(sort <<<"$options") <(sed -nE 's/^  --([a-z0-9_.]+)=.*/\1/p' out | sort) | tr '\n' ' ')
    [ -z "$missing" ] || complain "llmpi $command --help does not list $missing"
done

# offers WORDS... "," EXPECTED...: what bash would offer for the last word.
offers() {
    local words=() expected
    while [ "$1" != , ]; do
        words+=("$1")
        shift
    done
    shift
    expected="$*"
    COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMPREPLY=()
    compopt() { :; }
    _llmpi
    [ "${COMPREPLY[*]}" = "$expected" ] || complain "completion of '${words[*]}': '${COMPREPLY[*]}', not '$expected'"
}
eval "$("$LLMPI" completion bash)"
offers "$LLMPI" tok , tokenizer
offers "$LLMPI" plan --ra , --ranks=
offers "$LLMPI" corpus "" , generate stats clean --help
offers "$LLMPI" corpus cl , clean
offers "$LLMPI" corpus generate --doc , --documents=
offers "$LLMPI" corpus clean --clean.near , --clean.near_duplicates= --clean.near_bands= --clean.near_rows= --clean.near_words=
offers "$LLMPI" corpus clean emp , empty.yaml
offers "$LLMPI" tokenizer "" , train encode decode info --help
offers "$LLMPI" tokenizer train --tokenizer.kind = w , word
offers "$LLMPI" tokenizer decode --fo , --format=
offers "$LLMPI" bench "" , matmul kernels step exchange generate tokenizer --help
offers "$LLMPI" bench tokenizer --ro , --rounds=
offers "$LLMPI" bench exchange --wi , --wire=
offers "$LLMPI" scale --ra , --ranks=
offers "$LLMPI" completion b , bash
offers "$LLMPI" plan --train.learn , --train.learning_rate=
offers "$LLMPI" plan --train.schedule = , cosine linear constant wsd
offers "$LLMPI" plan --train.schedule = co , cosine constant
offers "$LLMPI" plan emp , empty.yaml
exit "$bad"
