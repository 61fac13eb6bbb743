#!/usr/bin/env bash
# `llmpi inspect`: shows and verifies every kind of file, and goes on after a damaged one.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
complain() { echo "FAILED: $*"; failed=1; }
# Output of a command that must end with this status; the text must be in it.
expect() {
    local status=$1 text=$2
    shift 2
    "$LLMPI" "$@" >out.txt 2>&1
    local code=$?
    [ "$code" -eq "$status" ] || complain "'$*' ended with $code, not $status: $(cat out.txt)"
    grep -qF -- "$text" out.txt || complain "'$*' did not say '$text' but: $(cat out.txt)"
}

for i in $(seq 200); do echo "{\"text\": \"number $i is\\ta \\u001b[31m thing\\n\"}"; done >corpus.jsonl
cat >config.yaml <<'YAML'
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.2}
tokenizer: {path: tokenizer.json, vocab_size: 280}
shards: {directory: ., count: 1}
YAML
"$LLMPI" tokenizer train config.yaml 2>log.txt || { cat log.txt; exit 1; }
"$LLMPI" shard config.yaml 2>log.txt || { cat log.txt; exit 1; }
cat >metrics.jsonl <<'JSON'
{"step": 1, "loss": 5.5, "tokens": 100, "tokens_per_second": 10.5}
{"step": 2, "loss": 5, "tokens": 200, "tokens_per_second": 20.5}
{"step": 2, "validation_loss": 5.25}
{"step": 2, "prompt": "a", "sample": "b"}
JSON
shard=train-00000-of-00001.h5

expect 0 "token shard" inspect $shard
grep -qE '^  documents +1[0-9][0-9]$' out.txt || complain "documents: $(cat out.txt)"
expect 0 "280 tokens" inspect tokenizer.json
expect 0 '"<|endoftext|>"' inspect tokenizer.json
expect 0 "validation_fraction: 0.2" inspect config.yaml
expect 0 "5.2500 at step 2" inspect metrics.jsonl
expect 0 "1 to 2" inspect metrics.jsonl

# --- windows: targets are the inputs one further on; control characters never reach the terminal
expect 0 "input" inspect $shard --windows=3 --context=10
[ "$(grep -c '  input ' out.txt)" -eq 3 ] || complain "not three windows: $(cat out.txt)"
[ "$(grep -c '  as text ' out.txt)" -eq 6 ] || complain "no text, though the tokenizer lies beside the shard: $(cat out.txt)"
mkdir lonely && cp $shard lonely
expect 0 "ids only: no tokenizer.json beside the shard" inspect lonely/$shard --windows=3 --context=10
/usr/bin/python3 - <<'PYTHON' || complain "inputs and targets do not fit: $(cat out.txt)"
rows = [line.split() for line in open("out.txt") if line.startswith(("  input", "  target"))]
ids = [[int(i) for i in row[1:]] for row in rows]
assert all(len(row) == 10 for row in ids)
for i in range(0, 6, 2):
    assert ids[i][1:] == ids[i + 1][:-1]
    assert i == 4 or ids[i + 1][-1] == ids[i + 2][0], "windows do not follow each other"
PYTHON
expect 0 '\u001b[31m thing\n' inspect $shard --windows=2 --context=40 --tokenizer=tokenizer.json
grep -q $'\x1b' out.txt && complain "an escape character was printed"
expect 0 "the shard holds" inspect $shard --windows=1000000
expect 2 "--windows shows token shards" inspect tokenizer.json --windows=1
expect 2 "--windows" inspect $shard --windows=0
expect 2 "--windows" inspect $shard --windows=many
sed 's/280/279/' config.yaml >other.yaml
"$LLMPI" tokenizer train other.yaml --tokenizer.path=other.json 2>/dev/null
expect 1 "was made with tokenizer" inspect $shard --windows=1 --tokenizer=other.json
expect 1 "nowhere.json" inspect $shard --windows=1 --tokenizer=nowhere.json

# --- verify: one line per file, damage of one does not hide another
expect 0 "$shard: whole" inspect --verify $shard validation-00000-of-00001.h5 tokenizer.json metrics.jsonl config.yaml
[ "$(grep -c ': whole$' out.txt)" -eq 5 ] || complain "not five whole files: $(cat out.txt)"
head -c 3000 $shard >short.h5
echo '{"step": 3, "loss"' >>metrics.jsonl
echo '{"version": ' >broken.json
echo 'train: {stepz: 5}' >wrong.yaml
echo text >notes.txt
expect 1 "6 of 8 files cannot be used" inspect --verify short.h5 missing.h5 $shard metrics.jsonl broken.json wrong.yaml notes.txt tokenizer.json
grep -q "short.h5 is truncated" out.txt || complain "short.h5: $(cat out.txt)"
grep -q "missing.h5: No such file" out.txt || complain "missing.h5: $(cat out.txt)"
grep -q "metrics.jsonl:5" out.txt || complain "metrics.jsonl: $(cat out.txt)"
grep -q "stepz" out.txt || complain "wrong.yaml: $(cat out.txt)"
grep -q "notes.txt is none of the files" out.txt || complain "notes.txt: $(cat out.txt)"
[ "$(grep -c ': whole$' out.txt)" -eq 2 ] || complain "not two whole files: $(cat out.txt)"
expect 1 "is a folder" inspect .

# --- safetensors, as a file and as a folder (GGUF: gguf.py)
mkdir model
/usr/bin/python3 - <<'PYTHON'
import json, struct
header = {"__metadata__": {"format": "pt\x1b"}, "a.weight": {"dtype": "F16", "shape": [2, 3], "data_offsets": [4, 16]},
          "b\n": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]}}
text = json.dumps(header).encode()
open("model/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + bytes(16))
open("model/config.json", "w").write('{"model_type": "gpt2", "n_embd": 8, "layer_norm_epsilon": 1e-05, "x": null, "list": [1, 2]}')
PYTHON
expect 0 'pt\u001b' inspect model/model.safetensors
grep -qE '^  a.weight +F16 +2 x 3 +6 +12$' out.txt || complain "a.weight: $(cat out.txt)"
grep -qE '^  b\\n +I32 +1 +1 +4$' out.txt || complain "b: $(cat out.txt)"
grep -qE '^  elements +7$' out.txt || complain "elements: $(cat out.txt)"
expect 0 'folder of a model' inspect model
grep -qE '^  layer_norm_epsilon +1e-05$' out.txt || complain "config.json: $(cat out.txt)"
grep -qE '^  a.weight +F16 +2 x 3 +6 +12$' out.txt || complain "a.weight in the folder: $(cat out.txt)"
expect 0 "model: whole" inspect --verify model model/model.safetensors
echo '{' >model/config.json
expect 1 "config.json" inspect model
head -c 60 model/model.safetensors >cut.safetensors
expect 1 "its header has" inspect cut.safetensors
expect 2 "FILE" inspect

[ "$failed" -eq 0 ] && echo "inspect shows and verifies"
exit "$failed"
