#!/usr/bin/env bash
# How ranks share gradients and parameters, end to end: which runs must have the same bits, and which nearly the same
# losses. LLMPI_TEAM_SIZE makes one machine several nodes.
. "$(dirname "$0")/common.sh"
prepare_tiny

# train DIRECTORY RANKS OPTION...
train() { expect 0 ranks "$2" "$LLMPI" train tiny.yaml --run.directory="$1" "${@:3}"; }

# in_teams LIMIT COMMAND...
in_teams() { LLMPI_TEAM_SIZE=$1 "${@:2}"; }

# rewind DIRECTORY STEP COPY: the copy is as if the run had been killed some steps after that checkpoint
rewind() {
    local file
    cp -r "$1" "$3"
    for file in "$3"/checkpoints/*.h5; do
        [[ $file > $3/checkpoints/step-$(printf %08d "$2").h5 ]] && rm "$file"
    done
    return 0
}

cat >compare.py <<'PYTHON'
"""compare.py same RUN OTHER...      the same losses and norms, and the same tensors in the last checkpoint, to the bit
compare.py within SHARE RUN OTHER... losses differ by at most that share"""
import glob, json, sys
try:
    import h5py
except ImportError:
    h5py = None

def losses(name):
    rows = [json.loads(line) for line in open(f"{name}/metrics.jsonl")]
    return [(row["step"], key, row[key]) for row in rows for key in ("loss", "grad_norm", "validation_loss") if key in row]

def tensors(name):
    found = {}
    with h5py.File(sorted(glob.glob(f"{name}/checkpoints/*.h5"))[-1], "r") as file:
        file.visititems(lambda path, item: found.__setitem__(path, item[()].tobytes())
                        if isinstance(item, h5py.Dataset) and path != "config" else None)
    return found

def same(first, *others):
    bad = False
    for other in others:
        if losses(other) != losses(first):
            print(f"{other}: other losses than {first}")
            bad = True
        if h5py:
            a, b = tensors(first), tensors(other)
            wrong = [path for path in a if a[path] != b.get(path)]
            assert sum(path.startswith("optimizer/") for path in a) * 3 == 2 * (len(a) - 1), sorted(a)
            if wrong or len(a) != len(b):
                print(f"{other}: {len(wrong)} of {len(a)} tensors differ from {first}: {wrong[:3]}")
                bad = True
    return bad

def within(share, first, *others):
    def worst(other):
        a = [row for row in losses(first) if row[1] != "grad_norm"]
        b = [row for row in losses(other) if row[1] != "grad_norm"]
        assert [row[:2] for row in a] == [row[:2] for row in b], (first, other)
        return max(abs(x[2] - y[2]) / x[2] for x, y in zip(a, b))
    print("largest relative differences from", first, {other: worst(other) for other in others})
    return max(worst(other) for other in others) > float(share)

sys.exit({"same": same, "within": within}[sys.argv[1]](*sys.argv[2:]))
PYTHON
compare() { /usr/bin/python3 compare.py "$@" || fail "compare $*"; }
/usr/bin/python3 -c 'import h5py' 2>/dev/null || echo "note: without h5py, tensors of checkpoints are not compared"

# With slots: the same bits for every number of ranks and nodes, with accumulation, dropout, and a norm that is clipped.
# Which slots a rank holds does not depend on the precision: 2 and 8 ranks compute in fp32 alone.
slots=(--train.slots=8 --train.steps=50 --train.batch_size=16 --train.micro_batch=1 --model.dropout=0.1 --train.grad_clip=0.1
    --checkpoint.every=25)
for precision in fp32 bf16; do
    options=("${slots[@]}" --train.precision=$precision)
    [ $precision = fp32 ] && sizes=(1 2 4 8) || sizes=(1 4)
    for size in "${sizes[@]}"; do
        train $precision-$size $size "${options[@]}"
    done
    for limit in 1 2; do
        in_teams $limit train $precision-4-$limit 4 "${options[@]}"
        contains err "4 ranks in $((4 / limit)) groups"
    done
    compare same "${sizes[@]/#/$precision-}" $precision-4-{1,2}
    for size in 1 2; do # saved by four ranks, continued by fewer
        rewind $precision-4 25 $precision-continued-$size
        train $precision-continued-$size $size "${options[@]}"
        contains err "(step 25)"
    done
    compare same $precision-1 $precision-continued-{1,2}
done
/usr/bin/python3 - <<'PYTHON' || fail "the norm is not clipped"
import json, sys
rows = [json.loads(line) for line in open("fp32-1/metrics.jsonl")]
sys.exit(sum(row.get("grad_norm", 0) > 0.1 for row in rows) < 40)
PYTHON
cmp -s fp32-1/metrics.jsonl bf16-1/metrics.jsonl && fail "bf16 was not used"

# Without slots: a run repeated on the same ranks has the same bits; MPI_Allreduce and other numbers of ranks give the
# same losses but for rounding, of about 1e-7 a step.
plain=(--train.batch_size=12 --model.dropout=0.1)
train allreduce 3 "${plain[@]}" --train.exchange=allreduce
contains err "exchange: MPI_Allreduce over 3 ranks"
train sharded 3 "${plain[@]}"
contains err "divided among 3 ranks, through shared memory"
train again 3 "${plain[@]}"
in_teams 2 train uneven 3 "${plain[@]}" # two nodes of two and one
in_teams 2 train uneven-again 3 "${plain[@]}"
compare same sharded again
compare same uneven uneven-again
compare within 1e-5 allreduce sharded uneven

# Saved by four ranks, continued by fewer, or with MPI_Allreduce.
train four 4 "${plain[@]}"
for size in 1 3; do
    rewind four 10 four-$size
    train four-$size $size "${plain[@]}"
    contains err "(step 10)"
done
rewind four 10 four-allreduce
train four-allreduce 2 "${plain[@]}" --train.exchange=allreduce
contains err "(step 10)"
compare within 1e-5 four four-{1,3,allreduce}

# How large buckets are changes no bit. This model has blocks of more than the least bucket, 1 MiB.
wide=(--model.n_embd=160 --model.context_length=16 --train.batch_size=2 --train.steps=10)
in_teams 1 train trial 2 "${wide[@]}"
contains err "MiB, with which the ranks waited least"
in_teams 1 train fixed 2 "${wide[@]}" --train.bucket_mb=1
grep -q "waited least" err && fail "a trial although the size is given"
in_teams 1 train large 2 "${wide[@]}" --train.bucket_mb=64
compare same trial fixed large

# bf16 on the wire: it trains as fp32 does, and goes on after a kill with the same bits, since parameters are saved as
# they were before rounding.
half=(--train.learning_rate=3e-3 --model.dropout=0)
in_teams 1 train wire-fp32 2 "${half[@]}"
in_teams 1 train wire-bf16 2 "${half[@]}" --train.wire=bf16
contains err "2 groups with shared memory, bf16 messages"
rewind wire-bf16 10 wire-killed
in_teams 1 train wire-killed 2 "${half[@]}" --train.wire=bf16
contains err "(step 10)"
compare same wire-bf16 wire-killed
compare within 0.01 wire-fp32 wire-bf16
cmp -s wire-fp32/metrics.jsonl wire-bf16/metrics.jsonl && fail "the wire was not used"

# refused MESSAGE OPTION...: with two ranks, a single message
refused() {
    expect 2 ranks 2 "$LLMPI" train tiny.yaml --run.directory=refused "${@:2}"
    [ "$(grep -c "$1" err)" -eq 1 ] || { fail "not one message '$1'"; cat err; }
    [ ! -e refused ] || fail "a refused run has made its directory"
}
refused "train.wire is bf16 but train.slots is 4" --train.wire=bf16 --train.slots=4
refused "train.wire is bf16 but train.exchange is allreduce" --train.wire=bf16 --train.exchange=allreduce

# Where /dev/shm is too small for the gradients, ranks send messages, after one line that says so.
small() {
    unshare -m sh -c 'mount -t tmpfs -o size=128k tmpfs /dev/shm && exec "$@"' sh \
        mpirun -q -np 2 --mca btl self,tcp "$LLMPI" train tiny.yaml --run.directory=small "${plain[@]}"
}
if unshare -m mount -t tmpfs -o size=128k tmpfs /dev/shm 2>/dev/null; then
    expect 0 small
    [ "$(grep -c "node has no shared memory for gradients" err)" -eq 1 ] || { fail "not one line about /dev/shm"; cat err; }
    contains err "2 ranks in 2 groups"
    compare within 1e-5 four small
else
    echo "skipped in part: no mount namespace for a small /dev/shm"
fi
finish
