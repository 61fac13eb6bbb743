"""llm.c's .bin token files as shards: trained on, shown, verified, and refused when something is wrong with them."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    import h5py
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LLMPI = os.environ["LLMPI"]
CONFIG = """
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.2}
tokenizer: {path: tokenizer.json, vocab_size: 400}
shards: {directory: shards, count: 2}
model: {n_layer: 1, n_head: 1, n_embd: 16, context_length: 32}
train: {steps: 6, batch_size: 4, micro_batch: 4}
evaluate: {every: 3, sequences: 10}
sample: {every: 0, prompts: []}
"""
failed = 0


def expect(status, text, *arguments):
    global failed
    done = subprocess.run([LLMPI, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode != status or text not in done.stdout + done.stderr:
        failed += 1
        print(f"FAILED: {arguments}: status {done.returncode}, no '{text}' in:\n{done.stdout}{done.stderr}")
    return done.stdout


def write(path, tokens, magic=20240520, version=1, count=None, extra=b""):
    with open(path, "wb") as out:
        out.write(struct.pack("<256i", magic, version, len(tokens) if count is None else count, *[0] * 253))
        out.write(struct.pack(f"<{len(tokens)}H", *tokens) + extra)


def read(name):
    with h5py.File(f"shards/{name}-of-00002.h5", "r") as file:
        return file["tokens"][:].tolist()


def losses(directory):
    rows = [json.loads(line) for line in open(f"{directory}/metrics.jsonl")]
    return [(row["step"], row.get("loss"), row.get("validation_loss")) for row in rows]


def main():
    global failed
    open("config.yaml", "w").write(CONFIG)
    expect(0, "", "corpus", "generate", "--documents=300", "--seed=5", "--output=corpus.jsonl")
    expect(0, "", "tokenizer", "train", "config.yaml")
    expect(0, "", "shard", "config.yaml")

    # The same tokens in both formats train the same model.
    os.mkdir("bins")
    for split, name in (("train", "fineweb_train_00000"), ("validation", "fineweb_val_00000")):
        for shard in range(2):
            write(f"bins/{name}{shard}.bin", read(f"{split}-0000{shard}"))
    expect(0, "", "train", "config.yaml")
    expect(0, "", "train", "config.yaml", "--shards.directory=bins", "--run.directory=run-bins")
    if losses("run") != losses("run-bins") or len(losses("run")) < 6:
        failed += 1
        print("FAILED: other losses:", losses("run"), losses("run-bins"))

    # Shown and verified.
    first = read("train-00000")
    expect(0, f"tokens             {len(first)}\n", "inspect", "bins/fineweb_train_000000.bin")
    expect(0, "bins/fineweb_val_000001.bin: whole", "inspect", "--verify", "bins/fineweb_val_000001.bin")
    shown = expect(0, "as text", "inspect", "bins/fineweb_train_000000.bin", "--windows=2", "--context=8",
                   "--tokenizer=tokenizer.json")
    for start in (0, 8):
        row = " ".join(map(str, first[start:start + 8]))
        if f"  input    {row}\n" not in shown:
            failed += 1
            print(f"FAILED: no window {row} in:", shown)

    # What is wrong is said.
    for text, arguments in {
        "is no token file of llm.c: it begins with 5, not 20240520": {"magic": 5},
        "holds llm.c's tokens of Llama 3 (magic 20240801)": {"magic": 20240801, "version": 7},
        "has version 2 of llm.c's token files, version 1 is read": {"version": 2},
        "is truncated: its header says 9 tokens, which make 1042 bytes, but it has 1030": {"count": 9},
        "is damaged: its header says 2 tokens, which make 1028 bytes, but it has 1030": {"count": 2},
        "is damaged: its header says -1 tokens": {"count": -1},
        "but it has 1031": {"extra": b"x"},
    }.items():
        write("bins/bad_train.bin", [1, 2, 3], **arguments)
        expect(1, f"bins/bad_train.bin {text}" if not text.startswith("but") else text, "inspect", "--verify",
               "bins/bad_train.bin")
        expect(1, text, "train", "config.yaml", "--shards.directory=bins", "--run.directory=bad")
    open("bins/bad_train.bin", "wb").write(b"short")
    expect(1, "is truncated: it has 5 bytes, the header alone has 1024", "inspect", "bins/bad_train.bin")
    os.remove("bins/bad_train.bin")
    write("bins/fineweb_train_000000.bin", [400] * 5000)
    expect(1, "is 400, the vocabulary has 400: it is of another tokenizer", "train", "config.yaml",
           "--shards.directory=bins", "--run.directory=bad")
    for name in os.listdir("bins"):
        if "val" in name:
            os.remove(f"bins/{name}")
    expect(1, "no shards of split 'validation' in bins", "train", "config.yaml", "--shards.directory=bins",
           "--run.directory=bad")
    shutil.rmtree("bins")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
print(f"{failed} failed" if failed else "llm.c's token files are shards too")
sys.exit(failed != 0)
