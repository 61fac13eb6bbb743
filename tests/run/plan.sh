#!/usr/bin/env bash
# Numbers of `llmpi plan` against published or hand-made ones.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
bad=0

# field NAME: the number of that name in plan.json
field() { sed -nE "s/.*\"$1\": ([^,}]+).*/\1/p" plan.json; }
expect() {
    [ "$(field "$1")" = "$2" ] || { echo "$1 is '$(field "$1")', not $2"; bad=1; }
}

: >empty.yaml
gpt2=(--model.n_layer=12 --model.n_head=12 --model.n_embd=768 --model.context_length=1024 --tokenizer.vocab_size=50257)
"$LLMPI" plan empty.yaml "${gpt2[@]}" --ranks=4 --speed=1000 --json >plan.json || exit 1
expect parameters 124439808 # Hugging Face's GPT2LMHeadModel("gpt2").num_parameters()
expect parameters_embedding 39383808
expect parameters_layernorm 38400
expect parameter_bytes 497759232
expect moment_bytes 249049088 # of 995518464 a quarter of each block, in whole chunks of 4096
expect shared_bytes 746808320 # all that the others own, and of each of the three what this rank owns
expect flop_per_token 798543360 # 6 (124439808 - 1024 768) + 12 12 768 1024/2
expect exchange_bytes_per_step 746638848 # 2 3/4 of 4 bytes per parameter
expect chinchilla_tokens 2488796160
expect tokens_per_step 32768 # 32 sequences
expect tokens 19660800
expect hours 5.4613333333333332 # tokens / 1000 / 3600
"$LLMPI" plan empty.yaml "${gpt2[@]}" --ranks=4 --speed=1000 --json --train.exchange=allreduce >plan.json || exit 1
expect moment_bytes 995518464
expect shared_bytes 0
"$LLMPI" plan empty.yaml "${gpt2[@]}" --ranks=4 --nodes=2 --speed=1000 --json --train.wire=bf16 >plan.json || exit 1
expect node_bytes_per_step 124439808 # a quarter of 2 bytes per parameter, twice
expect master_bytes 124524544        # half of the moments
expect shared_bytes 497759232        # the gradients of the other rank

# Sizes of the other models of the GPT-2 report, as Hugging Face counts them.
size() {
    "$LLMPI" plan empty.yaml --tokenizer.vocab_size=50257 --model.context_length=1024 --model.n_layer="$1" \
        --model.n_head="$2" --model.n_embd="$3" --speed=1 --json >plan.json || exit 1
    expect parameters "$4"
}
size 24 16 1024 354823168
size 36 20 1280 774030080
size 48 25 1600 1557611200

# Without biases and with a head of its own: V C more, and 12 (4 + 5) C + 25 C fewer.
"$LLMPI" plan empty.yaml "${gpt2[@]}" --model.bias=false --model.tied_head=false --speed=1 --json >plan.json || exit 1
expect parameters $((124439808 + 50257 * 768 - 12 * 9 * 768 - 25 * 768))
expect exchange_bytes_per_step 0 # one rank

# Eight slots on one rank need three more gradients; on eight ranks none.
"$LLMPI" plan empty.yaml --train.slots=8 --speed=1 --json >plan.json || exit 1
parameters=$(field parameters)
expect gradient_bytes $((4 * 4 * parameters))
"$LLMPI" plan empty.yaml --train.slots=8 --ranks=8 --speed=1 --json >plan.json || exit 1
expect gradient_bytes $((4 * parameters))

# The vocabulary of the tokenizer counts, once it is there.
data=$LLMPI_TEST_DATA/gpt2-tokenizer
if [ -d "$data" ]; then
    "$LLMPI" plan empty.yaml --tokenizer.path="$data" --speed=1 --json >plan.json || exit 1
    expect vocab_size 50257
else
    echo "the vocabulary of a tokenizer is not tried: $data is missing"
fi

# The table for people: a total, and a speed measured here.
"$LLMPI" plan empty.yaml >table || exit 1
grep -qE '^  total +2204160   as the 76 tensors that training allocates$' table || { cat table; bad=1; }
grep -qE '^  matrix products +[0-9.]+ [MGT]FLOP/s' table || { cat table; bad=1; }
grep -q 'runs/tokenizer.json does not exist yet' table || { cat table; bad=1; }
for precision in fp32 bf16; do # the products that are timed are those of the run
    "$LLMPI" plan empty.yaml --train.precision=$precision >table || exit 1
    grep -qE "^  matrix products +[0-9.]+ [MGT]FLOP/s   $precision, [0-9]+ cores? here\$" table || { cat table; bad=1; }
done
exit "$bad"
