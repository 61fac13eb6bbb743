#!/usr/bin/env bash
# train.document_mask: the same losses on one and two ranks, other losses than without it, the same in `evaluate`; and what
# is said where no token parts the documents. The arithmetic is tests/unit/test_document_mask.c's.
. "$(dirname "$0")/common.sh"
prepare_tiny
masked="--train.document_mask=true --train.slots=2"
expect 0 "$LLMPI" train tiny.yaml --run.directory=joined --train.slots=2
expect 0 "$LLMPI" train tiny.yaml --run.directory=one $masked
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=two $masked
expect 0 "$LLMPI" evaluate tiny.yaml --checkpoint=one --json
cp out evaluated.json
python3 - <<'PYTHON' || fail "the losses are not those of a mask"
import json
def losses(name):
    rows = [json.loads(line) for line in open(f"{name}/metrics.jsonl")]
    return [row["loss"] for row in rows if "loss" in row] + [row["validation_loss"] for row in rows if "validation_loss" in row]
joined, one, two = losses("joined"), losses("one"), losses("two")
assert len(one) == 22
assert one == two, (one, two)  # two slots are added in one order on any number of ranks
assert one[-1] != joined[-1] and one[19] != joined[19]  # the first windows may lie within documents
assert json.load(open("evaluated.json"))["loss"] == one[-1]
PYTHON

# Continuing without the mask would be another run.
expect 2 "$LLMPI" train tiny.yaml --run.directory=one --train.steps=21
contains err "train.document_mask is false but the checkpoint was made with true"

# A token that parts documents must be there, and be the one of the shards.
expect 2 "$LLMPI" train tiny.yaml --run.directory=none $masked --shards.end_token='<|end|>'
contains err "shards.end_token '<|end|>' is no token of the tokenizer"
expect 1 "$LLMPI" train tiny.yaml --run.directory=none $masked --shards.end_token=a
contains err "its documents end with token 0, not with"

# The shards of llm.c: nothing says where documents are, except the token that they begin with.
/usr/bin/python3 - <<'PYTHON' || fail "cannot write shards of llm.c"
import os, random, struct
os.mkdir("bare")
random.seed(1)
for name in "train", "val":
    tokens = [0 if random.random() < 0.1 else random.randrange(1, 512) for _ in range(3000)]
    with open(f"bare/{name}_000.bin", "wb") as file:
        file.write(struct.pack("<256i", 20240520, 1, len(tokens), *[0] * 253))
        file.write(struct.pack(f"<{len(tokens)}H", *tokens))
PYTHON
for mask in false true; do
    expect 0 "$LLMPI" train tiny.yaml --run.directory=bare-$mask --shards.directory=bare --train.document_mask=$mask --train.steps=2
    grep -o '"loss": [^,]*' bare-$mask/metrics.jsonl >bare-$mask.losses
done
cmp -s bare-false.losses bare-true.losses && fail "shards of llm.c are not masked"
finish
