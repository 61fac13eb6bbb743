#!/usr/bin/env bash
# Checkpoints that are damaged, cut or missing: each damage is found before anything is used, training falls back to the
# newest whole one with a warning and comes to the same end, and what is asked for a damaged file by name refuses it.
# FLIPS and SEED are the number of flipped bits and what their places are drawn from; tools/soak.sh asks for many.
. "$(dirname "$0")/../run/common.sh"
export FLIPS=${FLIPS:-30} SEED=${SEED:-$RANDOM}
echo "$FLIPS flipped bits, SEED=$SEED"
prepare_tiny
sed -i 's/^sample: {every: 0/sample: {every: 5/' tiny.yaml
expect 0 "$LLMPI" train tiny.yaml
cp -r run whole
newest=run/checkpoints/step-00000020.h5

/usr/bin/python3 - "$newest" <<'PYTHON' || fail "flipped bits, see above"
import os, random, subprocess, sys
random.seed(int(os.environ["SEED"]))
path, llmpi, flips = sys.argv[1], os.environ["LLMPI"], int(os.environ["FLIPS"])
data = open(path, "rb").read()
def run(*command):
    return subprocess.run([llmpi, *command], capture_output=True, text=True, timeout=60, errors="replace")
def wrong(what, done):
    global bad
    bad += 1
    print(f"byte {place}, bit {bit}: {what}: status {done.returncode}: {done.stdout}{done.stderr}")
bad = 0
for i in range(flips):
    place = random.randrange(512 if i % 5 == 0 else 4096 if i % 5 == 1 else len(data))
    bit = random.randrange(8)
    damaged = bytearray(data)
    damaged[place] ^= 1 << bit
    open(path, "wb").write(damaged)
    done = run("inspect", "--verify", path)
    if done.returncode != 1 or path not in done.stdout:
        wrong("inspect --verify", done)
    if i % 10 == 0: # the others read files in the same way
        for command in ("generate", path, "--tokens=1"), ("evaluate", "tiny.yaml", "--checkpoint=" + path):
            done = run(*command)
            if done.returncode != 1 or done.stderr.count("llmpi: error: ") != 1 or path not in done.stderr:
                wrong(command[0], done)
        done = run("train", "tiny.yaml")
        if done.returncode != 0 or "warning: " + path not in done.stderr or "(step 15)" not in done.stderr:
            wrong("train", done)
        same = subprocess.run(["/usr/bin/python3", os.environ["LLMPI_SOURCE"] + "/tests/fault/same_run.py", "whole", "run"])
        if same.returncode != 0:
            wrong("another run", done)
        data = open(path, "rb").read() # it notes how long metrics.jsonl is, in which times differ
open(path, "wb").write(data)
sys.exit(bad > 0)
PYTHON

# resumes FROM WHAT: training goes on from that step, and comes to the same end
resumes() {
    expect 0 "$LLMPI" train tiny.yaml
    contains err "(step $1)"
    /usr/bin/python3 "$LLMPI_SOURCE/tests/fault/same_run.py" whole run || fail "another run: $2"
}
size=$(stat -c %s $newest)
for length in 0 8 511 512 4096 $((size / 2)) $((size - 1)); do
    head -c "$length" whole/checkpoints/step-00000020.h5 >$newest
    resumes 15 "cut to $length bytes"
    contains err "warning: $newest"
done
cat whole/checkpoints/step-00000020.h5 <(echo more) >$newest
resumes 15 "bytes after its end"
rm $newest
resumes 15 "the newest is missing"
rm run/checkpoints/step-000000{15,20}.h5
head -c 1000 whole/checkpoints/step-00000010.h5 >run/checkpoints/step-00000010.h5
resumes 5 "two are missing, one is cut"

# Nothing whole: it does not start over by itself, and a run that lost all its checkpoints does.
for file in run/checkpoints/*.h5; do echo damaged >"$file"; done
expect 1 "$LLMPI" train tiny.yaml
[ "$(grep -c 'llmpi: error: ' err)" -eq 1 ] || fail "not one message: $(cat err)"
expect 1 "$LLMPI" generate run --tokens=1
rm run/checkpoints/*.h5
expect 0 "$LLMPI" train tiny.yaml
/usr/bin/python3 "$LLMPI_SOURCE/tests/fault/same_run.py" whole run || fail "another run after all checkpoints were lost"
finish
