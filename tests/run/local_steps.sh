#!/usr/bin/env bash
# Local steps (DiLoCo): steps before them are plain training, bit for bit; with one rank and nothing but averaging they are too; a killed run continues
# with the same bits; metrics are whole; a switch to local steps and back goes on; what cannot be is refused.
. "$(dirname "$0")/common.sh"
prepare_tiny

# The mean of one rank's parameters is these parameters.
expect 0 "$LLMPI" train tiny.yaml --run.directory=plain
expect 0 "$LLMPI" train tiny.yaml --run.directory=outer --train.local_steps=1 --train.outer_learning_rate=1 \
    --train.outer_momentum=0 --train.local_after=0
cat >same.py <<'PYTHON'
import h5py, sys
def tensors(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()}) if hasattr(item, "shape") else None)
    return {name: value for name, value in found.items() if name not in ("config", "tokenizer")}
a, b = tensors(sys.argv[1]), tensors(sys.argv[2])
outer = [name for name in b if name.startswith("outer/momentum/")]
if sys.argv[3] == "plain":
    assert len(outer) == len(a) // 3, "no outer momentum in the checkpoint"
    b = {name: value for name, value in b.items() if name not in outer}
assert a.keys() == b.keys(), a.keys() ^ b.keys()
differ = [name for name in a if a[name] != b[name]]
sys.exit(f"{len(differ)} of {len(a)} tensors differ: {differ[:3]}" if differ else 0)
PYTHON
/usr/bin/python3 same.py {plain,outer}/checkpoints/step-00000020.h5 plain || fail "one rank that averages is not plain training"

# Whatever falls due waits for an outer step: after steps 20, 24, ... and the last.
outer="--train.outer_learning_rate=0.7 --train.outer_momentum=0.9" # DiLoCo's: momentum must survive a kill
long="--train.steps=302 --train.local_steps=4 --train.local_after=18 $outer --checkpoint.every=10 --evaluate.every=30"
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=whole $long
mpirun -q -np 3 "$LLMPI" train tiny.yaml --run.directory=killed $long >start.log 2>&1 &
launcher=$!
while kill -0 $launcher 2>/dev/null && [ ! -e "killed/checkpoints/step-00000040.h5" ]; do sleep 0.01; done
kill -KILL $(pgrep -P $launcher) $launcher 2>/dev/null
wait $launcher 2>/dev/null
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=killed $long
contains err "continuing from killed/checkpoints/step-0000"
/usr/bin/python3 same.py {whole,killed}/checkpoints/step-00000302.h5 all || fail "continuing changes bits"
[ -e whole/checkpoints/step-00000032.h5 ] || fail "what was due after step 30 was not saved at the outer step 32"
python3 - <<'PYTHON' || fail "metrics"
import json, sys
timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
def rows(name):
    return [{k: v for k, v in json.loads(line).items() if not timed(k)} for line in open(f"{name}/metrics.jsonl")]
whole, killed = rows("whole"), rows("killed")
steps = [row for row in whole if "loss" in row]
assert [row["step"] for row in steps] == list(range(1, 303))
assert [row["tokens"] for row in steps] == [8 * 32 * i for i in range(1, 303)]
assert steps[-1]["loss"] < 0.9 * steps[0]["loss"], (steps[0]["loss"], steps[-1]["loss"])
assert whole == killed
assert [row["step"] for row in whole if "validation_loss" in row][:3] == [32, 60, 92]
PYTHON

# The steps before are those of a run without local steps; killed before, at and after the change, the bits are the same.
short="--train.steps=12 --checkpoint.every=1 --checkpoint.keep=0 --evaluate.every=0 --sample.every=0"
later="--train.local_steps=4 --train.local_after=6 $outer"
for kind in "" --train.exchange=allreduce LLMPI_TEAM_SIZE=1; do
    option=$kind
    [ "$kind" != LLMPI_TEAM_SIZE=1 ] || { option= && export LLMPI_TEAM_SIZE=1; }
    rm -rf shared later
    expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=shared $short $option
    expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=later $short $option $later
    for step in $([ -n "$kind" ] || echo 3) 6; do
        cut=step-0000000$step.h5
        rm -rf cut
        mkdir -p cut/checkpoints
        cp later/checkpoints/$cut cut/checkpoints/
        cp later/{metrics.jsonl,samples.txt} cut/
        expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=cut $short $option $later
        contains err "(step $step)"
        /usr/bin/python3 same.py {later,cut}/checkpoints/step-00000012.h5 all || fail "$kind: other bits from step $step"
    done
    /usr/bin/python3 same.py {shared,later}/checkpoints/step-00000006.h5 plain || fail "$kind: step 6 is not the plain one"
    [ -e later/checkpoints/step-00000008.h5 ] && [ ! -e later/checkpoints/step-00000007.h5 ] || fail "$kind: no local steps after step 6"
done
unset LLMPI_TEAM_SIZE

# From ranks that share every step to local steps, and back, on other ranks.
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=switched --train.steps=6
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=switched --train.steps=13 --train.local_steps=4 --train.local_after=0
contains err "the outer momentum starts from zero"
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=switched --train.steps=20 --train.exchange=allreduce \
    --train.local_steps=3 --train.local_after=0
expect 0 ranks 3 "$LLMPI" train tiny.yaml --run.directory=switched --train.steps=24
[ "$(grep -c '"loss"' switched/metrics.jsonl)" -eq 24 ] || fail "the switched run has not one line for each step"

# A loss that is not finite ends all ranks with one message.
expect 1 ranks 2 "$LLMPI" train tiny.yaml --run.directory=wild --train.local_steps=8 --train.local_after=0 --train.learning_rate=10 \
    --train.grad_clip=0 --train.warmup_steps=0 --train.weight_decay=10 --train.steps=2000
contains err "both must be finite"

expect 2 "$LLMPI" train tiny.yaml --train.local_steps=4 --train.slots=2
contains err "train.local_steps is 4 but train.slots is 2"
expect 2 "$LLMPI" train tiny.yaml --train.local_steps=4 --train.wire=bf16
expect 2 ranks 2 "$LLMPI" train tiny.yaml --run.directory=few --train.batch_size=1 --train.local_steps=4
contains err "train.batch_size is 1 but must be at least the number of ranks"
finish
