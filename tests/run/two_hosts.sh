#!/usr/bin/env bash
# Training between two hosts: parts that travel in messages give the losses of MPI_Allreduce on the same ranks, and with
# slots the bits of one host. Sums of fp32 gradients in another order differ by about 1e-7 a step; 1e-5 leaves room for
# that to grow over 20 steps. A bf16 wire rounds each gradient and each parameter to 8 bits, which is 2e-3 of them.
. "$(dirname "$0")/common.sh"
. "$LLMPI_SOURCE/tests/run/netns.sh"
hosts_up
prepare_tiny
options=(--model.dropout=0.1 --evaluate.every=0 --checkpoint.every=20)

for each in 1 2; do
    for way in "sharded fp32" "allreduce fp32" "sharded bf16"; do
        read -r exchange wire <<<"$way"
        expect 0 host_ranks $each "$LLMPI" train tiny.yaml --run.directory="run-$each-$exchange-$wire" \
            --train.exchange="$exchange" --train.wire="$wire" "${options[@]}"
        [ "$exchange" = allreduce ] || contains err "in 2 groups"
    done
    expect 0 host_ranks $each "$LLMPI" train tiny.yaml --run.directory="run-slots-$each" --train.slots=4 "${options[@]}"
done
expect 0 ranks 1 "$LLMPI" train tiny.yaml --run.directory=run-slots --train.slots=4 "${options[@]}"

/usr/bin/python3 - <<'PYTHON' || fail "two hosts train differently"
import json
def losses(name):
    rows = [json.loads(line) for line in open(f"run-{name}/metrics.jsonl")]
    values = [row["loss"] for row in rows if "loss" in row]
    assert len(values) == 20, (name, len(values))
    return values
def difference(one, other):
    return max(abs(a - b) / a for a, b in zip(losses(one), losses(other)))
for each in 1, 2:
    plain, rounded = (difference(f"{each}-allreduce-fp32", f"{each}-sharded-{wire}") for wire in ("fp32", "bf16"))
    print(f"2 hosts x {each}: fp32 {plain:.1e}, bf16 {rounded:.1e}")
    assert plain <= 1e-5 and 0 < rounded <= 2e-3, (plain, rounded)
    assert losses(f"slots-{each}") == losses("slots"), f"slots, 2 hosts x {each}"
PYTHON
finish
