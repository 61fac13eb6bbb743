#!/usr/bin/env bash
# Ranks agree on precision and instruction sets, the weakest decides, and it is said; checkpoints record both, and a change
# on continuing warns.
. "$(dirname "$0")/common.sh"
prepare_tiny
level=$("$LLMPI" --version | sed -nE 's/.*(plain|avx2|avx512|avx512_bf16|amx)$/\1/p' | tail -n 1)
[ -n "$level" ] || fail "--version names no instruction set"
auto=$([ "$level" = amx ] && echo bf16 || echo fp32)
few="--train.steps=2 --checkpoint.every=1"
export XDG_CACHE_HOME=$work/cache

expect 0 "$LLMPI" train tiny.yaml --run.directory=auto $few
if [ "$level" = avx512_bf16 ] && grep -q "products of bf16 numbers are" err; then # bf16 where it is measured to pay
    gain=$(sed -nE 's/^products of bf16 numbers are ([0-9.]+) times as fast as of fp32 \(measured at start\)$/\1/p' err)
    auto=$(awk "BEGIN { print ($gain >= 1.25 ? \"bf16\" : \"fp32\") }")
fi
contains err "precision: $auto (products: "
contains err "), instructions $level"
expect 0 "$LLMPI" inspect auto/checkpoints/step-00000002.h5
grep -qE "^ *precision +$auto\$" out || fail "inspect does not show the precision"
grep -qE "^ *instructions +$level\$" out || fail "inspect does not show the instruction sets"
grep -qE "^ *products +[a-z]" out || fail "inspect does not show the products"

# Other commands, threads and ranks take the same decision.
expect 0 "$LLMPI" plan tiny.yaml
contains out "$auto, 1 core here"
for command in matmul kernels step; do
    expect 0 "$LLMPI" bench $command tiny.yaml --json
    contains out "\"precision\": \"$auto\""
    [ -z "${gain:-}" ] || contains err "products of bf16 numbers are $gain times as fast as of fp32 (from $work/cache/"
done
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=two $few
contains err "precision: $auto (products: "

expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain $few
contains err "precision: fp32 (products: "
contains err "), instructions plain"
expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain --train.steps=3
grep -q "changed since the checkpoint: [a-z]* [a-z0-9]* ->" err && fail "it warns of a change that is none"
expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain --train.steps=4 --train.precision=bf16
contains err "warning: changed since the checkpoint: precision fp32 -> bf16"
contains err "train.precision: auto -> bf16"
contains err "hint: products of bf16 numbers are computed in fp32 here"
if [ -n "${gain:-}" ]; then
    expect 0 "$LLMPI" train tiny.yaml --run.directory=auto --train.steps=3 --train.precision=bf16
    grep -q "hint: products of bf16" err && fail "it warns of bf16 where the processor has instructions for it"
fi
if [ "$level" = plain ]; then
    echo "not tested: ranks of unlike processors, as this one has nothing above 'plain'"
    finish
fi
expect 0 "$LLMPI" train tiny.yaml --run.directory=plain --train.steps=5 --train.precision=fp32
contains err "changed since the checkpoint: precision bf16 -> fp32"
contains err "instructions plain -> $level; from here on"

# The second of two ranks is weaker.
expect 0 mpirun -q -np 1 "$LLMPI" train tiny.yaml --run.directory=mixed $few : \
    -np 1 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=mixed $few
contains err "rank 1 on host $(hostname) has only plain: all ranks use plain, fp32"
contains err "precision: fp32 (products: "
expect 0 mpirun -q -np 1 "$LLMPI" train tiny.yaml --run.directory=most $few : \
    -np 2 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=most $few
contains err "rank 1 on host $(hostname) and 1 more have only plain: all ranks use plain, fp32"
expect 0 mpirun -q -np 1 "$LLMPI" bench step tiny.yaml --steps=1 --steps-only --json : \
    -np 1 env LLMPI_MAX_ISA=plain "$LLMPI" bench step tiny.yaml --steps=1 --steps-only --json
contains err "rank 1 on host $(hostname) has only plain: all ranks use plain, fp32"
contains out '"precision": "fp32"'
finish
