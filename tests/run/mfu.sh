#!/usr/bin/env bash
# MFU: every step has one, from a peak that is measured at the first start and remembered for the next; a damaged or
# unwritable memory is measured again without a word.
. "$(dirname "$0")/common.sh"
export XDG_CACHE_HOME=$work/cache
prepare_tiny
few="--train.steps=3 --train.precision=fp32"
file=$XDG_CACHE_HOME/llmpi/peak-$(hostname).txt
expect 0 "$LLMPI" train tiny.yaml --run.directory=first $few
contains err "FLOP/s (measured at start)"
grep -qE 'step 3/3: .*tokens/s, MFU [0-9.]+%, ' err || fail "the log has no MFU"
grep -qE 'steps alone: .* tokens/s, MFU [0-9.]+% of the GEMM peak of ' err || fail "the report has no MFU"
[ -s "$file" ] || fail "nothing is remembered in $file"
expect 0 "$LLMPI" train tiny.yaml --run.directory=second $few
contains err "FLOP/s (from $file)"
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=ranks $few
contains err "(measured at start)"
[ "$(wc -l <"$file")" -eq 2 ] || fail "two ranks should have a line of their own, once"
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=ranks-again $few
contains err "(from $file)"
python3 - <<'PYTHON' || fail "MFU is not what the formula gives"
import json
for name in "first", "second", "ranks", "ranks-again":
    rows = [json.loads(line) for line in open(f"{name}/metrics.jsonl")]
    steps = [row for row in rows if "loss" in row]
    assert len(steps) == 3, rows
    for row in steps:
        assert 0 < row["mfu"] < float("inf"), row # neighbours may have slowed the measurement of the peak
    # mfu / tokens_per_second is FLOP per token over the peak: the same in every step.
    ratios = [row["mfu"] / row["tokens_per_second"] for row in steps]
    assert max(ratios) < min(ratios) * 1.0001, ratios
    assert all("mfu" not in row for row in rows if "loss" not in row), rows
PYTHON
# 6 FLOP for each parameter that takes part in a product, and 6 n_layer n_embd T for attention.
rate=$(tail -n 1 "$file" | cut -d' ' -f2)
python3 - "$rate" <<'PYTHON' || fail "MFU does not belong to the remembered rate"
import json, sys
block, norm = 12 * 32 * 32 + 9 * 32, 2 * 32
flop = 6 * (2 * block + 5 * norm + 512 * 32) + 6 * 2 * 32 * 32
row = json.loads(open("second/metrics.jsonl").readline())
assert abs(row["mfu"] - flop * row["tokens_per_second"] / float(sys.argv[1])) < 1e-4 * row["mfu"], row
PYTHON
expect 0 "$LLMPI" inspect second/metrics.jsonl
grep -qE 'MFU +[0-9.]+% \(last line\)' out || fail "inspect does not show MFU"

head -c 40 /dev/urandom >"$file"
expect 0 "$LLMPI" train tiny.yaml --run.directory=damaged $few
contains err "(measured at start)"
expect 0 "$LLMPI" train tiny.yaml --run.directory=damaged-again $few
contains err "(from $file)"
for cache in /proc/nowhere ''; do
    expect 0 env XDG_CACHE_HOME=$cache HOME=/proc/nowhere "$LLMPI" train tiny.yaml --run.directory=unwritable --fresh $few
    contains err "(measured at start)"
    grep -qi "nowhere" err && fail "it speaks of a folder that cannot be written"
done
finish
