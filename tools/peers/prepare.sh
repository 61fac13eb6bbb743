#!/usr/bin/env bash
# Installs the peers (package.json) with npm into a folder, and copies the scripts beside them, where node finds both.
# Does nothing when they are there already. Prints the folder.
#
#   tools/peers/prepare.sh [FOLDER]     default: build/peers
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../build/peers}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cp "$here"/*.mjs "$folder"
if ! cmp -s "$here/package.json" "$folder/package.json" || [ ! -d "$folder/node_modules" ]; then
    command -v npm >/dev/null || { echo "the peers need node and npm" >&2; exit 1; }
    cp "$here/package.json" "$folder"
    (cd "$folder" && npm install --no-audit --no-fund >&2) || { rm -f "$folder/package.json"; exit 1; }
fi
echo "$folder"
