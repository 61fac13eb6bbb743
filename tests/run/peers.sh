#!/usr/bin/env bash
# The comparison with PyTorch runs, and its model is the one that llmpi has: as many parameters, a first loss near that of
# guessing, and the same sizes passed on.
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "skipped: PyTorch is not installed (Debian: python3-torch)"; exit 77; }
peers=$LLMPI_SOURCE/tools/peers
cat >tiny.yaml <<YAML
run: {threads: 1}
tokenizer: {vocab_size: 300}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 16}
train: {batch_size: 5, micro_batch: 2}
YAML
for precision in fp32 bf16; do
    expect 0 /usr/bin/python3 "$peers/pytorch_gpt2.py" --n_layer=2 --n_head=2 --n_embd=32 --context=16 --vocab=300 --batch=5 \
        --micro_batch=2 --threads=1 --steps=2 --precision=$precision
    cp out $precision.json
done
expect 0 "$LLMPI" bench step tiny.yaml --steps=1 --steps-only --json
cp out llmpi.json
/usr/bin/python3 - <<'PYTHON' || fail "the peer's report is not plausible"
import json, math
step = json.load(open("llmpi.json"))
for precision in "fp32", "bf16":
    report = json.load(open(precision + ".json"))
    assert report["name"].startswith("PyTorch ") and report["precision"] == precision, report
    assert report["parameters"] == step["parameters"] and report["threads"] == 1, (report, step)
    assert report["tokens_per_second"] >= report["tokens_per_second_median"] > 0, report
    assert abs(report["tokens_per_second"] * report["seconds"] - 5 * 16) < 0.01, report
    assert report["peak_memory_bytes"] > 16 * report["parameters"], report
    assert abs(report["loss"] - math.log(300)) < 0.5, report
PYTHON

export ROUNDS=1 STEPS=1
expect 0 "$peers/compare.sh" tiny.yaml --model.n_layer=1
contains out "llmpi, fp32"
contains out "PyTorch"
contains out "vocabulary 300, 1 threads"
grep -Eq '^llmpi, fp32 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+x +[0-9.]+x$' out || fail "no row with two ratios"
expect 1 "$peers/compare.sh" tiny.yaml --model.tied_head=false
expect 2 "$peers/compare.sh"
expect 2 "$peers/compare.sh" tiny.yaml --model.n_layers=1
contains err "n_layers"
finish
