#!/usr/bin/env bash
# Parquet files that DuckDB and parquet-rs write in some fifty ways give the values that DuckDB reads from them, and
# cleaning writes records that DuckDB finds equal to the rows. Both programs come from npm, into a scratch folder, or into the one that
# LLMPI_NPM names, where a later run finds them again.
. "$(dirname "$0")/common.sh"
for program in node npm; do
    command -v $program >/dev/null || { echo "skipped: there is no $program"; exit 77; }
done
modules=${LLMPI_NPM:-$work}/parquet
mkdir -p "$modules" "$work/files"
cp "$LLMPI_SOURCE"/tests/npm/parquet/* "$modules"/
# Where npm gets no answer it is told soon: two tries, not half a dozen with a minute between them.
if [ ! -d "$modules/node_modules/parquet-wasm" ] &&
    ! (cd "$modules" && timeout 180 npm install --no-audit --no-fund --no-package-lock --fetch-retries=1 \
        --fetch-retry-mintimeout=1000 --fetch-timeout=30000 >"$work/npm.log" 2>&1); then
    reason=$(sed -nE 's/^npm (error|ERR!) code //p' "$work/npm.log")
    echo "skipped: npm cannot install DuckDB and parquet-wasm: ${reason:-no answer}"
    exit 77
fi
node "$modules/compare.mjs" "$LLMPI_PARQUET_DUMP" "$work/files" || fail "values differ"
touch "$work/files/records.yaml"
node "$modules/records.mjs" "$LLMPI" "$work/files" || fail "records differ"
finish
