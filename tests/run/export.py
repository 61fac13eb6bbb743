#!/usr/bin/env python3
"""A trained model in other programs: PyTorch on the exported safetensors and llama.cpp on the exported GGUF continue a
text with the same tokens as llmpi, and what is imported again, from either, is the same model bit by bit.

A first difference counts only where the likeliest two logits are more than 1e-4 apart: sums in other orders differ by
some 1e-5."""
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile

LLMPI, SOURCE = os.environ["LLMPI"], os.environ["LLMPI_SOURCE"]
TOKENS, PROMPT, TOLERANCE = 200, "Once upon a time", 1e-4
os.environ["LLMPI_MAX_ISA"] = "avx2"  # an imported model's precision is auto, which is fp32 then
work = tempfile.TemporaryDirectory(prefix="llmpi-test-")
os.chdir(work.name)


def run(*command, status=0, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    assert done.returncode == status, (command, done.returncode, done.stderr[-2000:])
    return done.stdout if status == 0 else done.stderr


def prepare():
    run(LLMPI, "corpus", "generate", "--documents=300", "--seed=7", "--output=corpus.jsonl")
    with open("small.yaml", "w") as file:
        file.write("""
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.1}
tokenizer: {path: tokenizer.json, vocab_size: 768, special_tokens: ["<|endoftext|>", chatml]}
shards: {directory: shards, count: 1}
model: {n_layer: 3, n_head: 4, n_embd: 64, context_length: 256}
train: {steps: 40, batch_size: 4, micro_batch: 4, learning_rate: 3.0e-3, warmup_steps: 5, precision: fp32}
sample: {every: 0, prompts: []}
evaluate: {sequences: 4}
""")
    for command in "tokenizer train", "shard", "train":
        run(LLMPI, *command.split(), "small.yaml")


def ours(model):
    lines = run(LLMPI, "generate", model, "--prompt=" + PROMPT, "--temperature=0", f"--tokens={TOKENS}", "--ignore-end",
                "--logprobs").splitlines()
    text = run(LLMPI, "generate", model, "--prompt=" + PROMPT, "--temperature=0", f"--tokens={TOKENS}", "--ignore-end")
    return ([int(line.split()[0]) for line in lines], [float(line.split()[1]) for line in lines],
            text.removeprefix(PROMPT).removesuffix("\n"))


def first_difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None)


def compare_prompt_logits(logits):
    """So hot, all tokens are drawn: nearly the whole distribution behind the prompt, each with its log-probability."""
    lines = run(LLMPI, "generate", "run", "--prompt=" + PROMPT, "--tokens=1", "--temperature=100", "--samples=2000",
                "--batch=64", "--ignore-end", "--logprobs").splitlines()
    drawn = {int(line.split()[0]): float(line.split()[1]) for line in lines if line != "---"}
    total = math.log(sum(map(math.exp, logits)))
    assert len(drawn) > len(logits) // 2, len(drawn)
    for token, logprob in drawn.items():
        assert abs(logits[token] - total - logprob) < TOLERANCE, (token, logits[token] - total, logprob)


def compare_with_pytorch(folder, ids, logprobs, prompt_ids):
    try:
        import torch  # noqa: F401
    except ImportError:
        return None
    found = json.loads(run(sys.executable, SOURCE + "/tests/golden/pytorch_safetensors.py", folder, str(TOKENS),
                           *map(str, prompt_ids)))
    compare_prompt_logits(found["prompt_logits"])
    at = first_difference(found["ids"], ids)
    assert at is None or found["gaps"][at] < TOLERANCE, (at, found["gaps"][at], found["ids"][at], ids[at])
    for i in range(TOKENS if at is None else at):
        assert abs(found["logprobs"][i] - logprobs[i]) < TOLERANCE, (i, found["logprobs"][i], logprobs[i])
    return found["gaps"]


def install_llama():
    """Into a scratch folder, or the one that LLMPI_NPM names, where a later run finds it; None where npm cannot."""
    folder = os.path.join(os.environ.get("LLMPI_NPM", os.getcwd()), "llama")
    package = folder + "/node_modules/@fugood/llama.node"
    if not os.path.isdir(package) and shutil.which("npm") is not None:
        os.makedirs(folder, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, "--fetch-retries=1",
                   "--fetch-timeout=30000", "--omit=optional", "@fugood/llama.node@1.7.15",
                   "@fugood/node-llama-linux-x64@1.7.15"]  # not those for graphics processors, of 250 MB
        try:
            subprocess.run(command, capture_output=True, timeout=180)
        except subprocess.TimeoutExpired:
            return None
    return folder if os.path.isdir(package) else None


def compare_with_llama(path, llama, ids, text, prompt_ids, gaps):
    out = run("node", SOURCE + "/tests/run/export_llama.mjs", path, str(TOKENS), "<|endoftext|>" + PROMPT,
              environment={"LLAMA_NODE": llama})
    found = json.loads(next(line for line in out.splitlines() if line.startswith("RESULT "))[7:])
    assert found["tokens"] == prompt_ids, (found["tokens"], prompt_ids)
    if found["text"] == text:
        return
    same = os.path.commonprefix([found["text"], text])
    for count in range(1, TOKENS + 1):
        piece = subprocess.run([LLMPI, "tokenizer", "decode", "run/checkpoints/step-00000040.h5"],
                               input=" ".join(map(str, ids[:count])), capture_output=True, text=True).stdout
        if len(piece) > len(same):
            assert gaps is not None and gaps[count - 1] < TOLERANCE, (count - 1, gaps and gaps[count - 1], same)
            return
    raise AssertionError((found["text"], text))


def refuse(message, *command):
    errors = run(LLMPI, *command, status=1)
    assert message in errors and errors.count("\n") == 1, (command, errors)


def damages():
    """Each is one message. The header of a good file is changed, and the rest kept."""
    with open("hf/model.safetensors", "rb") as file:
        whole = file.read()
    (length,) = struct.unpack("<Q", whole[:8])
    header, data = json.loads(whole[8:8 + length]), whole[8 + length:]
    shutil.copytree("hf", "bad")

    def write(text, rest=data, size=None):
        text = text if isinstance(text, bytes) else json.dumps(text).encode()
        with open("bad/model.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text) if size is None else size) + text + rest)

    def change(name, **members):
        return {key: {**value, **members} if key == name else value for key, value in header.items()}

    name = "transformer.wte.weight"
    begin, end = header[name]["data_offsets"]
    cases = [
        (lambda: write(header, size=1 << 40), "its header has"),
        (lambda: write(b"{" + json.dumps(header).encode()), "its header is no JSON"),
        (lambda: write(header, rest=data[:-4]), "behind the header"),
        (lambda: write(header, rest=data + b"1234"), "its tensors end at byte"),
        (lambda: write(change(name, dtype="F99")), "dtype 'F99'"),
        (lambda: write(change(name, shape=[1 << 40, 1 << 40])), "no shape that a tensor"),
        (lambda: write(change(name, shape=[-1, 64])), "no shape that a tensor"),
        (lambda: write(change(name, shape=[end - begin, 64])), "its shape and dtype need"),
        (lambda: write(change(name, data_offsets=[begin + 4, end + 4])), "overlap" if begin else "leave a gap"),
        (lambda: write(change(name, data_offsets=[end, begin])), "no data_offsets"),
        (lambda: write({key: value for key, value in header.items() if key != "transformer.ln_f.bias"}), "leave a gap"
         if list(header)[-1] != "transformer.ln_f.bias" else "its tensors end at byte"),
        (lambda: write(json.dumps(header).replace("h.0.ln_1.bias", "h.9.ln_1.bias").encode()), "h.9.ln_1.bias is none of GPT-2's"),
        (lambda: write(json.dumps(header).replace("h.0.ln_1.bias", "h.0.ln_1.weight").encode()), "leave a gap"),
    ]
    for damage, message in cases:
        damage()
        refuse(message, "import", "bad", "--output=bad.h5")
    assert not os.path.exists("bad.h5") and not os.path.exists("bad.h5.tmp")
    shutil.copy("hf/model.safetensors", "bad/model.safetensors")
    with open("hf/config.json") as file:
        config = json.load(file)
    for change_, message in [({"model_type": "llama"}, "model_type is not gpt2"), ({"n_embd": 65}, "n_embd"),
                             ({"n_layer": 2}, "is none of GPT-2's"), ({"n_layer": 4}, "is missing"), ({"n_head": 0}, "n_head"),
                             ({"activation_function": "relu"}, "activation_function"), ({"n_inner": 100}, "n_inner")]:
        with open("bad/config.json", "w") as file:
            json.dump({**config, **change_}, file)
        refuse(message, "import", "bad", "--output=bad.h5")


def same_bytes(a, b):
    with open(a, "rb") as first, open(b, "rb") as second:
        return first.read() == second.read()


def import_gguf(result):
    """The same file again, in all types of numbers; the same tokens and text from the model, the same tokenizer."""
    for kind in "f32", "f16", "bf16":
        run(LLMPI, "export", "run", "--format=gguf", "--type=" + kind, f"--output={kind}.gguf")
        run(LLMPI, "import", f"{kind}.gguf", f"--output={kind}-gguf.h5")
        run(LLMPI, "export", f"{kind}-gguf.h5", "--format=gguf", "--type=" + kind, "--output=again.gguf")
        assert same_bytes(f"{kind}.gguf", "again.gguf"), kind
    assert ours("f32-gguf.h5") == result
    run(LLMPI, "export", "f32-gguf.h5", "--output=again")
    for name in "model.safetensors", "config.json", "tokenizer.json":
        assert same_bytes("hf/" + name, "again/" + name), name


def main():
    prepare()
    run(LLMPI, "export", "run", "--output=hf")
    ids, logprobs, text = ours("run")
    prompt_ids = list(map(int, subprocess.run([LLMPI, "tokenizer", "encode", "tokenizer.json", "--special"],
                                              input="<|endoftext|>" + PROMPT, capture_output=True, text=True).stdout.split()))
    gaps = compare_with_pytorch("hf", ids, logprobs, prompt_ids)

    run(LLMPI, "import", "hf", "--output=back.h5")
    run(LLMPI, "export", "back.h5", "--output=again")
    for name in "model.safetensors", "config.json", "tokenizer.json", "vocab.json", "merges.txt":
        assert same_bytes("hf/" + name, "again/" + name), name
    assert ours("back.h5") == (ids, logprobs, text)
    for kind in "f16", "bf16":
        run(LLMPI, "export", "run", "--type=" + kind, "--output=" + kind)
        run(LLMPI, "import", kind, f"--output={kind}.h5")
        run(LLMPI, "export", f"{kind}.h5", "--type=" + kind, "--output=again")
        assert same_bytes(kind + "/model.safetensors", "again/model.safetensors"), kind
    import_gguf((ids, logprobs, text))
    damages()
    refuse("Is a directory", "export", "run", "--format=gguf", "--output=hf") if os.geteuid() else None
    assert "--format is 'onnx'" in run(LLMPI, "export", "run", "--format=onnx", "--output=x", status=2)

    llama = install_llama()
    if llama is not None:
        compare_with_llama("f32.gguf", llama, ids, text, prompt_ids, gaps)
        for kind in "f16", "bf16":
            run("node", SOURCE + "/tests/run/export_llama.mjs", f"{kind}.gguf", "5", PROMPT, environment={"LLAMA_NODE": llama})
    missing = [name for name, there in (("PyTorch (Debian: python3-torch)", gaps is not None),
                                        ("llama.cpp (npm: @fugood/llama.node)", llama is not None)) if not there]
    if missing:
        print("skipped: all but the comparisons with " + " and ".join(missing) + " passed")
        sys.exit(77)
    print("all good")


main()
