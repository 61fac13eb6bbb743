#!/usr/bin/env bash
# Damaged shards are found wherever the damage is, and a full disk ends `llmpi shard` with one message and nothing left.
# FLIPS and SEED are the number of flipped bits and what their places are drawn from; tools/soak.sh asks for many.
set -u
work=$(mktemp -d) || exit 1
mounted=no
finish() {
    [ "$mounted" = no ] || umount "$work/disk"
    rm -rf "$work"
}
trap finish EXIT
cd "$work" || exit 1
failed=0
complain() { echo "FAILED: $*"; failed=1; }

/usr/bin/python3 - <<'PYTHON' || exit 1
import json, random
random.seed(3)
with open("corpus.jsonl", "w") as out:
    for i in range(1500):
        out.write(json.dumps({"text": " ".join(random.choice("abcdefghij") * 3 for _ in range(60))}) + "\n")
PYTHON
cat >config.yaml <<'YAML'
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.2}
tokenizer: {path: tokenizer.json, vocab_size: 260}
shards: {directory: out, count: 2}
YAML
"$LLMPI" tokenizer train config.yaml 2>log.txt || { cat log.txt; exit 1; }
"$LLMPI" shard config.yaml 2>log.txt || { cat log.txt; exit 1; }
shard=out/train-00000-of-00002.h5

# --- a flipped bit: in random places, in the attributes and in the data; no crash, and no silent change. What counts
# as whole must still give the tokens (some bytes of the file belong to nothing).
export FLIPS=${FLIPS:-40} SEED=${SEED:-4}
"$LLMPI" inspect $shard --windows=100000 2>/dev/null >whole.txt
/usr/bin/python3 - "$shard" <<'PYTHON' || complain "flipped bits, see above"
import os, random, subprocess, sys
random.seed(int(os.environ["SEED"]))
data, llmpi, flips = open(sys.argv[1], "rb").read(), os.environ["LLMPI"], int(os.environ["FLIPS"])
whole, bad, found = open("whole.txt").read().replace(sys.argv[1], "damaged.h5"), 0, 0
for i in range(flips):
    place = random.randrange(4096) if i % 3 == 0 else random.randrange(len(data))
    damaged = bytearray(data)
    damaged[place] ^= 1 << random.randrange(8)
    open("damaged.h5", "wb").write(damaged)
    done = subprocess.run([llmpi, "inspect", "--verify", "damaged.h5"], capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        again = subprocess.run([llmpi, "inspect", "damaged.h5", "--windows=100000"], capture_output=True, text=True)
        if again.stdout != whole:
            print(f"byte {place}: the shard changed and counts as whole")
            bad += 1
    elif done.returncode != 1 or "damaged.h5" not in done.stdout:
        print(f"byte {place}: status {done.returncode}: {done.stdout}{done.stderr}")
        bad += 1
    else:
        found += 1
print(f"{found} of {flips} flipped bits were found, the others lie where nothing is stored")
sys.exit(bad > 0 or 2 * found < flips)
PYTHON

# --- damage in the tokens names them
/usr/bin/python3 - "$shard" <<'PYTHON' || exit 1
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open("damaged.h5", "wb").write(data)
PYTHON
"$LLMPI" inspect --verify damaged.h5 $shard >out.txt 2>&1 && complain "damaged tokens were not found"
grep -qE "^damaged.h5: tokens: elements [0-9]+ to [0-9]+ are damaged \(checksum\)$" out.txt || complain "$(cat out.txt)"
grep -qxF "$shard: whole" out.txt || complain "the whole shard beside it: $(cat out.txt)"

# --- cut at any length
size=$(stat -c %s $shard)
for length in 0 1 7 8 47 48 100 511 512 2048 $((size / 3)) $((size / 2)) $((size - 1)); do
    head -c "$length" $shard >damaged.h5
    "$LLMPI" inspect --verify damaged.h5 >out.txt 2>&1
    [ $? -eq 1 ] || complain "cut to $length bytes: $(cat out.txt)"
done

# --- a full disk
mkdir disk
if mount -t tmpfs -o size=256k tmpfs disk 2>/dev/null; then
    mounted=yes
    "$LLMPI" shard config.yaml --shards.directory=disk/shards >out.txt 2>&1
    code=$?
    [ "$code" -eq 1 ] || complain "a full disk ended with $code: $(cat out.txt)"
    [ "$(grep -c "No space left on device" out.txt)" -eq 1 ] || complain "a full disk was not told once: $(cat out.txt)"
    [ "$(find disk -type f | wc -l)" -eq 0 ] || complain "a full disk left: $(find disk -type f)"
    mpirun -n 2 "$LLMPI" shard config.yaml --shards.directory=disk/shards >out.txt 2>&1
    [ $? -eq 1 ] || complain "2 ranks on a full disk: $(cat out.txt)"
    [ "$(grep -c "error: .*No space left on device" out.txt)" -eq 1 ] || complain "2 ranks: $(cat out.txt)"
else
    echo "note: no right to mount, the full disk was not tried"
fi

# --- a folder that cannot be written (root may write everywhere)
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed && chmod 555 closed
    "$LLMPI" shard config.yaml --shards.directory=closed >out.txt 2>&1 && complain "wrote into a closed folder"
    grep -q "Permission denied" out.txt || complain "closed folder: $(cat out.txt)"
fi

[ "$failed" -eq 0 ] && echo "damage is found and named"
exit "$failed"
