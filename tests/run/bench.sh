#!/usr/bin/env bash
# `llmpi bench tokenizer`: what it counts is what is there, its ids are those of `tokenizer encode`, and wrong usage is
# said. Speeds are only looked at for being positive.
. "$(dirname "$0")/common.sh"
prepare_tiny

expect 0 "$LLMPI" bench tokenizer tokenizer.json corpus.jsonl --rounds=2 --json
cp out result.json
/usr/bin/python3 - <<'PYTHON' || fail "the report does not fit the corpus"
import json
report = json.load(open("result.json"))
texts = [json.loads(line)["text"] for line in open("corpus.jsonl")]
assert report["documents"] == len(texts), report
assert report["bytes"] == sum(len(text.encode()) for text in texts), report
assert report["rounds"] == 2 and 0 < report["tokens"] < report["bytes"], report
assert report["tokens"] >= report["words"] > report["documents"], report
assert report["encode_mb_per_second"] >= report["encode_median_mb_per_second"] > 0, report
assert report["split_mb_per_second"] > 0 and report["nanoseconds_per_word"] > 0, report
open("one.text", "w").write(texts[0])
PYTHON

expect 0 "$LLMPI" bench tokenizer tokenizer.json one.text --ids=ids
contains out "encoding"
contains out "splitting"
"$LLMPI" tokenizer encode tokenizer.json --format=u32 <one.text >expected
cmp -s ids expected || fail "bench encodes otherwise than tokenizer encode"

expect 2 "$LLMPI" bench
expect 2 "$LLMPI" bench nonsense
contains err "no 'nonsense'"
expect 2 "$LLMPI" bench tokenizer tokenizer.json
expect 2 "$LLMPI" bench tokenizer tokenizer.json one.text --rounds=0
expect 1 "$LLMPI" bench tokenizer tokenizer.json missing.jsonl
finish
