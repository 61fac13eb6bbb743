#!/usr/bin/env bash
# Generates with llmpi and with llama.cpp (npm package node-llama-cpp) from a model of the same shape and type of numbers,
# in turn, several rounds, and prints tokens per second of a prompt and of decoding one text. Only ratios of one run mean
# something.
#
#   tools/peers/generate.sh CONFIG GGUF fp32|bf16 [--section.key=value ...]
#
# GGUF is a model of CONFIG's shape with weights of that type: `llmpi export CHECKPOINT --format=gguf`. LLMPI is the program
# (default: build/llmpi), THREADS what both use (2), ROUNDS how often each is started (3), PROMPT the tokens of the prompt
# (512). LLAMA_NODE is a folder in which the package is installed; without it, it is installed into the cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
config=$1 gguf=$2 precision=$3
shift 3
llmpi=${LLMPI:-$here/../../build/llmpi}
threads=${THREADS:-2} rounds=${ROUNDS:-3} prompt=${PROMPT:-512}
export LLAMA_NODE=${LLAMA_NODE:-${XDG_CACHE_HOME:-$HOME/.cache}/llmpi-llama}
if [ ! -d "$LLAMA_NODE/node_modules/node-llama-cpp" ]; then
    mkdir -p "$LLAMA_NODE"
    npm install --prefix "$LLAMA_NODE" --no-audit --no-fund --silent --ignore-scripts --omit=optional \
        node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1 >&2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    "$llmpi" bench generate "$config" --train.precision="$precision" --run.threads="$threads" --prompt="$prompt" --rounds=3 \
        --json "$@" 2>/dev/null >>"$work/ours"
    node "$here/llama_generate.mjs" "$gguf" "$prompt" 64 "$threads" 3 2>/dev/null >>"$work/theirs"
done
node - "$work" <<'JS'
const { readFileSync } = require('node:fs')
const read = name => readFileSync(`${process.argv[2]}/${name}`, 'utf8').trim().split('\n').map(line => JSON.parse(line))
const best = (list, value) => Math.max(...list.map(value))
const ours = read('ours'), theirs = read('theirs')
const rows = [
  ['prompt', best(ours, o => o.prompt_tokens_per_second), best(theirs, t => t.prompt_tokens_per_second)],
  ['decode', best(ours, o => o.decode[0].tokens_per_second), best(theirs, t => t.decode_tokens_per_second)]
]
console.log('tokens/s       llmpi   llama.cpp    ratio')
for (const [name, a, b] of rows)
  console.log(name.padEnd(8), a.toFixed(1).padStart(11), b.toFixed(1).padStart(11), (a / b).toFixed(2).padStart(8))
const share = (rate, bound) => `${(100 * best(ours, rate) / best(ours, bound)).toFixed(1)} %`
console.log(`of its bounds, llmpi: prompt ${share(o => o.prompt_gflops, o => o.peak_gflops)} of square products, ` +
  `decode ${share(o => o.decode[0].gb_per_second, o => o.memory_gb_per_second)} of reading memory`)
JS
