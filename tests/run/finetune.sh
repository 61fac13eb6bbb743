#!/usr/bin/env bash
# `llmpi finetune`: the loss of packed examples is that of the examples alone, computed in Python; new tokens begin at the
# mean of the others; ranks do not matter; a stopped run goes on as if nothing had happened; and what is refused.
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c 'import h5py, numpy' 2>/dev/null || { echo "skipped: no h5py"; exit 77; }
prepare_tiny
base="--run.directory=base --model.context_length=64 --shards.directory=base-shards"
expect 0 "$LLMPI" shard tiny.yaml $base
expect 0 ranks 2 "$LLMPI" train tiny.yaml $base
/usr/bin/python3 - <<'PYTHON'
import json, random
random.seed(2)
things = "cat dog hen fox owl cow pig bee".split()
rows = [{"prompt": f"What has {random.choice(things)} {i % 40}?", "response": random.choice(["A tail.", "Two eyes.", "It is old."])}
        for i in range(300)]
open("talk.jsonl", "w").write("".join(json.dumps(row) + "\n" for row in rows))
PYTHON
cat >>tiny.yaml <<YAML
instruct: {inputs: [talk.jsonl], directory: examples, count: 2, validation_fraction: 0.15}
finetune: {directory: tuned, steps: 30, batch_size: 4, learning_rate: 3.0e-3}
YAML
expect 0 "$LLMPI" instruct prepare tiny.yaml --model.context_length=64

# A step that changes nothing: parameters are the base's, and the validation loss can be computed beside.
expect 0 "$LLMPI" finetune tiny.yaml --from=base --finetune.directory=same --finetune.steps=1 \
    --finetune.learning_rate=1e-30 --evaluate.sequences=0 --train.precision=fp32
/usr/bin/python3 - <<'PYTHON' || fail "the loss of packed examples differs from that of the examples alone, or the vocabulary grew wrongly"
import glob, h5py, json, numpy
def newest(run):
    with h5py.File(sorted(glob.glob(f"{run}/checkpoints/step-*.h5"))[-1], "r") as file:
        return {name: item[:].astype("f8") for name, item in file.items() if name.endswith((".weight", ".bias"))}
old, p = newest("base"), newest("same")
assert old.keys() == p.keys() and len(p) == 28
for name, value in old.items():
    same = p[name][:len(value)] if name == "wte.weight" else p[name]
    assert (same == value).all(), name
assert p["wte.weight"].shape == (514, 32) and abs(p["wte.weight"][512:] - old["wte.weight"].mean(0)).max() < 1e-8
def normed(x, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / numpy.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * p[name + ".weight"] + p[name + ".bias"]
def linear(x, name):
    return x @ p[name + ".weight"] + p[name + ".bias"]
def losses(ids):  # of each token but the first, of one example alone
    x = p["wte.weight"][ids[:-1]] + p["wpe.weight"][:len(ids) - 1]
    for layer in ("h.0.", "h.1."):
        q, k, v = (part.reshape(len(x), 2, 16).swapaxes(0, 1) for part in
                   numpy.split(linear(normed(x, layer + "ln_1"), layer + "attn.c_attn"), 3, -1))
        scores = q @ k.swapaxes(1, 2) / 4 + numpy.triu(numpy.full((len(x), len(x)), -1e30), 1)
        weights = numpy.exp(scores - scores.max(-1, keepdims=True))
        heads = weights / weights.sum(-1, keepdims=True) @ v
        x = x + linear(heads.swapaxes(0, 1).reshape(len(x), 32), layer + "attn.c_proj")
        h = linear(normed(x, layer + "ln_2"), layer + "mlp.c_fc")
        x = x + linear(h / 2 * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (h + 0.044715 * h ** 3))), layer + "mlp.c_proj")
    logits = normed(x, "ln_f") @ p["wte.weight"].T
    top = logits.max(-1)
    return top + numpy.log(numpy.exp(logits - top[:, None]).sum(-1)) - logits[numpy.arange(len(x)), ids[1:]]
total, count = 0, 0
for name in sorted(glob.glob("examples/validation-*.h5")):
    with h5py.File(name, "r") as file:
        ids, mask, starts = file["tokens"][:].astype(int), file["loss_mask"][:], file["document_starts"][:].tolist()
    for first, end in zip(starts, starts[1:] + [len(ids)]):
        learnt = mask[first + 1:end]
        total, count = total + (losses(ids[first:end]) * learnt).sum(), count + learnt.sum()
rows = [json.loads(line) for line in open("same/metrics.jsonl")]
found = [row["validation_loss"] for row in rows if "validation_loss" in row][-1]
print(f"validation loss {found}, in Python {total / count}, {count} tokens")
assert count > 100 and abs(found - total / count) < 1e-6 * found  # fp32 against fp64, the mean of hundreds of losses
PYTHON

# The same bits on one and two ranks, and the loss falls.
expect 0 "$LLMPI" finetune tiny.yaml --from=base --train.slots=2 --finetune.directory=one --checkpoint.every=7
expect 0 ranks 2 "$LLMPI" finetune tiny.yaml --from=base --train.slots=2 --finetune.directory=two
losses() { /usr/bin/python3 -c 'import json, sys
for line in open(sys.argv[1] + "/metrics.jsonl"):
    row = json.loads(line)
    print(row["step"], row.get("loss"), row.get("validation_loss"), row.get("grad_norm"), row.get("sample"))' "$1"; }
losses one >one.losses
losses two >two.losses
cmp one.losses two.losses || fail "one and two ranks have other losses"
/usr/bin/python3 - <<'PYTHON' || fail "the loss does not fall"
import json, sys
rows = [json.loads(line) for line in open("one/metrics.jsonl")]
losses = [row["loss"] for row in rows if "loss" in row]
sys.exit(not (len(losses) == 30 and sum(losses[-5:]) < 0.8 * sum(losses[:5])))
PYTHON

# Cut off behind a checkpoint, and on with the same command and another number of ranks.
mkdir -p cut/checkpoints
cp one/config.yaml one/metrics.jsonl one/samples.txt cut
cp one/checkpoints/step-00000014.h5 cut/checkpoints
expect 0 ranks 2 "$LLMPI" finetune tiny.yaml --from=base --train.slots=2 --finetune.directory=cut
contains err "continuing from cut/checkpoints/step-00000014.h5"
losses cut >cut.losses
cmp one.losses cut.losses || fail "a run that was cut off has other losses"

# A tuned checkpoint is one like others.
expect 0 "$LLMPI" generate one --prompt="What has cat 3?" --tokens=5
expect 0 "$LLMPI" generate one --chat --prompt="What has cat 3?" --tokens=30 --temperature=0
expect 0 "$LLMPI" inspect --verify one/checkpoints/step-00000030.h5
expect 0 "$LLMPI" finetune tiny.yaml --from=one --finetune.directory=again --finetune.steps=2
[ "$(/usr/bin/python3 -c 'import h5py; print(h5py.File("again/checkpoints/step-00000002.h5", "r")["wte.weight"].shape[0])')" = 514 ] ||
    fail "a vocabulary grew twice"

# Adapters: what is loaded for use has them merged, and its loss is that of the run to 1e-5; another rank is refused.
adapted="--from=base --finetune.directory=adapted --train.precision=fp32 --evaluate.sequences=0"
expect 0 "$LLMPI" finetune tiny.yaml $adapted --finetune.lora_rank=4
contains err "adapters: rank 4"
[ -s adapted/samples.txt ] || fail "a run with adapters has no samples"
expect 0 "$LLMPI" evaluate tiny.yaml --checkpoint=adapted --shards.directory=examples --evaluate.sequences=0 --json
/usr/bin/python3 - <<'PYTHON' || fail "merged adapters give another loss"
import json
rows = [json.loads(line) for line in open("adapted/metrics.jsonl")]
run = [row["validation_loss"] for row in rows if "validation_loss" in row][-1]
first, merged = rows[0]["loss"], json.load(open("out"))["loss"]
print(f"first loss {first}, validation {run}, merged {merged}")
assert abs(merged - run) < 1e-5 * run and run < 0.9 * first
PYTHON
expect 2 "$LLMPI" finetune tiny.yaml $adapted --finetune.lora_rank=8 --finetune.steps=40
contains err "was trained with finetune.lora_rank 4"

# Other data are said, as in pretraining; examples that are too long, shards without a mask, and no base are refused.
expect 0 "$LLMPI" instruct prepare tiny.yaml --model.context_length=64 --instruct.validation_fraction=0.3
expect 0 "$LLMPI" finetune tiny.yaml --from=base --finetune.directory=cut --finetune.steps=32
contains err "the training data in examples are not those of the checkpoint"
expect 1 "$LLMPI" finetune tiny.yaml --from=base --finetune.directory=none --instruct.directory=base-shards
contains err "were made with tokenizer"
expect 1 ranks 2 "$LLMPI" finetune tiny.yaml --from=base --finetune.directory=none --instruct.directory=missing
contains err "there are no examples in missing: run \`llmpi instruct prepare\` first"
expect 1 "$LLMPI" finetune tiny.yaml --from=nowhere --finetune.directory=none
contains err "nowhere"
expect 0 "$LLMPI" finetune --help
contains out "--from"
finish
