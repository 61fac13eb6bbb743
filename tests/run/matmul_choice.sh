#!/usr/bin/env bash
# LLMPI_MATMUL: a provider of bf16 products that does not exist, or that the instruction sets in use do not carry, is
# wrong usage and said in one sentence; one that can be had is taken.
# shellcheck source=common.sh
. "$LLMPI_SOURCE/tests/run/common.sh"

run() { expect "$1" env "${@:2}" "$LLMPI" bench matmul --help; }

run 2 LLMPI_MATMUL=fast
contains err "LLMPI_MATMUL: 'fast'; allowed are tiles, onednn, plain"
[ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
run 2 LLMPI_MATMUL=onednn LLMPI_MAX_ISA=plain
if "$LLMPI" --version | grep -q '^oneDNN: none'; then
    contains err "'onednn' is not in this build"
else
    contains err "'onednn' needs the instruction set avx512_bf16; in use is plain"
fi
run 0 LLMPI_MATMUL=plain
run 0 LLMPI_MATMUL=
finish
