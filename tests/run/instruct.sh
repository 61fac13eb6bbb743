#!/usr/bin/env bash
# `llmpi instruct prepare`: every form of conversation as tokens and mask, compared with a few lines of Python; the same
# bytes for any number of ranks; and what is refused.
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "skipped: no h5py"; exit 77; }
prepare_tiny

# Conversations of all forms, and beside them what is expected of each: the text, with { and } around what is learnt.
/usr/bin/python3 - <<'PYTHON'
import gzip, json, random
random.seed(1)
words = "red fox hen log sun map ice owl tea jar".split()
say = lambda: " ".join(random.choices(words, k=random.randint(1, 3)))
expected = []
def turn(role, text, counts=True):
    answer = "{" + text + "<|im_end|>}" if role == "assistant" and counts else text + "<|im_end|>"
    return f"<|im_start|>{role}\n{answer}\n"
def pair(question, answer):
    expected.append(turn("user", question) + turn("assistant", answer))
alpaca, prompts, messages, sharegpt = [], [], [], []
for i in range(20):
    a, b, c, d = say(), say(), say(), say()
    alpaca.append({"instruction": a, "input": b if i % 2 else "", "output": c})
    pair(a + "\n\n" + b if i % 2 else a, c)
    prompts.append({"prompt": a + "?", "response": d, "kind": "x"})
    pair(a + "?", d)
    messages.append({"messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b, "loss_weight": i % 2},
                                  {"role": "user", "content": [{"type": "text", "value": c}], "loss_weight": 0.0},
                                  {"role": "assistant", "content": [{"type": "text", "text": d}]}]})
    expected.append(turn("user", a) + turn("assistant", b, i % 2) + turn("user", c) + turn("assistant", d))
    sharegpt.append({"conversations": [{"from": "system", "value": a}, {"from": "human", "value": b}, {"from": "gpt", "value": c}]})
    expected.append(turn("system", a) + turn("user", b) + turn("assistant", c))
json.dump(alpaca, open("alpaca.json", "w"), indent=1)
lines = lambda rows: "".join(json.dumps(row) + "\n" for row in rows)
open("prompts.jsonl", "w").write(lines(prompts))
gzip.open("messages.jsonl.gz", "wt").write(lines(messages))
open("sharegpt.ndjson", "w").write(lines(sharegpt))
json.dump(expected, open("expected", "w"))
PYTHON
inputs="--instruct.inputs=[alpaca.json,prompts.jsonl,messages.jsonl.gz,sharegpt.ndjson]"
long="--model.context_length=200 --instruct.count=3 --instruct.validation_fraction=0.2"
expect 0 "$LLMPI" instruct prepare tiny.yaml $inputs $long --instruct.directory=one
expect 0 ranks 3 "$LLMPI" instruct prepare tiny.yaml $inputs $long --instruct.directory=three
contains err "of them to be learnt"
for file in one/*; do
    cmp -s "$file" "three/${file#one/}" || fail "three ranks wrote another $file"
done

check_examples() { # FOLDER: all examples are the expected ones
    /usr/bin/python3 - "$1" <<'PYTHON' || fail "other examples than expected"
import glob, h5py, json, sys
tokenizer = json.load(open(f"{sys.argv[1]}/tokenizer.json"))
vocab = tokenizer["model"]["vocab"] | {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
text = {i: t.replace("\u0120", " ").replace("\u010a", "\n") for t, i in vocab.items()}
found = []
for name in sorted(glob.glob(f"{sys.argv[1]}/*.h5")):
    with h5py.File(name, "r") as file:
        ids, mask, starts = file["tokens"][:], file["loss_mask"][:], file["document_starts"][:].tolist()
        assert mask.dtype == "uint8" and len(mask) == len(ids) and set(mask.tolist()) <= {0, 1}
        assert file.attrs["vocab_size"] == len(text) and file.attrs["loss_mask"] == 1
    for first, end in zip(starts, starts[1:] + [len(ids)]):
        out, before = "", 0
        for i, counts in zip(ids[first:end].tolist(), mask[first:end].tolist()):
            out += ("{" if counts > before else "}" if counts < before else "") + text[i]
            before = counts
        found.append(out)
assert "validation-00000-of-00003.h5" in "".join(glob.glob(f"{sys.argv[1]}/*"))
sys.exit(sorted(found) != sorted(json.load(open("expected"))))
PYTHON
}
check_examples one
expect 0 "$LLMPI" inspect --verify one/train-00000-of-00003.h5

# What is printed: learnt tokens in brackets, without colours where there is no terminal.
expect 0 "$LLMPI" instruct prepare tiny.yaml $inputs $long --instruct.directory=one --show=3
contains out "--- example 1 of"
[ "$(grep -c '⟦.*<|im_end|>⟧' out)" -ge 3 ] || fail "--show does not mark the answers"
grep -q $'\033' out && fail "colours without a terminal"

# A system turn for all, and conversations that are too long.
expect 0 "$LLMPI" instruct prepare tiny.yaml --instruct.inputs=[alpaca.json] $long --instruct.directory=system \
    --instruct.system="Be brief." --show=1
contains out "<|im_start|>system"
expect 0 "$LLMPI" instruct prepare tiny.yaml $inputs --model.context_length=60 --instruct.directory=short
grep -q "longer than 61 tokens: [1-9][0-9]* shortened by whole turns" err || fail "nothing was shortened: $(cat err)"
expect 0 "$LLMPI" instruct prepare tiny.yaml $inputs --model.context_length=60 --instruct.directory=short \
    --instruct.too_long=drop
grep -q "longer than 61 tokens: 0 shortened by whole turns, [1-9]" err || fail "nothing was dropped: $(cat err)"

# A record that is no conversation, a text, no inputs, and a template that does not end.
printf '{"prompt": "a", "response": "b"}\n{"prompt": "a"}\n' >broken.jsonl
expect 1 "$LLMPI" instruct prepare tiny.yaml --instruct.inputs=[broken.jsonl] $long --instruct.directory=broken
contains err 'broken.jsonl: record at byte 33: member "response" is missing'
expect 0 "$LLMPI" instruct prepare tiny.yaml --instruct.inputs=[broken.jsonl] $long --instruct.directory=broken \
    --corpus.on_error=skip
contains err "1 records are no conversations and were skipped"
echo "a text" >text.txt
expect 2 "$LLMPI" instruct prepare tiny.yaml --instruct.inputs=[text.txt] --instruct.directory=broken
contains err "plain text, which holds no conversations"
expect 2 "$LLMPI" instruct prepare tiny.yaml --instruct.directory=broken
contains err "patterns in instruct.inputs"
expect 2 "$LLMPI" instruct prepare tiny.yaml $inputs --instruct.directory=broken --instruct.end_of_turn="<|stop|>"
contains err "must hold instruct.end_of_turn"
expect 2 "$LLMPI" instruct
finish
