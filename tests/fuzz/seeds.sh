#!/usr/bin/env bash
# tests/fuzz/seeds.sh NAME FOLDER: fills FOLDER with inputs that the fuzzer NAME starts from: the configurations of this
# tree, a few lines of each format, and small files of the test data where they are (LLMPI_TEST_DATA).
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
data=${LLMPI_TEST_DATA:-$source/../shared/data}
name=$1
mkdir -p "$2"
cd "$2"

# take LARGEST FILE...: copies those of the files that exist and have at most LARGEST bytes.
take() {
    local largest=$1 file
    shift
    for file; do
        [ -f "$file" ] && [ "$(stat -c %s "$file")" -le "$largest" ] && cp "$file" "$(basename "$file")"
    done
    true
}

json_lines() {
    printf '{"text": "one two, three", "score": 0.5, "id": "<urn:uuid:1>"}\n' >plain.jsonl
    printf '{"text": "\\ud83d\\ude00 \\u0041\\n\\t\\"\\\\\\/"}\r\n\r\n \t\n{"text": "b", "more": [1, -2.5e3, null, true, {"a": {}}]}' >escapes.jsonl
    printf '\xef\xbb\xbf{"text": "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80"}\n{"text": "\xff"}\n{"text": ""}\n{"txt": 1}\n' >bytes.jsonl
    printf '[1]\n"x"\n{"text": 5}\n{"text": null, "text": "y"}\n{"text": "\\ud800"}\n{"text": "cut' >errors.jsonl
    printf '{"a": [[[[[[{"b": 0}]]]]]], "text": "deep", "score": 12345678901234567890}\n' >deep.jsonl
}

plain_text() {
    printf 'one two\n\nthree\r\n\n\nfour\n\n' >separators.txt
    printf '\xef\xbb\xbfcaf\xc3\xa9\n\n\xff broken\n\n\xe4\xb8\n' >bytes.txt
    printf '\n' >line_end.txt
    : >empty.txt
}

compressed() {
    json_lines
    for file in *.jsonl; do
        gzip -nc "$file" >"$file.gz"
        if command -v zstd >/dev/null; then
            zstd -q --check -c "$file" >"$file.zst"
        fi
    done
    cat plain.jsonl.gz escapes.jsonl.gz >two.gz
    head -c 60 bytes.jsonl.gz >cut.gz
    printf '\x1f\x8b' >head.gz
    rm -f ./*.jsonl
}

yaml() {
    take 20000 "$source"/configs/*.yaml
    printf 'train: {steps: 4, learning_rate: 1e-3}\ncorpus:\n  inputs:\n  - a b\n  - "c\\n\\u00e9"\n' >flow.yaml
    printf "run: {directory: 'it''s'}\nsample: {prompts: [\"\\x41\", 'two words', plain]}\n" >quotes.yaml
    printf 'corpus:\n  document_separator: |\n    --\n  text_field: >-\n    folded\n    text\n' >blocks.yaml
    printf 'a: &x 1\nb: *x\n--- !!str c\n? d\n: e\n' >refused.yaml
}

tokenizer() {
    cat >tiny.json <<'JSON'
{"version": "1.0", "added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": true}],
 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, "decoder": {"type": "ByteLevel"},
 "model": {"type": "BPE", "vocab": {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3, "\u0120": 4}, "merges": ["a b", ["\u0120", "a"]]}}
JSON
    printf '%s' '{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"<|unk|>": 0, "a": 1}, "unk_token": "<|unk|>"}}' >word.json
    whole_alphabet >whole.json
}

# A tokenizer with all 256 bytes and two merges, which loads: GPT-2's letters for the bytes (encoder.py of openai/gpt-2).
whole_alphabet() {
    awk 'BEGIN {
        printf "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 256, \"content\": \"<|endoftext|>\", \"special\": true}], "
        printf "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true}, "
        printf "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {"
        others = 256
        for (byte = 0; byte < 256; byte++) {
            printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173)
            printf "\"\\u%04x\": %d, ", printable ? byte : others++, byte
        }
        printf "\"<|endoftext|>\": 256, \"th\": 257, \"the\": 258}, \"merges\": [\"t h\", \"th e\"]}}"
    }'
}

parquet() {
    take 100000 "$data"/fineweb/parquet/*.parquet
    if command -v python3 >/dev/null; then
        python3 "$source/tests/fuzz/parquet_seeds.py"
    fi
    printf 'PAR1\0\0\0\0PAR1' >shell.parquet
}

# tensors FORMAT
tensors() {
    if command -v python3 >/dev/null; then
        python3 "$source/tests/fuzz/tensor_seeds.py" "$1"
    fi
    printf 'GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >shell.gguf
    printf '\2\0\0\0\0\0\0\0{}' >shell.safetensors
}

case $name in
    fuzz_json_lines) json_lines ;;
    fuzz_plain_text) plain_text ;;
    fuzz_compressed) compressed ;;
    fuzz_yaml) yaml ;;
    fuzz_tokenizer*) tokenizer ;;
    fuzz_parquet*) parquet ;;
    fuzz_gguf) tensors gguf ;;
    fuzz_safetensors) tensors safetensors ;;
    *) : >empty ;;
esac
