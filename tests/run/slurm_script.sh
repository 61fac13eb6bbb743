#!/usr/bin/env bash
# What `llmpi slurm` prints is slurm/train.sbatch with lines filled in, and the numbers are the plan's. Nothing here needs
# Slurm; tests/slurm submits such scripts.
. "$(dirname "$0")/common.sh"
cat >tiny.yaml <<YAML
tokenizer: {vocab_size: 512}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 32}
train: {steps: 1000, batch_size: 8, precision: fp32}
YAML
template=$LLMPI_SOURCE/slurm/train.sbatch

# Without options only what cannot be guessed differs from the template.
expect 0 "$LLMPI" slurm tiny.yaml
cp out plain.sbatch
bash -n plain.sbatch || fail "no shell script"
contains plain.sbatch "How often it will start is not known"
diff "$template" plain.sbatch | sed -nE 's/^[<>] (#*SBATCH --[a-z-]+|[a-z]+).*/\1/p' | sort | uniq -c | tr -s '\n ' ' ' >changes
[ "$(cat changes)" = " 1 ##SBATCH --chdir 1 ##SBATCH --cpus-per-task 1 ##SBATCH --mem 1 ##SBATCH --partition 1 #SBATCH --chdir 1 #SBATCH --mem 2 command " ] ||
    fail "other changes: $(cat changes)"

expect 0 "$LLMPI" slurm tiny.yaml --nodes=3 --ntasks-per-node=4 --cpus-per-task=5 --time=0-01:30 --partition=big --launcher=mpirun \
    --sbatch="--account=me" --speed=10 --train.steps=2000 --run.directory="it's"
for line in --nodes=3 --ntasks-per-node=4 --cpus-per-task=5 --time=0-01:30 --partition=big --account=me "--chdir=\"$work\""; do
    contains out "
#SBATCH $line
"
done
grep -q '^#SBATCH --exclusive' out && fail "whole nodes and processors at once"
contains out "launcher=\${LLMPI_LAUNCHER:-mpirun}"
contains out "command=('$(readlink -f "$LLMPI")' train 'tiny.yaml' '--train.steps=2000' '--run.directory=it'\\''s' \"\$@\")"
contains out "512 k tokens at 10 tokens/s take 14 h" # 2000 x 8 x 32 / 10 s
contains out ": 10 starts with --time=0-01:30."       # 51200 s / (5400 s - 2 min)

# Memory: four ranks a node without what they read of each other, a fifth more, and a GiB.
"$LLMPI" plan tiny.yaml --ranks=12 --nodes=3 --speed=1 --json 2>err >plan.json
/usr/bin/python3 - <<'PYTHON' || fail "the memory is not the plan's"
import json, re
plan = json.load(open("plan.json"))
asked = int(re.search(r"--mem=(\d+)M", open("out").read())[1])
wanted = 1.2 * 4 * (plan["memory_bytes"] - plan["shared_bytes"]) / 2**20 + 1024
assert 0 < asked - wanted < 40, (asked, wanted)  # a rank of five threads has stacks for them
PYTHON

refuses() {
    expect 2 "$LLMPI" slurm "${@:2}"
    contains err "$1"
}
refuses "--time is '1:2:3:4' but must be" tiny.yaml --time=1:2:3:4
refuses "--time is '0:59' but must be" tiny.yaml --time=0:59
refuses "--time is '1-2-3' but must be" tiny.yaml --time=1-2-3
refuses "--time is 'UNLIMITED' but must be" tiny.yaml --time=UNLIMITED
refuses "--launcher is 'prun' but must be srun or mpirun" tiny.yaml --launcher=prun
refuses "--partition is 'a b' but must be one word" tiny.yaml --partition="a b"
refuses "--sbatch must be one line" tiny.yaml --sbatch="--a
rm"
refuses "--nodes is '0' but must be a whole number" tiny.yaml --nodes=0
refuses "from standard input" -
cp tiny.yaml 'a"b.yaml'
refuses "quotes, backslashes" 'a"b.yaml'
finish
