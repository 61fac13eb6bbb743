#!/usr/bin/env bash
# Encodes the same documents with llmpi, Hugging Face tokenizers and tiktoken in turn, with GPT-2's vocabulary and on one
# thread, compares the ids, and prints a table.
#
#   tools/peers/tokenizers.sh FILE [VOCABULARY]
#
# FILE is plain text or JSON lines (.jsonl, also .gz or .zst). VOCABULARY is a folder with GPT-2's encoder.json and
# vocab.bpe (default: gpt2-tokenizer in LLMPI_TEST_DATA). LLMPI is the program (default: build/llmpi), ROUNDS how often each
# encodes the file (default: 5).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
file=$1
vocabulary=${2:-${LLMPI_TEST_DATA:-$here/../../../shared/data}/gpt2-tokenizer}
llmpi=${LLMPI:-$here/../../build/llmpi}
rounds=${ROUNDS:-5}
folder=$("$here/prepare.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $file in
    *.zst) plain=$work/$(basename "$file" .zst) && zstd -dcq "$file" >"$plain" ;;
    *.gz) plain=$work/$(basename "$file" .gz) && gzip -dc "$file" >"$plain" ;;
    *) plain=$file ;;
esac

"$llmpi" bench tokenizer "$vocabulary" "$file" --rounds="$rounds" --ids="$work/llmpi" --json >"$work/results"
for peer in tokenizers tiktoken; do
    node "$folder/encode.mjs" "$peer" "$vocabulary" "$plain" "$rounds" "$work/$peer" >>"$work/results"
    cmp -s "$work/llmpi" "$work/$peer" && echo '"same"' >>"$work/results" || echo '"differ"' >>"$work/results"
done

node - "$work/results" <<'JS'
const [own, ...peers] = require('node:fs').readFileSync(process.argv[2], 'utf8').trim().split('\n').map(line => JSON.parse(line))
const row = (name, best, median, tokens, ratio, ids) => console.log(name.padEnd(20) + best.padStart(10) + median.padStart(10) +
  tokens.padStart(12) + ratio.padStart(12) + ids.padStart(8))
row('', 'MB/s best', 'median', 'tokens', 'llmpi is', 'ids')
row('llmpi', own.encode_mb_per_second.toFixed(1), own.encode_median_mb_per_second.toFixed(1), `${own.tokens}`, '', '')
for (let i = 0; i < peers.length; i += 2)
  row(peers[i].name, peers[i].best.toFixed(2), peers[i].median.toFixed(2), `${peers[i].tokens}`,
    `${(own.encode_mb_per_second / peers[i].best).toFixed(1)}x`, peers[i + 1])
JS
