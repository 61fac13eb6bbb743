"""`shards.packing`: what split and truncate keep is recomputed here from the concatenated shards of the same corpus."""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LLMPI = os.environ["LLMPI"]
CONTEXT, SHARDS = 32, 3
CHUNK = CONTEXT + 1
CONFIG = """
run: {directory: run, threads: 1}
corpus: {inputs: [corpus.jsonl, long.txt], validation_fraction: 0.2}
tokenizer: {path: tokenizer.json, vocab_size: 300, special_tokens: [<|endoftext|>, <|begin|>]}
shards: {directory: out, count: 3, begin_token: <|begin|>}
model: {n_layer: 1, n_head: 1, n_embd: 8, context_length: 32}
train: {steps: 2, batch_size: 2, micro_batch: 2, stride: 5}
evaluate: {every: 0, sequences: 4}
sample: {every: 0, prompts: []}
"""
failed = 0


def check(condition, *text):
    global failed
    if not condition:
        failed += 1
        print("FAILED:", *text)


def run(*arguments, ranks=1):
    launch = ["mpirun", "-q", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run([*launch, LLMPI, *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def read(directory, split, shard):
    """Documents as lists of ids, and the attributes."""
    with h5py.File(f"{directory}/{split}-{shard:05d}-of-{SHARDS:05d}.h5", "r") as file:
        ids, bounds = file["tokens"][:].tolist(), [*file["document_starts"][:].tolist(), len(file["tokens"])]
        return [ids[a:b] for a, b in zip(bounds, bounds[1:])], dict(file.attrs)


def token_bytes():
    vocabulary = json.load(open("tokenizer.json"))["model"]["vocab"]
    return {i: 0 if token in ("<|endoftext|>", "<|begin|>") else len(token) for token, i in vocabulary.items()}


def keep(document, packing):
    chunks = len(document) // CHUNK
    return document[:(chunks if packing == "split" else min(chunks, 1)) * CHUNK]


def compare(packing, sizes):
    """Every shard of `packing` holds what is kept of the documents in its concatenated twin."""
    kept = dropped = 0
    for split in ("train", "validation"):
        for shard in range(SHARDS):
            documents, _ = read("concatenate", split, shard)
            wanted = [keep(document, packing) for document in documents if len(document) >= CHUNK]
            found, attributes = read(packing, split, shard)
            name = f"{packing}, {split} {shard}:"
            lost = sum(map(len, documents)) - sum(map(len, wanted))
            check(found == wanted, name, "other documents than expected")
            check(attributes["packing"].decode() == packing and attributes["chunk_length"] == CHUNK, name, attributes)
            check(attributes["dropped_count"] == lost, name, attributes["dropped_count"], "dropped, not", lost)
            check(attributes["byte_count"] == sum(sizes[i] for d in wanted for i in d), name, "bytes")
            kept, dropped = kept + sum(map(len, wanted)), dropped + lost
    return kept, dropped


def same_files(a, b):
    names = sorted(os.listdir(a))
    return names == sorted(os.listdir(b)) and all(
        open(f"{a}/{n}", "rb").read() == open(f"{b}/{n}", "rb").read() for n in names)


def check_packing(packing, sizes):
    code, log = run("shard", "config.yaml", f"--shards.packing={packing}", f"--shards.directory={packing}")
    check(code == 0, log)
    kept, dropped = compare(packing, sizes)
    said = f"{packing} drops {100 * dropped / (kept + dropped):.1f} % of the tokens ({dropped} of {kept + dropped})"
    check(said in log, "not said:", said, "but:", log)
    code, log = run("shard", "config.yaml", f"--shards.packing={packing}", "--shards.directory=ranks", ranks=2)
    check(code == 0 and same_files(packing, "ranks"), packing, "2 ranks write something else", log)
    subprocess.run(["rm", "-r", "ranks"], check=True)
    code, text = run("inspect", "--verify", *(f"{packing}/{n}" for n in os.listdir(packing)))
    check(code == 0, text)
    code, text = run("inspect", f"{packing}/train-00000-of-00003.h5", "--windows=2", "--context=1000")
    check(f"packing            {packing}" in text and "tokens 33 to 65" in text, text)


def check_tail():
    """The tail of the tokens is whole chunks too, and nothing is lost on the way."""
    code, log = run("shard", "config.yaml", "--shards.packing=split", "--corpus.split=tail", "--shards.directory=tail")
    check(code == 0, log)
    for shard in range(SHARDS):
        pieces = [read(d, s, shard)[0] for d, s in
                  (("split", "train"), ("split", "validation"), ("tail", "train"), ("tail", "validation"))]
        both, tail = [sum(len(d) for p in pair for d in p) for pair in (pieces[:2], pieces[2:])]
        share = sum(map(len, pieces[3]))
        check(both == tail and share % CHUNK == 0 and 0.2 * tail - CHUNK < share <= 0.2 * tail, "tail", both, tail, share)
        check(all(len(d) % CHUNK == 0 for p in pieces[2:] for d in p), "tail: a chunk is cut")


def check_kinds():
    """Words and characters, most of them unknown: the bytes of a shard are those of its known tokens, wherever it is cut."""
    with open("few.txt", "w") as out:
        out.write("the of to and in that " * 9)
    for kind in ("word", "character"):
        options = [f"--tokenizer.path={kind}.json", "--shards.begin_token="]
        code, log = run("tokenizer", "train", "config.yaml", f"--tokenizer.kind={kind}", "--corpus.inputs=few.txt", *options)
        check(code == 0, log)
        known = json.load(open(f"{kind}.json"))
        special = {token["id"] for token in known["added_tokens"]}
        sizes = {i: 0 if i in special else len(token.encode()) for token, i in known["model"]["vocab"].items()}
        for packing in ("concatenate", "split", "truncate"):
            code, log = run("shard", "config.yaml", *options, f"--shards.packing={packing}", "--corpus.split=tail",
                            "--corpus.validation_fraction=0.9", f"--shards.directory={kind}")
            check(code == 0, log)
            code, log = run("inspect", "--verify", *(f"{kind}/{name}" for name in os.listdir(kind)))
            check(code == 0, log)
            for split in ("train", "validation"):
                for shard in range(SHARDS):
                    with h5py.File(f"{kind}/{split}-{shard:05d}-of-{SHARDS:05d}.h5", "r") as file:
                        found, wanted = file.attrs["byte_count"], sum(sizes[i] for i in file["tokens"][:].tolist())
                    check(found == wanted, kind, packing, split, shard, "has", found, "bytes, not", wanted)


def check_without_text():
    """Validation text of unknown words has no bytes: what is not a number is null in JSON."""
    with open("unknown.txt", "w") as out:
        out.write("x y z " * 300)
    options = ["--tokenizer.path=word.json", "--shards.begin_token=", "--corpus.validation_inputs=unknown.txt",
               "--shards.directory=unknown", "--run.directory=unknown-run"]
    for command in ("shard", "train"):
        code, log = run(command, "config.yaml", *options)
        check(code == 0, log)

    def not_json(constant):
        raise ValueError(f"{constant} is no JSON")
    code, log = run("evaluate", "config.yaml", *options, "--json")
    lines = [line for line in log.splitlines() if line.startswith("{")] + list(open("unknown-run/metrics.jsonl"))
    rows = [json.loads(line, parse_constant=not_json) for line in lines]
    found = [row["bits_per_byte"] for row in rows if "bits_per_byte" in row]
    check(code == 0 and found == [None, None], log, found)


def check_training():
    code, log = run("train", "config.yaml", "--shards.directory=split", "--run.directory=fits")
    check(code == 0, log)
    code, log = run("train", "config.yaml", "--shards.directory=split", "--run.directory=other",
                    "--model.context_length=16")
    check(code == 1 and re.search(r"the train shards in split were cut for model.context_length 32 "
                                  r"\(shards.packing: split\), this run's is 16: run `llmpi shard` again", log), log)


def main():
    random.seed(6)
    words = "the of to and a in is that for it <|endoftext|> naïve".split()
    with open("corpus.jsonl", "w") as out:
        for _ in range(400):
            text = " ".join(random.choice(words) for _ in range(random.choice((1, 5, 20, 33, 66, 200))))
            out.write(json.dumps({"text": text}) + "\n")
    with open("long.txt", "w") as out:
        out.write(" ".join(random.choice(words) for _ in range(20000)))
    open("config.yaml", "w").write(CONFIG)
    for command in (("tokenizer", "train", "config.yaml"), ("shard", "config.yaml", "--shards.directory=concatenate")):
        code, log = run(*command)
        check(code == 0, log)
    check("drops" not in log, "concatenating drops nothing:", log)
    sizes = token_bytes()
    for packing in ("split", "truncate"):
        check_packing(packing, sizes)
    check_tail()
    check_kinds()
    check_without_text()
    check_training()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{failed} failed" if failed else "split and truncate keep what they should")
sys.exit(failed != 0)
