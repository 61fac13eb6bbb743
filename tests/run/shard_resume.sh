#!/usr/bin/env bash
# `llmpi shard` killed at any moment and started again writes what an undisturbed run writes, byte for byte; what is
# complete is kept, what is damaged or of other inputs is not.
. "$(dirname "$0")/common.sh"
RANDOM=11
"$LLMPI" corpus generate --documents=900 --seed=7 --output=corpus.jsonl 2>/dev/null
gzip -k corpus.jsonl
cat >shard.yaml <<'YAML'
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.1}
tokenizer: {path: tokenizer.json, vocab_size: 400}
shards: {directory: set, count: 3}
YAML
expect 0 "$LLMPI" tokenizer train shard.yaml
expect 0 "$LLMPI" shard shard.yaml --shards.directory=whole
contains err "3 shards of each split in whole"
expect 0 "$LLMPI" shard shard.yaml --shards.directory=whole-gz --corpus.inputs=corpus.jsonl.gz

# same FOLDER WHAT [WHOLE]: the folder holds the files of the undisturbed run, and nothing else.
same() { diff -r "$1" "${3:-whole}" >differ || fail "$2: $(head -n 3 differ)"; }

# --- nothing to do, damage, other options, all again
cp -r whole set
files=$(stat -c '%n %i %y' set/*)
expect 0 "$LLMPI" shard shard.yaml
contains err "keeping 3 of 3 shards"
contains err "nothing to do: the 3 shards of each split in set are complete"
[ "$files" = "$(stat -c '%n %i %y' set/*)" ] || fail "a finished set was touched"
size=$(stat -c %s set/validation-00001-of-00003.h5)
printf 'x' | dd of=set/validation-00001-of-00003.h5 bs=1 seek=$((size / 2)) conv=notrunc status=none
cp whole/train-00000-of-00003.h5 set/train-00002-of-00003.h5
rm set/tokenizer.json
expect 0 "$LLMPI" shard shard.yaml
contains err "keeping 1 of 3 shards"
contains err "writing 2 of 3 shards: 0 not complete, 1 of other inputs or options, 1 damaged"
contains err "set/validation-00001-of-00003.h5: tokens: elements"
contains err "shard 1 is written again"
same set "repaired"
expect 0 "$LLMPI" shard shard.yaml --fresh
[ "$files" != "$(stat -c '%n %i %y' set/*)" ] || fail "--fresh wrote nothing"
same set "--fresh"
for change in --corpus.validation_fraction=0.2 --corpus.split=tail --shards.packing=split --corpus.max_documents=800 \
    --corpus.on_error=skip --corpus.document_separator=x; do
    expect 0 "$LLMPI" shard shard.yaml $change
    contains err "writing 3 of 3 shards: 0 not complete, 3 of other inputs or options, 0 damaged"
done
cp corpus.jsonl changed.jsonl
expect 0 "$LLMPI" shard shard.yaml --corpus.inputs=changed.jsonl
printf 'X' | dd of=changed.jsonl bs=1 seek=60 conv=notrunc status=none
expect 0 "$LLMPI" shard shard.yaml --corpus.inputs=changed.jsonl
contains err "3 of other inputs or options"
# The user's own tokenizer in the folder of the shards stays as it is; another one is replaced.
mkdir own
/usr/bin/python3 -c 'import json; json.dump(json.load(open("tokenizer.json")), open("own/tokenizer.json", "w"), indent=9)'
cp own/tokenizer.json written.json
expect 0 "$LLMPI" shard shard.yaml --tokenizer.path=own/tokenizer.json --shards.directory=own
cmp own/tokenizer.json written.json || fail "the tokenizer that was read was written over"
echo '{}' >own/tokenizer.json
expect 0 "$LLMPI" shard shard.yaml --shards.directory=own
cmp own/tokenizer.json whole/tokenizer.json || fail "a broken tokenizer stayed in the folder of the shards"
# In the middle, where only the time tells; the shards are those that the changed text always gives.
expect 0 "$LLMPI" shard shard.yaml --corpus.inputs=changed.jsonl
contains err "nothing to do"
printf 'X' | dd of=changed.jsonl bs=1 seek=$(($(stat -c %s changed.jsonl) / 2)) conv=notrunc status=none
expect 0 "$LLMPI" shard shard.yaml --corpus.inputs=changed.jsonl
contains err "writing 3 of 3 shards: 0 not complete, 0 of other inputs or options, 0 damaged, 3 older than an input"
expect 0 "$LLMPI" shard shard.yaml --corpus.inputs=changed.jsonl --shards.directory=again
same set "changed in the middle" again

# --- killed before every rename and every fsync of one rank
if ldd "$LLMPI" | grep -q libasan; then
    echo "note: the sanitizers cannot be combined with a preloaded library: not killed at every call"
else
    cc -shared -fPIC -O1 -o failing.so "$LLMPI_SOURCE/tests/fault/failing_calls.c" -ldl || exit 1
    # kill_at CALL N: false when the program makes fewer such calls.
    kill_at() {
        rm -f mark
        (FAIL_BY_KILLING=1 FAIL_CALL=$1 FAIL_AT=$2 FAIL_MARK=$work/mark LD_PRELOAD=$work/failing.so \
            exec "$LLMPI" shard shard.yaml 2>/dev/null)
        [ -e mark ]
    } 2>/dev/null
    for call in rename fsync; do
        for ((at = 1; ; at++)); do
            rm -rf set
            kill_at $call $at || break
            [ -e set/lock ] || fail "no lock in the folder of a running job"
            expect 0 "$LLMPI" shard shard.yaml
            same set "killed at $call $at"
        done
        [ $at -gt 7 ] || fail "only $at calls of $call: not every moment was tried"
    done
    rm -rf set
    kill_at rename 4
    expect 0 "$LLMPI" shard shard.yaml
    contains err "keeping 1 of 3 shards"
    contains err "writing 2 of 3 shards: 2 not complete, 0 of other inputs or options, 0 damaged"
    # Over a set of other options: the mixture is refused until the run is done.
    expect 0 "$LLMPI" shard shard.yaml --corpus.validation_fraction=0.2
    kill_at rename 3
    expect 1 "$LLMPI" train shard.yaml --run.directory=run --train.steps=1
    contains err "set/train-00001-of-00003.h5 is of another run than shard 0: run \`llmpi shard\` to its end"
    rm set/train-0000[12]* set/validation-0000[12]*
    expect 0 "$LLMPI" shard shard.yaml --shards.count=1 --corpus.validation_fraction=0.2
    rm -rf mixed && cp -r set mixed
    expect 0 "$LLMPI" shard shard.yaml --shards.count=1
    cp mixed/validation-00000-of-00001.h5 set
    expect 1 "$LLMPI" train shard.yaml --run.directory=run --train.steps=1
    contains err "the validation shards in set are of another run than the train shards"
fi

# --- 1, 2 and 3 ranks killed together when some file appears, or a little later; twice, then left alone
kill_when() {
    local ranks=$1 files=$2 pid
    shift 2
    mpirun -q -n "$ranks" "$LLMPI" shard shard.yaml "$@" >/dev/null 2>&1 &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ "$(find set -name '*.h5*' 2>/dev/null | wc -l)" -lt "$files" ]; do :; done
    sleep "0.0$((RANDOM % 5))"
    kill -9 $(pgrep -P $pid) $pid 2>/dev/null
    wait $pid 2>/dev/null
}
for inputs in corpus.jsonl corpus.jsonl.gz; do
    for ranks in 1 2 3; do
        rm -rf set
        kill_when $ranks $((RANDOM % 3 + 1)) --corpus.inputs=$inputs
        kill_when $ranks $((RANDOM % 6 + 1)) --corpus.inputs=$inputs
        left=$(find set -name '*.h5' 2>/dev/null | wc -l)
        expect 0 ranks $ranks "$LLMPI" shard shard.yaml --corpus.inputs=$inputs
        echo "$ranks ranks, $inputs: $left files were left, $(grep -o 'keeping . of 3' err || echo keeping none)"
        [ $inputs = corpus.jsonl ] && same set "$ranks ranks" || same set "$ranks ranks" whole-gz
    done
done
finish
