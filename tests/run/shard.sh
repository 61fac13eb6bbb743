#!/usr/bin/env bash
# `llmpi shard`: the same bytes from 1, 2, 3 and 5 ranks, every token where it belongs, and wrong inputs.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
complain() { echo "FAILED: $*"; failed=1; }
same() { cmp -s "$1" "$2" || complain "$1 and $2 differ"; }
# Runs the command, which must fail with this status and this text in its message.
refused() {
    local status=$1 text=$2
    shift 2
    "$LLMPI" "$@" >out.txt 2>&1
    local code=$?
    [ "$code" -eq "$status" ] || complain "'$*' ended with $code, not $status"
    grep -qF -- "$text" out.txt || complain "'$*' did not say '$text' but: $(tail -1 out.txt)"
}

# Reads the shards in `out` with h5py: the documents of the corpus, byte for byte, whole or cut once by `tail`.
check_contents() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import glob, h5py, json, sys
tail, begin = sys.argv[1].startswith("tail"), "begin_token" in sys.argv[1]
vocab = json.load(open("tokenizer.json"))["model"]["vocab"]
shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
rest = [b for b in range(256) if b not in shown]
byte = {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(rest)}
text = {i: bytes(byte[c] for c in t) for t, i in vocab.items() if i > 1}
wanted = [json.loads(line)["text"].encode() for line in open("corpus.jsonl")] + [open("other.txt", "rb").read()]
found, sizes = [], {"train": 0, "validation": 0}
for shard in range(4):
    pieces = {}
    for split in sizes:
        file = h5py.File(f"out/{split}-{shard:05d}-of-00004.h5", "r")
        ids, starts = file["tokens"][:].tolist(), file["document_starts"][:].tolist()
        assert file["tokens"].dtype == "uint16" and file["tokens"].fletcher32
        assert file.attrs["split"].decode() == split and file.attrs["shard"] == shard
        assert file.attrs["token_count"] == len(ids) and file.attrs["document_count"] == len(starts)
        assert file.attrs["inputs"].decode() == "corpus.jsonl\nother.txt"
        sizes[split] += len(ids)
        bounds = starts + [len(ids)]
        pieces[split] = [ids[a:b] for a, b in zip(bounds, bounds[1:])]
        assert sum(len(text.get(i, b"")) for i in ids) == file.attrs["byte_count"]
    if tail:
        assert len(sum(pieces["validation"], [])) == int(0.1 * len(sum(pieces["train"] + pieces["validation"], [])))
        if pieces["train"] and pieces["train"][-1][-1] != 0:
            pieces["train"][-1] += pieces["validation"].pop(0)
    found += pieces["train"] + pieces["validation"]
documents = []
for ids in found:
    assert ids[-1] == 0 and ids.count(0) == 1, "one end token, at the end"
    assert ids.count(1) == begin and (not begin or ids[0] == 1), "one begin token, at the beginning"
    documents.append(b"".join(text.get(i, b"") for i in ids))
assert sorted(documents) == sorted(wanted), "other documents than in the corpus"
share = sizes["validation"] / sum(sizes.values())
assert 0.05 < share < 0.2 or not tail and share < 0.9, share  # one document is a third of the corpus
PYTHON
}

# A tokenizer of single bytes and one merge, and documents of 3 to 400 words: several segments of 64 KiB.
/usr/bin/python3 - <<'PYTHON' || exit 1
import json, random
random.seed(5)
shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
rest = [b for b in range(256) if b not in shown]
alphabet = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(rest)}
tokens = ["<|endoftext|>", "<|begin|>"] + sorted(alphabet.values()) + ["th"]
json.dump({
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [{"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": False, "special": True} for i in (0, 1)],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
              "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
              "vocab": {t: i for i, t in enumerate(tokens)}, "merges": ["t h"]}}, open("tokenizer.json", "w"))
words = "the of thé 千 and to in a is that <|endoftext|> for it".split()
with open("corpus.jsonl", "w") as out:
    for i in range(900):
        text = " ".join(random.choice(words) for _ in range(random.randint(3, 400)))
        out.write(json.dumps({"text": text, "id": i}) + "\n")
with open("other.txt", "w") as out:
    out.write(" ".join(random.choice(words) for _ in range(60000)))
PYTHON
cat >shard.yaml <<'YAML'
corpus:
  inputs: [corpus.jsonl, other.txt]
  validation_fraction: 0.1
tokenizer: {path: tokenizer.json}
shards: {directory: out, count: 4}
YAML

# --- the same bytes, for each way to split
for split in "--corpus.split=hash" "--corpus.split=tail" "--corpus.validation_inputs=other.txt --corpus.inputs=corpus.jsonl"; do
    rm -rf out*
    for ranks in 1 2 3 5; do
        mpirun -n "$ranks" "$LLMPI" shard shard.yaml $split --shards.directory=out$ranks 2>log$ranks.txt ||
            complain "$ranks ranks, $split: $(cat log$ranks.txt)"
        for file in out1/*; do same "$file" "out$ranks/$(basename "$file")"; done
        [ "$(ls out$ranks | wc -l)" -eq 9 ] || complain "$ranks ranks wrote $(ls out$ranks | wc -l) files, not 9"
    done
done

# --- what they hold: the text and nothing else, an end after each document, documents where the split says
h5=$(/usr/bin/python3 -c 'import h5py' 2>/dev/null && echo yes)
if [ "$h5" = yes ]; then
    for options in "hash" "tail" "hash --shards.begin_token=<|begin|>" "tail --shards.begin_token=<|begin|>"; do
        rm -rf out
        "$LLMPI" shard shard.yaml --corpus.split=$options 2>log.txt || complain "$options: $(cat log.txt)"
        check_contents "$options" || complain "contents: $options"
    done
else
    echo "note: no h5py, contents not looked at"
fi

# --- repeated, then with another count: old shards go after success only
"$LLMPI" shard shard.yaml --corpus.split=hash 2>log.txt || complain "again: $(cat log.txt)"
touch out/train-00009-of-00012.h5.tmp out/notes.txt
refused 1 "nothing-here.jsonl" shard shard.yaml --shards.count=3 --corpus.inputs=nothing-here.jsonl
[ -e out/train-00003-of-00004.h5 ] || complain "old shards are gone after a failure"
"$LLMPI" shard shard.yaml --shards.count=3 2>log.txt || complain "another count: $(cat log.txt)"
[ "$(ls out | tr '\n' ' ')" = "notes.txt tokenizer.json train-00000-of-00003.h5 train-00001-of-00003.h5 train-00002-of-00003.h5 \
validation-00000-of-00003.h5 validation-00001-of-00003.h5 validation-00002-of-00003.h5 " ] || complain "left: $(ls out)"
grep -q "removed 8 files of older runs" log.txt || complain "no word about removed files: $(cat log.txt)"

# --- empty splits are said
"$LLMPI" shard shard.yaml --corpus.validation_fraction=0 2>log.txt || complain "no validation: $(cat log.txt)"
grep -q "warning: the validation split is empty" log.txt || complain "no warning about the empty split"

# --- wrong inputs
refused 2 "did you mean '<|endoftext|>'?" shard shard.yaml "--shards.end_token=<|endoftxt|>"
refused 2 "shards.begin_token: '<s>' is no token of tokenizer.json" shard shard.yaml "--shards.begin_token=<s>"
refused 1 "nowhere.json" shard shard.yaml --tokenizer.path=nowhere.json
printf '{"text": "good"}\n{"text": broken\n{"no": 1}\n' >broken.jsonl
refused 1 "broken.jsonl:2" shard shard.yaml --corpus.inputs=broken.jsonl
[ -z "$(ls out | grep tmp)" ] || complain "a failure left $(ls out | grep tmp)"
mpirun -n 3 "$LLMPI" shard shard.yaml --corpus.inputs=broken.jsonl >log.txt 2>&1 && complain "3 ranks took a broken line"
[ "$(grep -c 'error:' log.txt)" -eq 1 ] || complain "not one message from 3 ranks: $(cat log.txt)"
"$LLMPI" shard shard.yaml --corpus.inputs=broken.jsonl --corpus.on_error=skip 2>log.txt || complain "skip: $(cat log.txt)"
grep -q "skipped 2 documents: 0 invalid UTF-8, 1 broken JSON, 1 without text field" log.txt || complain "$(cat log.txt)"
touch file
refused 1 "file" shard shard.yaml --shards.directory=file

[ "$failed" -eq 0 ] && echo "shards are the same for any number of ranks and hold the text"
exit "$failed"
