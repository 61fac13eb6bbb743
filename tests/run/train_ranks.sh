#!/usr/bin/env bash
# The same run on 1, 2, 3 and 4 ranks (3 does not divide the batch of 8, and neither does the micro-batch): the losses
# differ by rounding only. Rounding of sums of fp32 gradients in another order is about 1e-7 a step; 1e-5 leaves room
# for it to grow over 20 steps.
. "$(dirname "$0")/common.sh"
prepare_tiny
for size in 1 2 3 4; do
    expect 0 ranks $size "$LLMPI" train tiny.yaml --run.directory="run-$size" --model.dropout=0.1
done
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=run-waiting --train.steps=1 --train.batch_size=2
contains err "hint: 1 of 3 ranks have nothing to compute because train.batch_size is 2"
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=run-slots --model.dropout=0.1 --train.slots=5
python3 - <<'PYTHON' || fail "losses differ between numbers of ranks"
import json, sys
def losses(name):
    rows = [json.loads(line) for line in open(f"run-{name}/metrics.jsonl")]
    return [row["loss"] for row in rows if "loss" in row], [row["validation_loss"] for row in rows if "validation_loss" in row]
reference, held_out = losses(1)
assert len(reference) == 20 and len(held_out) == 2, (len(reference), len(held_out))
assert reference[-1] < reference[0]
worst = 0
for name in (2, 3, 4, "slots"):
    other, other_held_out = losses(name)
    assert len(other) == 20
    worst = max([worst] + [abs(a - b) / a for a, b in zip(reference + held_out, other + other_held_out)])
print("largest relative difference", worst)
sys.exit(worst > 1e-5)
PYTHON
finish
