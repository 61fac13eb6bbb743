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
if [ ! -d "$modules/node_modules/parquet-wasm" ] &&
    ! (cd "$modules" && timeout 240 npm install --no-audit --no-fund --no-package-lock >"$work/npm.log" 2>&1); then
    echo "skipped: npm cannot install DuckDB and parquet-wasm: $(tail -n 1 "$work/npm.log")"
    exit 77
fi
node "$modules/compare.mjs" "$LLMPI_PARQUET_DUMP" "$work/files" || fail "values differ"
touch "$work/files/records.yaml"
node "$modules/records.mjs" "$LLMPI" "$work/files" || fail "records differ"
finish
