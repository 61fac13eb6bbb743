#!/usr/bin/env bash
# llmpi tokenizer through the command line: training with one and two ranks, ids there and back in all formats, GPT-2's
# ids, and the exit status of what is wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "failed: $1"; exit 1; }
expect_failure() { # status, part of the message, command...
    local status=0 expected=$1 part=$2
    shift 2
    "$@" >out.txt 2>err.txt </dev/null || status=$?
    [ "$status" -eq "$expected" ] || fail "status $status, not $expected: $* ($(cat err.txt))"
    grep -qF -- "$part" err.txt || fail "no '$part' in the message of $*: $(cat err.txt)"
    [ "$(wc -l <err.txt)" -eq 1 ] || fail "not one line: $(cat err.txt)"
}

mkdir corpus
for i in $(seq 1 400); do
    echo "The old keeper number $i lit the lantern, and they've walked along the harbour wall in the $i rain."
done >corpus/one.txt
sed 's/keeper/sailor/; s/lantern/candle/' corpus/one.txt >corpus/two.txt
cat >config.yaml <<'YAML'
corpus:
  inputs: [corpus]
tokenizer:
  path: out/tokenizer.json
  vocab_size: 320
YAML
"$LLMPI" tokenizer train config.yaml 2>log.txt || fail "$(cat log.txt)"
grep -q "320 tokens" log.txt || fail "no size in: $(cat log.txt)"
mpirun -np 2 "$LLMPI" tokenizer train config.yaml --tokenizer.path=two.json 2>log.txt || fail "$(cat log.txt)"
cmp out/tokenizer.json two.json
"$LLMPI" tokenizer train config.yaml --tokenizer.vocab_size=30000 --tokenizer.path=all.json 2>log.txt
grep -q "warning: the vocabulary has" log.txt || fail "no word about fewer merges in: $(cat log.txt)"

head -c 5000 /dev/urandom | cat - corpus/one.txt >bytes
for format in text u16 u32; do
    "$LLMPI" tokenizer encode out/tokenizer.json --format=$format <bytes >ids
    "$LLMPI" tokenizer decode out --format=$format <ids | cmp - bytes || fail "format $format"
done
: | "$LLMPI" tokenizer encode two.json | cmp - <(echo)
echo | "$LLMPI" tokenizer decode two.json | cmp - /dev/null
[ "$(printf 'rain<|endoftext|>' | "$LLMPI" tokenizer encode two.json --special | grep -o '[0-9]*$')" = 0 ]
"$LLMPI" tokenizer info two.json --sample=corpus/one.txt >info.txt
grep -q "^vocabulary: 320$" info.txt && grep -q "^special token: 0 <|endoftext|>$" info.txt || fail "$(cat info.txt)"
grep -q "^sample: 1 documents, .* bytes per token$" info.txt && grep -q "^pattern: gpt2$" info.txt || fail "$(cat info.txt)"
"$LLMPI" tokenizer info two.json --sample=corpus/one.txt --json >info.json
for part in '"kind": "bpe"' '"special_tokens": {"<|endoftext|>": 0}' '"longest_token": {"id":' '"bytes_per_token":'; do
    grep -qF "$part" info.json || fail "no $part in: $(cat info.json)"
done
"$LLMPI" tokenizer info two.json --sample=corpus | grep -q "^sample: 2 documents, " || fail "a folder as a sample"
expect_failure 2 "need a --sample" "$LLMPI" tokenizer info two.json --documents=3
expect_failure 1 "none.txt" "$LLMPI" tokenizer info two.json --sample=none.txt

# GPT-2's pair of files; CLIP's has the same names and other rules
mkdir pair clip
{ echo '{'; sed -n '/"vocab": {/,/^    }/p' two.json | sed '1d;$d'; echo '}'; } >pair/vocab.json
sed -n '/"merges": \[/,/^    \]/p' two.json | sed '1d;$d; s/^ *"//; s/",\{0,1\}$//' >pair/merges.txt
"$LLMPI" tokenizer encode two.json <corpus/two.txt | cmp - <("$LLMPI" tokenizer encode pair <corpus/two.txt)
cp pair/merges.txt clip
sed '$d; s/: 319$/&,\n"a<\/w>": 320\n}/' pair/vocab.json >clip/vocab.json
expect_failure 1 "ends in </w>" "$LLMPI" tokenizer info clip

sed 's/"post_processor": null/"post_processor": {"type": "TemplateProcessing"}/' two.json >frames.json
"$LLMPI" tokenizer info frames.json 2>err.txt | cmp - <("$LLMPI" tokenizer info two.json)
grep -q "warning: .*post_processor adds special tokens" err.txt || fail "no warning: $(cat err.txt)"
sed 's/"add_prefix_space": false/"add_prefix_space": true/' frames.json >prefix.json
expect_failure 1 "add_prefix_space is true" "$LLMPI" tokenizer info prefix.json

expect_failure 2 "subcommand" "$LLMPI" tokenizer
expect_failure 2 "no subcommand 'encod'" "$LLMPI" tokenizer encod
expect_failure 2 "--format is 'u8'" "$LLMPI" tokenizer encode two.json --format=u8
expect_failure 1 "No such file" "$LLMPI" tokenizer encode missing.json
expect_failure 1 "has no tokenizer" "$LLMPI" tokenizer encode corpus
expect_failure 1 "config.yaml: line 1" "$LLMPI" tokenizer info config.yaml
expect_failure 2 "vocab_size" "$LLMPI" tokenizer train config.yaml --tokenizer.vocab_size=256
# wrong settings are told before the corpus is read, which is missing here
learn_nothing() { "$LLMPI" tokenizer train config.yaml "--corpus.inputs=[missing]" "$@"; }
expect_failure 2 "'a' is a single character" learn_nothing "--tokenizer.special_tokens=[a]"
expect_failure 2 "allowed are 258" learn_nothing "--tokenizer.special_tokens=[chatml]" --tokenizer.vocab_size=257
expect_failure 2 "allowed are 4" learn_nothing --tokenizer.kind=word "--tokenizer.special_tokens=[a, b]" --tokenizer.vocab_size=3
expect_failure 2 "corpus, which is a folder" learn_nothing --tokenizer.path=corpus
expect_failure 1 "'x'" bash -c 'echo 1 x | "$LLMPI" tokenizer decode two.json'
expect_failure 1 "vocabulary ends at 319" bash -c 'echo 320 | "$LLMPI" tokenizer decode two.json'
expect_failure 1 "no multiple of 2" bash -c 'printf abc | "$LLMPI" tokenizer decode two.json --format=u16'
expect_failure 1 "cannot write to standard output" bash -c 'echo hello | "$LLMPI" tokenizer encode two.json >/dev/full'

gpt2=$LLMPI_TEST_DATA/gpt2-tokenizer
if [ ! -d "$gpt2" ]; then
    echo "GPT-2's ids are skipped: there is no $gpt2"
    exit 0
fi
text='Hello, do you like tea? <|endoftext|> In the sunlit terracesof someunknownPlace.'
ids='15496 11 466 345 588 8887 30 220 50256 554 262 4252 18250 8812 2114 1659 617 34680 27271 13'
[ "$(printf %s "$text" | "$LLMPI" tokenizer encode "$gpt2" --special)" = "$ids" ] || fail "GPT-2's ids"
[ "$(echo "$ids" | "$LLMPI" tokenizer decode "$gpt2")" = "$text" ] || fail "GPT-2's text"
