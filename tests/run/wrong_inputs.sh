#!/usr/bin/env bash
# What goes wrong, the one message that says so, and the exit status: 2 for the command line and the configuration, 1 for
# everything else.
. "$(dirname "$0")/common.sh"
prepare_tiny
expect 0 "$LLMPI" train tiny.yaml

# wrong STATUS MESSAGE ARGUMENTS...: exactly one line of error, which has the message.
wrong() {
    local status=$1 message=$2
    shift 2
    expect "$status" "$LLMPI" "$@"
    contains err "$message"
    [ "$(grep -c 'llmpi: error: ' err)" -eq 1 ] || { fail "not one line of error: $*"; cat err; }
}
flip_middle() { python3 -c "
import sys
data = bytearray(open(sys.argv[1], 'rb').read()); data[len(data) // 2] ^= 4; open(sys.argv[1], 'wb').write(data)" "$1"; }

# The command line and the configuration.
wrong 2 "no command 'frain': \`llmpi --help\` lists the commands" frain
wrong 2 "an argument is missing: usage: llmpi train CONFIG" train
wrong 2 "cannot read configuration missing.yaml: No such file or directory" train missing.yaml
wrong 2 "unknown option 'train.stepz'; the nearest is 'train.steps'" train tiny.yaml --train.stepz=3
wrong 2 "train.steps is '-3' but must be a whole number in [1, 1000000000]" train tiny.yaml --train.steps=-3
wrong 2 "model.n_embd is 32 but must be a multiple of model.n_head, which is 5" train tiny.yaml --model.n_head=5
printf 'train:\n  steps: 4\n  stepz: 4\n' >bad.yaml
wrong 2 "bad.yaml:3: unknown option 'train.stepz'; the nearest is 'train.steps'" train bad.yaml
printf 'train:\n  steps: four\n' >bad.yaml
wrong 2 "bad.yaml:2: train.steps is 'four' but must be a whole number in [1, 1000000000]" train bad.yaml
wrong 2 "shards.end_token: 'nothing' is no token of tokenizer.json; did you mean '<|endoftext|>'?" shard tiny.yaml --shards.end_token=nothing

# Files that are not there or not what they should be.
wrong 1 "missing.jsonl: no such file, and no file matches it as a pattern" shard tiny.yaml --corpus.inputs=missing.jsonl
wrong 1 "cannot read missing.json: No such file or directory" shard tiny.yaml --tokenizer.path=missing.json
wrong 1 "cannot read missing: No such file or directory: run \`llmpi shard\` first" train tiny.yaml --run.directory=a --shards.directory=missing
wrong 1 "cannot read missing: No such file or directory" generate missing
wrong 1 "a: no checkpoint in this run directory" generate a
wrong 1 "corpus.jsonl is no llmpi checkpoint" generate corpus.jsonl
printf '{"text": "one"}\n{"text": \n' >broken.jsonl
wrong 1 "broken.jsonl:2: " shard tiny.yaml --corpus.inputs=broken.jsonl

# A sum of words that is zero has no neighbors; it is not an empty answer.
wrong 1 "'the - the' has no neighbors: its place in the embedding is zero" neighbors run the - the

# A byte order mark before prompts, a task and a tokenizer is skipped, as it is before a corpus.
printf '\357\273\277{"prompt": "Once"}\n' >marked.jsonl
expect 0 "$LLMPI" generate run --prompts=marked.jsonl --output=- --tokens=2
contains out '{"prompt": "Once", "completion": '
printf '\357\273\277{"context": "Once", "continuation": " upon"}\n' >marked.jsonl
expect 0 "$LLMPI" evaluate run --tasks=marked.jsonl
{ printf '\357\273\277' && cat tokenizer.json; } >marked.json
expect 0 "$LLMPI" tokenizer info marked.json

# Damage.
cp -r shards damaged
truncate -s 20000 damaged/train-00001-of-00003.h5
wrong 1 "damaged/train-00001-of-00003.h5 is truncated: it has 20000 bytes" train tiny.yaml --run.directory=b --shards.directory=damaged
cp shards/train-00001-of-00003.h5 damaged && flip_middle damaged/train-00001-of-00003.h5
wrong 1 "damaged/train-00001-of-00003.h5: tokens: elements " train tiny.yaml --run.directory=c --shards.directory=damaged
contains err "are damaged (checksum)"
wrong 1 "1 of 6 files cannot be used" inspect --verify damaged/*.h5
contains out "damaged/train-00001-of-00003.h5: tokens: elements "
rm damaged/train-00001-of-00003.h5
wrong 1 "shard 1 of 3 is missing: damaged/train-00001-of-00003.h5" train tiny.yaml --run.directory=d --shards.directory=damaged
cp -r run bent && flip_middle bent/checkpoints/step-00000020.h5
wrong 1 "bent/checkpoints/step-00000020.h5 is damaged: its digest is " generate bent/checkpoints/step-00000020.h5
truncate -s -1 bent/checkpoints/step-00000015.h5
wrong 1 "bent/checkpoints/step-00000015.h5 is truncated: " generate bent/checkpoints/step-00000015.h5
expect 0 "$LLMPI" train tiny.yaml --run.directory=bent
contains err "bent/checkpoints/step-00000020.h5 is damaged"
contains err "continuing from bent/checkpoints/step-00000010.h5 (step 10)"
for file in bent/checkpoints/*; do flip_middle "$file"; done
wrong 1 "no whole checkpoint is left in bent/checkpoints" train tiny.yaml --run.directory=bent

# Things that do not belong together.
wrong 2 "model.n_embd is 64 but the checkpoint was made with 32" train tiny.yaml --model.n_embd=64 --train.steps=30
expect 0 "$LLMPI" tokenizer train tiny.yaml --tokenizer.path=other.json --tokenizer.vocab_size=300
wrong 1 "the train shards in shards were made with tokenizer " train tiny.yaml --tokenizer.path=other.json --run.directory=e
wrong 1 "a window needs model.context_length + 1 = 1000001 in one shard" train tiny.yaml --run.directory=f --model.context_length=1000000
wrong 1 ": the loss is " train tiny.yaml --run.directory=g --train.learning_rate=10 --train.weight_decay=1 --train.grad_clip=0 --train.steps=200 --evaluate.every=0
contains err "both must be finite; the parameters are left as after step"

# Folders that cannot be written, and a full disk.
wrong 1 "cannot make folder /proc/llmpi: No such file or directory" train tiny.yaml --run.directory=/proc/llmpi
mkdir full
if mount -t tmpfs -o size=300k tmpfs full 2>/dev/null; then
    wrong 1 "step 20 is not saved: cannot write full/run/checkpoints/step-00000020.h5: No space left on device" train tiny.yaml --run.directory=full/run
    [ -z "$(ls full/run/checkpoints)" ] || fail "a failed save left files behind"
    rm -rf full/*
    wrong 1 "No space left on device" shard tiny.yaml --shards.directory=full/shards
    [ -z "$(ls full/shards | grep tmp)" ] || fail "a failed shard left temporary files behind"
    rm -rf full/*
    wrong 1 "No space left on device" corpus generate --documents=5000 --output=full/corpus.jsonl
    [ -z "$(ls full)" ] || fail "a failed corpus left files behind"
    umount full
else
    echo "not tested here: a full disk (mounting a tmpfs is not allowed)"
fi

# With several ranks there is still one message.
expect 1 ranks 3 "$LLMPI" train tiny.yaml --run.directory=h --shards.directory=missing
[ "$(grep -c 'llmpi: error: ' err)" -eq 1 ] || { fail "several messages from three ranks"; cat err; }
finish
