#!/usr/bin/env bash
# Ranks agree on precision and instruction sets, the weakest decides, and it is said; checkpoints record both, and a change
# on continuing warns.
. "$(dirname "$0")/common.sh"
prepare_tiny
level=$("$LLMPI" --version | sed -nE 's/.*(plain|avx2|avx512|avx512_bf16|amx)$/\1/p' | tail -n 1)
[ -n "$level" ] || fail "--version names no instruction set"
auto=$([ "$level" = amx ] && echo bf16 || echo fp32)
few="--train.steps=2 --checkpoint.every=1"

expect 0 "$LLMPI" train tiny.yaml --run.directory=auto $few
contains err "precision: $auto (products: "
contains err "), instructions $level"
expect 0 "$LLMPI" inspect auto/checkpoints/step-00000002.h5
grep -qE "^ *precision +$auto\$" out || fail "inspect does not show the precision"
grep -qE "^ *instructions +$level\$" out || fail "inspect does not show the instruction sets"
grep -qE "^ *products +[a-z]" out || fail "inspect does not show the products"

expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain $few
contains err "precision: fp32 (products: "
contains err "), instructions plain"
expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain --train.steps=3
grep -q "changed since the checkpoint: [a-z]* [a-z0-9]* ->" err && fail "it warns of a change that is none"
expect 0 env LLMPI_MAX_ISA=plain "$LLMPI" train tiny.yaml --run.directory=plain --train.steps=4 --train.precision=bf16
contains err "warning: changed since the checkpoint: precision fp32 -> bf16"
contains err "train.precision: auto -> bf16"
contains err "hint: without AMX, products in bf16 are slow"
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
expect 0 mpirun -q -np 1 "$LLMPI" bench step tiny.yaml --steps=1 --json : \
    -np 1 env LLMPI_MAX_ISA=plain "$LLMPI" bench step tiny.yaml --steps=1 --json
contains err "rank 1 on host $(hostname) has only plain: all ranks use plain, fp32"
contains out '"precision": "fp32"'
finish
