#!/usr/bin/env bash
# `llmpi scale`: measures what is asked for and nothing twice, its predictions are those of the formula in
# src/programs/scale_predict.c, and Slurm's scripts (with an sbatch, squeue and srun that only play them) give the same
# files. Speeds are only looked at for being positive.
. "$(dirname "$0")/common.sh"
cat >tiny.yaml <<YAML
run: {threads: 1}
tokenizer: {vocab_size: 512}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 32}
train: {batch_size: 4, micro_batch: 2}
YAML
table=(--steps=2 --rounds=2 --output=out_weak)

expect 0 "$LLMPI" scale tiny.yaml "${table[@]}"
contains out "weak scaling: 4 x 32 tokens a step for each rank"
contains err "2 ranks on 1 node"
cp out_weak/ranks-2-round-1.json kept.json
touch -d 2001-01-01 out_weak/ranks-*.json
expect 0 "$LLMPI" scale tiny.yaml "${table[@]}" --ranks=2,1 # what is there is not measured again
find out_weak -name 'ranks-*.json' -newermt 2001-01-02 | grep . && fail "measured again"
/usr/bin/python3 - <<'PYTHON' || fail "the table does not fit the measurements"
import csv, json, xml.etree.ElementTree as tree
rows = list(csv.DictReader(open("out_weak/scale.csv")))
assert [(row["kind"], row["ranks"], row["nodes"]) for row in rows] == [("measured", "1", "1"), ("measured", "2", "1")], rows
for row in rows:
    rounds = [json.load(open(f"out_weak/ranks-{row['ranks']}-round-{i}.json")) for i in (1, 2)]
    best = max(rounds, key=lambda report: report["tokens_per_second_median"])
    assert best["sequences"] == 4 * best["ranks"], best
    for mine, its in ("tokens_per_second", "tokens_per_second_median"), ("compute_seconds", "compute_seconds"), \
            ("exposed_seconds", "exchange_seconds"), ("exposed_seconds_max", "exchange_seconds_max"), \
            ("update_seconds", "update_seconds"), ("peak_memory_bytes", "peak_memory_bytes"):
        assert abs(float(row[mine]) - best[its]) <= 1e-6 * best[its], (mine, row, best)
speed = [float(row["tokens_per_second"]) for row in rows]
assert abs(float(rows[1]["efficiency"]) - speed[1] / 2 / speed[0]) < 1e-4, rows
picture = tree.parse("out_weak/scale.svg").getroot()
assert len(picture.findall("{*}circle")) == 2, "points"
PYTHON

# Another configuration is not mixed with it.
expect 2 "$LLMPI" scale tiny.yaml "${table[@]}" --model.n_layer=3
contains err "there 'n_layer: 2', now 'n_layer: 3'"
expect 2 "$LLMPI" scale tiny.yaml "${table[@]}" --mode=strong
expect 0 "$LLMPI" scale tiny.yaml "${table[@]}" --ranks=1 --model.n_layer=3 --fresh
[ -e out_weak/ranks-2-round-1.json ] && fail "--fresh keeps what is not of this configuration"
[ "$(/usr/bin/python3 -c 'import json; print(json.load(open("out_weak/ranks-1-round-1.json"))["n_layer"])')" = 3 ] ||
    fail "--fresh does not measure again"
expect 0 "$LLMPI" scale - --steps=2 --mode=strong --ranks=2 <tiny.yaml # the default folder; a configuration from a pipe
contains out "strong scaling: 32 x"
[ -e runs/scale/strong/scale.svg ] || fail "no plot in runs/scale/strong"

# A measurement that fails says why, and leaves no report.
expect 1 "$LLMPI" scale tiny.yaml --steps=1 --ranks=1 --output=failing --mpirun="sh -c 'echo no hosts >&2; exit 7' #"
contains err "no hosts"
contains err "exit status 7"
[ -e failing/ranks-1-round-1.json ] && fail "a failed measurement left a report"
expect 1 "$LLMPI" scale tiny.yaml --steps=1 --ranks=1 --output=failing --mpirun="echo nonsense #"
contains err "is no report"
echo '{"precision": "fp32"}' >failing/ranks-1-round-1.json
expect 1 "$LLMPI" scale tiny.yaml --steps=1 --ranks=1 --output=failing
contains err "failing/ranks-1-round-1.json: 'bias' is missing"

# Predictions, from a measurement made by hand.
/usr/bin/python3 - <<'PYTHON'
import json, os
report = json.load(open("kept.json"))
report.update(ranks=1, sequences=4, micro_batch=2, seconds_median=0.1, tokens_per_second_median=4 * 32 / 0.1, compute_seconds=0.07,
              exchange_seconds=0, exchange_seconds_max=0, data_seconds=0.001, update_seconds=0.02)
os.mkdir("predicted")
json.dump(report, open("predicted/ranks-1-round-1.json", "w"))
sizes = [8192 << 3 * i for i in range(5)]  # two nodes, 2 MB/s and 3 ms: exchange = latency x buckets + 2 / 2 x bytes / bandwidth
json.dump({"groups": 2, "bucket_bytes": 1 << 20, "wire_bytes": 4, "link": {"message_seconds": 1e-4}, "sizes": [
    {"bytes": size, "exchange_seconds": 3e-3 * (-(-size // (1 << 20)) + 1) + size / 2e6} for size in sizes]}, open("link.json", "w"))
PYTHON
predicts() {
    expect 0 "$LLMPI" scale tiny.yaml --steps=2 --ranks=1 --output=predicted "$@"
    cp predicted/scale.csv "predicted/$name.csv"
}
name=weak predicts --link=2e6,3000,100 --nodes=1..64
contains out "links of 0.002 GB/s each way, 3000 us"
name=fitted predicts --exchange=link.json --nodes=1..64
contains out "links of 0.002 GB/s each way, 3000 us"
cmp predicted/weak.csv predicted/fitted.csv || fail "the fit does not find the link that its figures were made from"
name=gbit predicts --link=0.016gbit,3000,100 --nodes=1..64
cmp predicted/weak.csv predicted/gbit.csv || fail "0.016gbit is not 2e6 bytes a second"
rm predicted/config.yaml
name=strong predicts --link=2e6,3000,100 --nodes=1..64 --mode=strong
rm predicted/config.yaml
name=bf16 predicts --link=2e6,3000,100 --nodes=1..64 --train.wire=bf16
rm predicted/config.yaml
name=plain predicts --link=2e6,3000,100 --nodes=1..64 --train.exchange=allreduce
/usr/bin/python3 - <<'PYTHON' || fail "the predictions are not those of the formula"
import csv, math
width, layers, vocabulary, length = 32, 2, 512, 32
blocks = [(vocabulary + length) * width] + [12 * width * width + 13 * width] * layers + [2 * width]
head = vocabulary / (vocabulary + layers * (12 * width + length))
shares = [0] + [(1 - head) / layers] * layers + [head]

def expected(name, nodes):
    strong, wire = name == "strong", 2 if name == "bf16" else 4
    divided = nodes if strong else 1
    # The node works off 4 sequences in passes of 2; where all its work is less than a pass, that is one.
    half_pass = min(0.07 / 2, 0.07 / divided)
    each = lambda count: (nodes - 1) / nodes * count * wire / 2e6 + (3e-3 + (nodes - 2) * 1e-4)
    if nodes == 1:
        exposed = 0
    elif name == "plain":
        exposed = sum(2 * each(count) for count in blocks)
    else:
        end = ready = 0
        for count, share in reversed(list(zip(blocks, shares))):
            ready += share * half_pass * 2 / 3
            end = max(end, ready) + each(count)
        exposed = end - ready + 2 * math.log2(nodes) * 3e-3
        arrived = now = 0
        for count, share in zip(blocks, shares):
            arrived += each(count)
            now = max(now, arrived) + share * half_pass / 3
        exposed += now - half_pass / 3
    update = 0.02 / (1 if name == "plain" else nodes)
    return 0.1 - 0.071 * (1 - 1 / divided) - 0.02 + update + exposed, exposed

for name in "weak", "strong", "bf16", "plain":
    rows = [row for row in csv.DictReader(open(f"predicted/{name}.csv")) if row["kind"] == "predicted"]
    assert [int(row["nodes"]) for row in rows] == [1, 2, 4, 8, 16, 32, 64], rows
    for row in rows:
        step, exposed = expected(name, int(row["nodes"]))
        assert abs(float(row["step_seconds"]) / step - 1) < 1e-6, (name, row, step)
        assert abs(float(row["exposed_seconds"]) - exposed) < 1e-6 * step, (name, row, exposed)
        speed = 4 * 32 * (1 if name == "strong" else int(row["nodes"])) / step
        assert abs(float(row["tokens_per_second"]) / speed - 1) < 1e-6, (name, row, speed)
PYTHON

# Slurm, played.
mkdir bin
printf '#!/bin/sh\necho "$2" >>submitted\necho 17\n' >bin/sbatch
printf '#!/bin/sh\ncat state 2>/dev/null || exit 1\n' >bin/squeue
printf '#!/bin/sh\nshift\nexec mpirun -q -np "$SLURM_NTASKS" "$@"\n' >bin/srun
chmod +x bin/*
slurm=(--steps=2 --slurm --sbatch=--time=10 --output="o'ut" --rounds=2)
PATH=$PWD/bin:$PATH
expect 0 "$LLMPI" scale tiny.yaml "${slurm[@]}"
contains err "nothing is measured yet"
contains "o'ut/ranks-2.sbatch" "#SBATCH --ntasks=2"
contains "o'ut/ranks-2.sbatch" "#SBATCH --time=10"
[ -e submitted ] && fail "submitted without --submit"
expect 0 "$LLMPI" scale tiny.yaml "${slurm[@]}" --submit
[ "$(cat submitted)" = "o'ut/ranks-1.sbatch
o'ut/ranks-2.sbatch" ] || fail "submitted: $(cat submitted)"
echo PENDING >state
expect 0 "$LLMPI" scale tiny.yaml "${slurm[@]}" --submit
contains err "2 ranks: the job is PENDING"
[ "$(wc -l <submitted)" = 2 ] || fail "a waiting job was submitted again"
SLURM_NTASKS=2 expect 0 bash "o'ut/ranks-2.sbatch"
expect 0 "$LLMPI" scale tiny.yaml "${slurm[@]}"
contains out "1 of 2 numbers of ranks are measured."
rm state
expect 0 "$LLMPI" scale tiny.yaml "${slurm[@]}" --submit # that job is gone without a result
[ "$(tail -n 1 submitted)" = "o'ut/ranks-1.sbatch" ] || fail "a lost job was not submitted again"

# Wrong usage.
wrong() {
    expect 2 "$LLMPI" scale tiny.yaml --output=wrong "${@:2}"
    contains err "$1"
}
expect 2 "$LLMPI" scale
for ranks in "" 0 a 1,,2 1,2, 2,2 -1 1.5 99999999999; do
    wrong "--ranks is '$ranks'" --ranks="$ranks"
done
for nodes in "" 4 4.. ..4 4..2 0..2 a..b 1..2..3; do
    wrong "--nodes is '$nodes'" --nodes="$nodes" --link=1gbit
done
for link in "" gbit 0gbit -1 1tbit 1gbit, 1gbit,a 1gbit,1,2,3 nan inf 1gbit,-1; do
    wrong "--link is '$link'" --link="$link"
done
wrong "--mode is 'weaker'" --mode=weaker
wrong "needs --link or --exchange" --nodes=2..4
wrong "give one of them" --link=1gbit --exchange=link.json
wrong "give --slurm" --submit
wrong "give one of them" --slurm --mpirun=mpirun
wrong "must be what" --exchange=kept.json
wrong "must be what" --exchange=tiny.yaml
expect 1 "$LLMPI" scale tiny.yaml --exchange=missing.json
finish
