#!/usr/bin/env bash
# Files that fail under a run on two ranks: shards that are damaged or missing, a disk that is full when metrics, samples or
# a configuration are written. One message that names the file, status 1, and a run directory that continues to the bits of
# an undisturbed run once the cause is gone.
. "$(dirname "$0")/../run/common.sh"
prepare_tiny
cp -r shards good
options="--train.steps=60 --checkpoint.every=4 --checkpoint.keep=2 --evaluate.every=0 --sample.every=2 --sample.tokens=60"
train() { ranks 2 "$LLMPI" train tiny.yaml $options --run.directory="$@"; }
expect 0 train whole --checkpoint.keep=0
# half RUN: as if that run had been killed after step 20; continuing cuts nothing back, which would free room on a disk
half() {
    mkdir -p "$1/checkpoints"
    cp whole/{config.yaml,samples.txt} "$1"
    awk -F '[:,]' '$2 <= 20' whole/metrics.jsonl >"$1/metrics.jsonl"
    cp whole/checkpoints/step-00000020.h5 "$1/checkpoints"
}

# refused STATUS TEXT RUN OPTION...: fails with one message that has the text
refused() {
    expect "$1" train "${@:3}"
    grep 'llmpi: error: ' err >message
    [ "$(wc -l <message)" -eq 1 ] && grep -qE -- "$2" message || { fail "not one message '$2':"; cat message; }
}
# continues RUN
continues() {
    expect 0 train "$1"
    contains err "continuing from $1/checkpoints/"
    /usr/bin/python3 "$LLMPI_SOURCE/tests/fault/same_run.py" whole "$1" || fail "another run after that"
}

# --- a flipped bit in the tokens, found when training comes to them; `llmpi shard` repairs it
/usr/bin/python3 - <<'PYTHON'
data = bytearray(open("shards/train-00001-of-00003.h5", "rb").read())
data[2 * len(data) // 3] ^= 4
open("shards/train-00001-of-00003.h5", "wb").write(data)
PYTHON
half run
refused 1 'shards/train-00001-of-00003.h5: tokens: elements .* are damaged' run
expect 0 "$LLMPI" shard tiny.yaml
contains err "writing 1 of 3 shards"
diff -r shards good || fail "llmpi shard did not repair the shard"
continues run

# --- missing, cut
rm shards/train-00001-of-00003.h5
refused 1 'shard 1 of 3 is missing: shards/train-00001-of-00003.h5' run
head -c 5000 good/train-00001-of-00003.h5 >shards/train-00001-of-00003.h5
refused 1 'shards/train-00001-of-00003.h5 is truncated' run
cp good/* shards

# --- a full disk: as large as the run needs, but for the last bytes that it writes
if ! unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null; then
    echo "note: no right to mount, full disks were not tried"
    finish
fi
mkdir disk
trap 'umount disk 2>/dev/null; rm -rf "$work"' EXIT
mount -t tmpfs -o size=4m tmpfs disk || fail "mount"
# leave KIBIBYTES: fills the disk but for so much
leave() { head -c $(($(df --output=avail -k disk | tail -n 1) * 1024 - $1 * 1024)) /dev/zero >disk/ballast; }
half disk/run
leave 12
refused 1 'cannot write disk/run/(metrics.jsonl|samples.txt): No space left on device' disk/run --checkpoint.every=0
rm disk/ballast
continues disk/run
rm -r disk/run
leave 0
refused 1 'disk/run.*No space left on device' disk/run
rm disk/ballast
expect 0 train disk/run
finish
