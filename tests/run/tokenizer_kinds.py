"""Tokenizers of words and of characters through the command line, with Python's re as the judge: the same words, the
same vocabulary, the same ids, the same text back; then training, generation and inspection with each kind."""
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

LLMPI = os.environ["LLMPI"]
DATA = os.path.join(os.environ["LLMPI_TEST_DATA"], "text")
OWN = ("Once a painter had a good, cheap \"genius\" -- so_called; was it? \u00c9t\u00e9\u00a0na\u00efve (tea)!\n"
       "a---b----c --d- \x1c\x1d\x85 \u2003x\u3000y\u180ez 'quoted' e.g. it's: \U0001f600\r\n<|unk|> <|endoftext|>.\n")
failures = []


def check(condition, message):
    if not condition:
        failures.append(message)
        print("failed:", message)


def run(*arguments, text="", status=0):
    done = subprocess.run(arguments, input=text.encode(), capture_output=True, timeout=250)
    message = done.stderr.decode()
    check(done.returncode == status, f"status {done.returncode}, not {status}: {' '.join(arguments)}\n{message}")
    return done.stdout.decode("utf-8", "replace"), message


def words_of(text):
    pieces = re.split(r"([,.:;?_!\"()']|--|\s)", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def join_words(words):
    return re.sub(r"\s+([,.?!\"()'])", r"\1", " ".join(words))


def train(kind, path, *options, special="<|endoftext|>"):
    with open("config.yaml", "w", encoding="utf-8") as file:
        file.write(f"corpus: {{inputs: [{path}]}}\ntokenizer: {{kind: {kind}, path: {kind}.json, vocab_size: 1000000, "
                   f"min_frequency: 1, special_tokens: [{special}]}}\n")
    return run(LLMPI, "tokenizer", "train", "config.yaml", *options)[1]


def check_dropped():
    """Words that the memory did not hold are unknown, too, and said to be."""
    with open("many.txt", "w", encoding="utf-8") as file:
        file.write(" ".join(f"{number * 7919:09}" for number in range(60000)))
    message = train("word", "many.txt", "--tokenizer.vocab_size=20", "--tokenizer.max_memory=16")
    check("dropped " in message, f"nothing was dropped: {message}")
    check("text, 60000 distinct words\n" in message, message)
    check("59982 of 60000 distinct words" in message and "99.970 %" in message, f"not all of the unknown: {message}")


def vocabulary_of(kind):
    with open(f"{kind}.json", encoding="utf-8") as file:
        model = json.load(file)["model"]
    check(model["type"] == "WordLevel" and model["unk_token"] == "<|unk|>", f"{kind}: model {model['type']}")
    return model["vocab"]


def encode(kind, text, *options):
    return [int(number) for number in run(LLMPI, "tokenizer", "encode", f"{kind}.json", *options, text=text)[0].split()]


def decode(kind, ids):
    return run(LLMPI, "tokenizer", "decode", f"{kind}.json", text=" ".join(map(str, ids)))[0]


def compare(name, path, kind):
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    units = words_of(text) if kind == "word" else list(text)
    distinct = [unit for unit in sorted(set(units)) if unit not in ("<|unk|>", "<|endoftext|>")]
    names = distinct + ["<|unk|>", "<|endoftext|>"] if kind == "word" else ["<|unk|>", *distinct, "<|endoftext|>"]
    train(kind, path)
    vocabulary = vocabulary_of(kind)
    check(vocabulary == {unit: number for number, unit in enumerate(names)}, f"{name}: vocabulary of {kind}")
    known = set(distinct)
    units = [unit if unit in known else "<|unk|>" for unit in units]
    ids = encode(kind, text)
    check(ids == [vocabulary[unit] for unit in units], f"{name}: ids of {kind}")
    back = join_words(units) if kind == "word" else "".join(units)
    check(decode(kind, ids) == back, f"{name}: text of {kind}")
    return len(distinct)


def compare_all():
    with open("own.txt", "w", encoding="utf-8", newline="") as file:
        file.write(OWN)
    files = {"own": "own.txt"}
    for name in ("tinyshakespeare", "wiki-articles"):
        if os.path.exists(os.path.join(DATA, name + ".txt")):
            files[name] = os.path.join(DATA, name + ".txt")
        else:
            print(f"{name} is skipped: there is no {DATA}/{name}.txt")
    for kind in ("word", "character"):
        for name, path in files.items():
            distinct = compare(name, path, kind)
            if (name, kind) == ("tinyshakespeare", "character"):
                check(distinct == 65, f"tinyshakespeare has {distinct} characters, not 65")


def check_limits():
    """The most frequent words stay, ties by text; what goes is said."""
    with open("corpus.txt", "w", encoding="utf-8") as file:
        file.write(" ".join(f"w{i % (1 + i // 7)}" for i in range(2000)))
    counts = Counter(f"w{i % (1 + i // 7)}" for i in range(2000))
    kept = sorted(counts, key=lambda word: (-counts[word], word))[:48]
    lost = sum(counts.values()) - sum(counts[word] for word in kept)
    check("text, 12 distinct characters\n" in train("character", "corpus.txt"), "w, a space and ten digits")
    log = train("word", "corpus.txt", "--tokenizer.vocab_size=50")
    check(list(vocabulary_of("word"))[:48] == sorted(kept), "the 48 most frequent words")
    check(f"{len(counts) - 48} of {len(counts)} distinct words" in log and f"{100 * lost / 2000:.3f} %" in log, log)
    train("word", "corpus.txt", "--tokenizer.min_frequency=9")
    check(list(vocabulary_of("word"))[:-2] == sorted(word for word in counts if counts[word] >= 9), "min_frequency")
    out = run(LLMPI, "tokenizer", "info", "word.json", "--sample=corpus.txt")[0]
    rare = sum(count for count in counts.values() if count < 9)
    check(f"{100 * rare / 2000:.3f} % unknown" in out and "kind: word" in out, out)


def check_special_tokens():
    special = "<s>, </s>, <pad>, <unk>, <mask>, chatml"
    expanded = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<|im_start|>", "<|im_end|>"]
    for kind in ("bpe", "word", "character"):
        train(kind, "corpus.txt", "--tokenizer.vocab_size=300", special=special)
        with open(f"{kind}.json", encoding="utf-8") as file:
            ids = {token["content"]: token["id"] for token in json.load(file)["added_tokens"]}
        check([name for name in ids if name != "<|unk|>"] == expanded, f"special tokens of {kind}: {ids}")
        text = "<s>w1<|im_start|></s><<mask><|im_end|><pa"
        found = encode(kind, text, "--special")
        check([i for i in found if i in ids.values() and i != ids.get("<|unk|>")] ==
              [ids[name] for name in ("<s>", "<|im_start|>", "</s>", "<mask>", "<|im_end|>")], f"{kind}: {found}")
        check(not {ids[name] for name in expanded} & set(encode(kind, text)), f"{kind}: special without --special")
        out = run(LLMPI, "tokenizer", "info", f"{kind}.json")[0]
        check(f"special token: {ids['<|im_end|>']} <|im_end|>" in out, out)
    for special, part in (("a, a", "'a' is given twice"), ('""', "empty")):
        with open("config.yaml", "w", encoding="utf-8") as file:
            file.write(f"corpus: {{inputs: [corpus.txt]}}\ntokenizer: {{special_tokens: [{special}]}}\n")
        log = run(LLMPI, "tokenizer", "train", "config.yaml", status=2)[1]
        check(part in log, log)


def check_training(kind):
    """Tokenizer, shards, training with two ranks, text."""
    with open(f"{kind}.yaml", "w", encoding="utf-8") as file:
        file.write(f"""run: {{directory: run-{kind}, seed: 3, threads: 1}}
corpus: {{inputs: [stories.jsonl], validation_fraction: 0.1}}
tokenizer: {{kind: {kind}, path: {kind}/tokenizer.json, vocab_size: 300}}
shards: {{directory: shards-{kind}, count: 2}}
model: {{n_layer: 1, n_head: 2, n_embd: 16, context_length: 16}}
train: {{steps: 6, batch_size: 8, micro_batch: 4, warmup_steps: 2}}
evaluate: {{every: 3, sequences: 8}}
sample: {{every: 3, tokens: 12, prompts: ["The old"]}}
checkpoint: {{every: 6}}
""")
    run(LLMPI, "tokenizer", "train", f"{kind}.yaml")
    run("mpirun", "-q", "-np", "2", LLMPI, "tokenizer", "train", f"{kind}.yaml", f"--tokenizer.path={kind}/two.json")
    with open(f"{kind}/tokenizer.json", "rb") as one, open(f"{kind}/two.json", "rb") as two:
        check(one.read() == two.read(), f"{kind}: one rank and two ranks learn the same")
    run(LLMPI, "shard", f"{kind}.yaml")
    run("mpirun", "-q", "-np", "2", LLMPI, "train", f"{kind}.yaml")
    checkpoint = f"run-{kind}/checkpoints/step-00000006.h5"
    out = run(LLMPI, "generate", checkpoint, "--prompt=The old", "--tokens=20", "--ignore-end")[0]
    ids = encode(kind, out[len("The old"):], "--special") if kind == "word" else []
    check(out.startswith("The old " if kind == "word" and out[7] not in ",.?!\"()'" else "The old"), f"{kind}: {out}")
    check(kind == "character" or 20 <= len(ids) <= 21, f"{kind}: {len(ids)} words in {out!r}")
    out = run(LLMPI, "inspect", "--windows=1", f"--tokenizer={kind}/tokenizer.json",
              f"shards-{kind}/train-00000-of-00002.h5")[0]
    check("as text" in out, f"{kind}: {out}")
    check(f"kind: {kind}" in run(LLMPI, "tokenizer", "info", checkpoint)[0], f"{kind}: info of a checkpoint")


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    compare_all()
    check_limits()
    check_special_tokens()
    check_dropped()
    run(LLMPI, "corpus", "generate", "--documents=60", "--seed=7", "--output=stories.jsonl")
    for tested in ("word", "character"):
        check_training(tested)
    os.chdir("/")
sys.exit(bool(failures))
