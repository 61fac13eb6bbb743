#!/usr/bin/env bash
# Checkpoints under bad conditions: killed inside a save, a full disk, a name that cannot be given, files that are whole
# but of no use; which files stay; and that saving beside training changes neither files nor training.
. "$(dirname "$0")/../run/common.sh"
prepare_tiny
one=(--evaluate.every=5 --sample.prompts=[])
cat >tensors.py <<'PYTHON'
import glob, json, sys
def rows(name):
    timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
    return [{k: v for k, v in json.loads(line).items() if not timed(k)} for line in open(f"{name}/metrics.jsonl")]
a, b = sys.argv[1:]
assert rows(a) == rows(b), "metrics"
try:
    import h5py
except ImportError:
    sys.exit(print("note: without h5py, tensors are not compared"))
def tensors(name):
    found = {}
    with h5py.File(name, "r") as file:
        file.visititems(lambda key, item: found.__setitem__(key, item[()].tobytes()) if hasattr(item, "shape") else None)
    return {key: value for key, value in found.items() if key != "config"}
ends = lambda name: sorted(glob.glob(f"{name}/checkpoints/step-*.h5"))
assert [f[-11:] for f in ends(a)] == [f[-11:] for f in ends(b)], "files"
for x, y in zip(ends(a), ends(b)):
    assert tensors(x) == tensors(y), x
PYTHON

# Beside training and in the foreground: the same, on one rank and several, with and without local steps.
for size in 1 3; do
    for local in 0 5; do
        for way in true false; do
            expect 0 ranks $size "$LLMPI" train tiny.yaml "${one[@]}" --train.local_steps=$local --run.directory=$way-$size-$local \
                --checkpoint.background=$way
            contains err "saved $way-$size-$local/checkpoints/step-00000020.h5 ("
            grep -q ', training waited ' err && [ $way = false ] && fail "it did not save in the foreground"
            grep -q ', training waited ' err || [ $way = false ] || fail "it did not save beside training"
        done
        /usr/bin/python3 tensors.py {true,false}-$size-$local || fail "saving beside training changes something: $size ranks, $local"
    done
done

# Which files stay, also after a restart, and the best one.
names() { (cd "$1/checkpoints" && echo *); }
rules=("${one[@]}" --checkpoint.every=2 --checkpoint.keep=2 --checkpoint.keep_every=6 --checkpoint.keep_best=1 --evaluate.every=4 --run.directory=rules)
expect 0 "$LLMPI" train tiny.yaml "${rules[@]}" --train.steps=13
expect 0 "$LLMPI" train tiny.yaml "${rules[@]}" --train.steps=20
best=$(readlink rules/checkpoints/best.h5)
[ "$(names rules)" = "best.h5 step-00000006.h5 step-00000012.h5 step-00000018.h5 step-00000020.h5" ] ||
    fail "other files stay: $(names rules)"
[ "$best" = step-00000020.h5 ] || fail "the best is $best"
expect 0 "$LLMPI" inspect rules/checkpoints/best.h5
contains out "validation_loss"

# A file that is whole and lacks a tensor, or is damaged: warned of, set aside, and saved again.
cp -r true-1-0 aside
/usr/bin/python3 - <<'PYTHON'
data = bytearray(open("aside/checkpoints/step-00000020.h5", "rb").read()); data[3000] ^= 1
open("aside/checkpoints/step-00000020.h5", "wb").write(data)
PYTHON
expect 0 "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=aside
contains err "aside/checkpoints/step-00000020.h5 is damaged: its digest is "
contains err "aside/checkpoints/step-00000020.h5 is now aside/checkpoints/step-00000020.h5.damaged"
contains err "continuing from aside/checkpoints/step-00000015.h5 (step 15)"
/usr/bin/python3 tensors.py true-1-0 aside || fail "continuing from the one before gives something else"

# Another tokenizer of the same size.
expect 0 "$LLMPI" corpus generate --documents=400 --seed=8 --output=corpus.jsonl
other=(--tokenizer.path=other.json --shards.directory=other)
expect 0 "$LLMPI" tokenizer train tiny.yaml "${other[@]}"
expect 0 "$LLMPI" shard tiny.yaml "${other[@]}"
expect 2 "$LLMPI" train tiny.yaml "${other[@]}" --run.directory=aside --train.steps=30
contains err "was trained with tokenizer "
contains err "set tokenizer.path and shards.directory back to its own"

# A full disk.
mkdir full
if mount -t tmpfs -o size=1300k tmpfs full 2>/dev/null; then
    expect 1 ranks 2 "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=full/run
    contains err "saved full/run/checkpoints/step-00000005.h5"
    [ "$(grep -c 'warning: .*step [0-9]* is not saved: .*No space left on device' err)" -ge 2 ] || fail "a full disk was not warned of each time"
    [ "$(grep -c 'llmpi: error: ' err)" -eq 1 ] || fail "not one error"
    [ -z "$(ls full/run/checkpoints | grep tmp)" ] || fail "a failed save left files behind"
    expect 0 "$LLMPI" inspect --verify full/run/checkpoints/*.h5
    umount full
else
    echo "not tested here: a full disk (mounting a tmpfs is not allowed)"
fi

# A limit of the shell's on the size of a file (KiB) is like a full disk.
small() { (ulimit -f 300 && exec "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=limited); }
expect 1 small
contains err "error: step 20 is not saved: cannot write limited/checkpoints/step-00000020.h5: File too large"

if ldd "$LLMPI" | grep -q libasan; then
    echo "not tested here: kills inside a save (the sanitizers cannot be combined with a preloaded library)"
    finish
fi
cc -shared -fPIC -O1 -o failing.so "$LLMPI_SOURCE/tests/fault/failing_calls.c" -ldl || exit 1
# A slow disk: the file has the state of its step, although steps go on meanwhile.
for size in 1 3; do
    expect 0 ranks $size env SLOW_PWRITE=1000 LD_PRELOAD=$work/failing.so "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=slow-$size
    /usr/bin/python3 tensors.py true-$size-0 slow-$size || fail "$size ranks: steps change what is being saved"
done

# A name that cannot be given: training goes on, and the end tells where it was the last state's.
saved=0 lost=0
for at in 2 3 4 5 6; do
    FAIL_CALL=rename FAIL_AT=$at FAIL_MARK=$work/mark LD_PRELOAD=$work/failing.so \
        "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=nameless-$at >out 2>err </dev/null
    case $?:$(grep -c 'warning: step [0-9]* is not saved: cannot write nameless' err) in
        0:1) saved=$((saved + 1)) ;;
        1:1) lost=$((lost + 1)) && contains err "error: step 20 is not saved: cannot write nameless" ;;
        *) grep -q "step 20/20" err && [ "$(ls nameless-$at/checkpoints | wc -l)" -ne 4 ] && fail "rename $at was not warned of" ;;
    esac
done
[ $saved -ge 2 ] && [ $lost -eq 1 ] || fail "$saved saves that failed and went on, $lost last states"

# Killed at the n-th write, fsync or rename, which the writer makes while training goes on.
for call in pwrite:9 pwrite:30 pwrite:61 pwrite:90 pwrite:200 fsync:4 fsync:9 fsync:11 rename:3 rename:4; do
    SLOW_PWRITE=300 FAIL_CALL=${call%:*} FAIL_AT=${call#*:} FAIL_MARK=$work/mark FAIL_BY_KILLING=1 LD_PRELOAD=$work/failing.so \
        "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=killed >out 2>err </dev/null
    [ $? -eq 137 ] && killed=$((${killed:-0} + 1))
    expect 0 "$LLMPI" train tiny.yaml "${one[@]}" --run.directory=killed
    /usr/bin/python3 tensors.py true-1-0 killed || fail "$call: continuing after the kill gives something else"
    [ -z "$(ls killed/checkpoints | grep tmp)" ] || fail "$call: temporary files are left"
    rm -rf killed
done
[ "${killed:-0}" -ge 8 ] || fail "only ${killed:-0} kills hit"
finish
