#!/usr/bin/env bash
# `llmpi bench`: what it counts is what is there, the ids of `bench tokenizer` are those of `tokenizer encode`, and wrong
# usage is said. Speeds are only looked at for being positive.
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

# The others take a CONFIG, and need neither a tokenizer nor shards.
mkdir elsewhere && cp tiny.yaml elsewhere && cd elsewhere || exit 1
for name in matmul kernels step; do
    few=$([ $name = step ] && echo --steps=3 || echo --rounds=2)
    expect 0 "$LLMPI" bench $name tiny.yaml --model.n_layer=3 "${few%=*}=1"
    cp out $name.text
    expect 0 "$LLMPI" bench $name tiny.yaml --model.n_layer=3 "$few" --json
    cp out $name.json
    expect 2 "$LLMPI" bench $name
    expect 2 "$LLMPI" bench $name tiny.yaml "${few%=*}=0"
    expect 2 "$LLMPI" bench $name tiny.yaml --model.n_heads=2
done
expect 0 "$LLMPI" bench matmul tiny.yaml --train.micro_batch=1000000 --rounds=1 # it is no larger than the batch
contains out " 8 x 32 tokens, "
expect 0 ranks 2 "$LLMPI" bench step tiny.yaml --steps=1 --steps-only
grep -q "matrix products" out && fail "--steps-only measures products"
expect 0 ranks 2 "$LLMPI" bench step tiny.yaml --train.batch_size=5 --train.micro_batch=2 --steps=2 --json
cp out ranks.json
expect 0 "$LLMPI" bench step tiny.yaml --model.n_embd=512 --model.n_layer=4 --train.batch_size=1 --steps=1 --json
cp out large.json
expect 0 "$LLMPI" bench step tiny.yaml --tokenizer.path=../tokenizer.json --tokenizer.vocab_size=9999 --steps=1 --json
cp out vocabulary.json
/usr/bin/python3 - <<'PYTHON' || fail "the measurements are not plausible"
import json, math

def load(name):
    return json.load(open(name + ".json"))

def positive(report, *names):
    for name in names:
        assert math.isfinite(report[name]) and report[name] > 0, (name, report)

matmul = load("matmul")
positive(matmul, "peak_gflops", "peak_size", "gflops", "percent", "pass_seconds")
shapes = {p["name"]: (p["rows"], p["inputs"], p["outputs"], p["calls"]) for p in matmul["products"]}
assert shapes == {"qkv": (96, 32, 96, 3), "attention projection": (96, 32, 32, 3), "fc": (96, 32, 128, 3),
                  "fc projection": (96, 128, 32, 3), "head chunk": (96, 32, 512, 1)}, shapes
for product in matmul["products"]:
    for kind in "forward", "dx", "dw":
        positive(product, kind + "_gflops", kind + "_median_gflops", kind + "_percent")
        assert product[kind + "_gflops"] >= product[kind + "_median_gflops"], product
work = sum(3 * 2 * p["rows"] * p["inputs"] * p["outputs"] * p["calls"] for p in matmul["products"])
assert abs(work / matmul["pass_seconds"] / 1e9 - matmul["gflops"]) < 0.01 * matmul["gflops"], matmul

kernels = load("kernels")
positive(kernels, "memory_gb_per_second", "peak_gflops")
names = [kernel["name"] for kernel in kernels["kernels"]]
assert len(names) == len(set(names)) and "attention backward" in names and "gelu forward" in names, names
for kernel in kernels["kernels"]:
    positive(kernel, "ms", "median_ms", "percent", "gflops" if "attention" in kernel["name"] else "gb_per_second")
    assert kernel["ms"] <= kernel["median_ms"], kernel

step = load("step")
timed = "tokens_per_second", "tokens_per_second_median", "seconds", "product_seconds", "product_percent", "model_gflops", \
    "peak_gflops", "model_percent", "peak_memory_bytes", "compute_seconds", "update_seconds"
positive(step, *timed)
assert (step["n_layer"], step["ranks"], step["threads"], step["sequences"], step["micro_batch"]) == (3, 1, 1, 8, 3), step
assert step["tokens_per_second"] >= step["tokens_per_second_median"], step
assert abs(step["tokens_per_second"] * step["seconds"] - 8 * 32) < 0.01, step
assert step["parameters"] == 512 * 32 + 32 * 32 + 3 * (12 * 32 * 32 + 13 * 32) + 2 * 32, step
assert step["peak_memory_bytes"] == step["peak_memory_bytes_all_ranks"] > 16 * step["parameters"], step
assert abs(step["loss"] - math.log(512)) < 0.5, step  # random tokens teach nothing but their even frequencies

ranks = load("ranks")
positive(ranks, *timed)
assert (ranks["ranks"], ranks["nodes"], ranks["sequences"], ranks["micro_batch"]) == (2, 1, 5, 2), ranks
assert ranks["exchange_seconds_max"] >= ranks["exchange_seconds"] > 0 <= ranks["hidden_exchange_seconds"], ranks
assert ranks["peak_memory_bytes_all_ranks"] > ranks["peak_memory_bytes"], ranks
# Large activations and parameters show in the memory: 16 bytes a parameter at the least.
large = load("large")
assert large["peak_memory_bytes"] > 16 * large["parameters"] > 16 * 12e6, large
assert large["vocab_size"] == 512, large
learned = json.load(open("../tokenizer.json"))
assert load("vocabulary")["vocab_size"] == len(learned["model"]["vocab"]) == 512, load("vocabulary")
PYTHON
contains matmul.text "attention projection"
contains kernels.text "layernorm backward"
contains step.text "matrix products"
contains step.text "exchange"
expect 2 "$LLMPI" bench matmul missing.yaml

# The exchange: on one node through shared memory, and as if each rank, or each two, were a node.
exchange() {
    expect 0 ranks "$1" "$LLMPI" bench exchange --threads=1 --max-mb=1 --rounds=2 --json "${@:2}"
    cp out "$name.json"
}
expect 0 ranks 2 "$LLMPI" bench exchange --max-mb=1 --rounds=1
contains out "MPI_Allreduce"
name=memory exchange 2
export LLMPI_TEAM_SIZE=1
name=bf16 exchange 2 --wire=bf16 --bucket-mb=1
LLMPI_TEAM_SIZE=2 name=both exchange 3
unset LLMPI_TEAM_SIZE
expect 2 "$LLMPI" bench exchange
contains err "mpirun -np 2"
expect 2 ranks 2 "$LLMPI" bench exchange --wire=fp16
expect 2 ranks 2 "$LLMPI" bench exchange --max-mb=0
expect 2 ranks 2 "$LLMPI" bench exchange tiny.yaml
/usr/bin/python3 - <<'PYTHON' || fail "the measurements of the exchange are not plausible"
import json, math
for name, ranks, groups, width in ("memory", 2, 1, 4), ("bf16", 2, 2, 2), ("both", 3, 2, 4):
    report = json.load(open(name + ".json"))
    assert (report["ranks"], report["groups"], report["wire_bytes"], report["nodes"]) == (ranks, groups, width, 1), report
    assert report["memory_gb_per_second"] > 0 and [size["bytes"] for size in report["sizes"]] == [1 << 17, 1 << 20], report
    for size in report["sizes"]:
        assert all(math.isfinite(value) and value > 0 for value in size.values()), size
        assert abs(size["sum_seconds"] + size["gather_seconds"] - size["exchange_seconds"]) < 1e-6, size
        assert abs(size["allreduce_seconds"] / size["exchange_seconds"] / size["ratio"] - 1) < 1e-4, size
        bus = 2 * (ranks - 1) / ranks * size["bytes"] / size["exchange_seconds"] / 1e9
        assert abs(size["bus_gb_per_second"] / bus - 1) < 1e-4, size
    assert ("link" in report) == (groups > 1), report
    assert all(value > 0 for value in report.get("link", {}).values()), report
PYTHON
finish
