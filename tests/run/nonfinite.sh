#!/usr/bin/env bash
# Losses that are not finite, and spikes: the update is left out on all ranks alike, or the run goes back to its newest
# checkpoint, and a run that is continued judges spikes as one that was not interrupted. LLMPI_BAD_SEQUENCE makes the loss of one
# sequence not finite; step n has sequences 8 n - 8 to 8 n - 1.
# shellcheck disable=SC2154
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c "import h5py" 2>/dev/null || { echo "skipped: no h5py"; exit 77; }
prepare_tiny
sed -i 's/evaluate: {every: 10/evaluate: {every: 0/' tiny.yaml

# train NAME OPTION...: on two ranks
train() { ranks 2 "$LLMPI" train tiny.yaml --run.directory="$@"; }

# --- left out: step 8 of one rank's last sequence; the parameters after it are those before it
export LLMPI_BAD_SEQUENCE=63
for wire in fp32 allreduce; do
    expect 0 train "skip-$wire" --train.on_nonfinite=skip --checkpoint.every=1 --train.steps=12 \
        $([ $wire = fp32 ] || echo --train.exchange=allreduce)
    [ "$(grep -c "warning: .*step 8: the loss is nan and the gradient's norm .*: its update is left out" err)" -eq 1 ] ||
        fail "$wire: not one warning: $(cat err)"
done
expect 0 env LLMPI_TEAM_SIZE=1 mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory=skip-bf16 --train.on_nonfinite=skip \
    --checkpoint.every=1 --train.steps=12 --train.wire=bf16
expect 0 "$LLMPI" inspect skip-fp32/metrics.jsonl
contains out "1 to 12"
expect 1 train stop --train.steps=12
contains err "step 8: the loss is nan"

# --- back to step 5, and on with the data after step 8
expect 0 train back --train.on_nonfinite=rollback --train.steps=12
contains err "back to the checkpoint of step 5, and on with the data after step 8"
unset LLMPI_BAD_SEQUENCE

# --- nothing helps: ten in a row, no checkpoint, the same checkpoint again and again
wild="--train.learning_rate=10 --train.weight_decay=10 --train.grad_clip=0 --train.warmup_steps=0 --train.steps=2000"
expect 1 train wild --train.on_nonfinite=skip --checkpoint.every=0 $wild
contains err "it is the 10th step in a row whose update is left out"
expect 1 train wild-back --train.on_nonfinite=rollback --checkpoint.every=0 $wild
contains err "there is no checkpoint to go back to"
expect 1 train wild-again --train.on_nonfinite=rollback --checkpoint.every=1 $wild
contains err "after 3 returns to the checkpoint of step"

# --- spikes, with a limit so low, and a loss so flat, that there are some; the interrupted run remembers the losses before
spikes="--train.spike_threshold=0.5 --train.spike_window=8 --train.schedule=constant --train.learning_rate=1e-6"
expect 0 train spikes $spikes --train.steps=30
expect 0 train parts $spikes --train.steps=13
expect 0 train parts $spikes --train.steps=22
expect 0 train parts $spikes --train.steps=30
expect 2 train local --train.local_steps=4 --train.spike_threshold=6
contains err "train.on_nonfinite must be stop and train.spike_threshold 0"

/usr/bin/python3 - <<'PYTHON' || fail "see above"
import json
import h5py
def rows(name):
    timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
    lines = [json.loads(line, parse_constant=lambda word: 1 / 0) for line in open(f"{name}/metrics.jsonl")]
    return [{k: v for k, v in row.items() if not timed(k)} for row in lines if "loss" in row]
def tensor(name, step, key="wte.weight"):
    with h5py.File(f"{name}/checkpoints/step-{step:08}.h5") as file:
        return file[key][:], file.attrs["sequences"]
for name in "skip-fp32", "skip-allreduce", "skip-bf16":
    steps = rows(name)
    assert [row["step"] for row in steps] == list(range(1, 13)), name
    assert [row["step"] for row in steps if row.get("skipped")] == [8] and steps[7]["loss"] is None, (name, steps[7])
    for key in "wte.weight", "h.1.mlp.c_fc.weight", "optimizer/exp_avg/wte.weight":
        before, same, after = (tensor(name, step, key)[0] for step in (7, 8, 9))
        assert (before == same).all() and (same != after).any(), (name, key)
steps = rows("back")
assert [row["step"] for row in steps] == list(range(1, 13)) and all(row["loss"] for row in steps)
assert tensor("back", 12)[1] == (12 + 3) * 8, tensor("back", 12)[1]
whole = rows("spikes")
skipped = [row["step"] for row in whole if row.get("skipped")]
print("spikes in steps", skipped)
assert any(step <= 13 for step in skipped) and any(step > 13 for step in skipped) and min(skipped) > 4
assert whole == rows("parts"), "a continued run judges otherwise"
PYTHON
finish
