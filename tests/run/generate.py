"""`llmpi generate` through the command line: the same ids with and without a cache and for any number of threads, prompts
as JSON lines over ranks, stops, log-probabilities, and what is refused."""
import json
import math
import os
import subprocess
import sys
import tempfile

LLMPI = os.environ["LLMPI"]
work = tempfile.TemporaryDirectory(prefix="llmpi-test-")
os.chdir(work.name)


def run(*command, status=0, text=None, ranks=0):
    launcher = ["mpirun", "-q", "-np", str(ranks)] if ranks else []
    done = subprocess.run(launcher + [LLMPI, *command], input=text, capture_output=True, encoding="utf-8", errors="surrogateescape")
    assert done.returncode == status, (command, done.returncode, done.stderr[-2000:])
    return done.stdout, done.stderr


def refuse(status, message, *command, text=None, ranks=0):
    errors = run(*command, status=status, text=text, ranks=ranks)[1]
    assert message in errors, (command, errors)


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def prepare():
    run("corpus", "generate", "--documents=200", "--seed=7", "--output=corpus.jsonl")
    with open("tiny.yaml", "w") as file:
        file.write("""
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.1}
tokenizer: {path: tokenizer.json, vocab_size: 512, special_tokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]}
shards: {directory: shards, count: 2}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 48}
train: {steps: 60, batch_size: 8, micro_batch: 4, learning_rate: 3.0e-3, warmup_steps: 5}
sample: {every: 0, tokens: 20, prompts: ["Once", "The", ""], min_p: 0.02, repetition_penalty: 1.1}
""")
    run("tokenizer", "train", "tiny.yaml")
    run("shard", "tiny.yaml")
    run("train", "tiny.yaml", "--train.precision=fp32")
    run("train", "tiny.yaml", "--train.precision=bf16", "--run.directory=run16", "--train.steps=10")
    assert open("run/samples.txt").read().count("--- step 60 ---") == 3


def greedy_ids():
    """Beyond the context too, where the same rule holds with and without a cache."""
    greedy = ["generate", "run", "--prompt=Once upon", "--temperature=0", "--tokens=120", "--ignore-end", "--logprobs"]
    outputs = []
    for flags in ["--threads=1"], ["--threads=2"], ["--threads=1", "--no-cache"], ["--threads=2", "--no-cache"]:
        out, errors = run(*greedy, *flags)
        assert errors.count("longer than the model's context of 48 tokens: whenever that was full, the model went on from the last 24") == 1
        outputs.append([(int(line.split()[0]), float(line.split()[1])) for line in out.splitlines()])
        assert len(outputs[-1]) == 120
    for other in outputs[1:]:
        assert [i for i, _ in other] == [i for i, _ in outputs[0]]
        assert all(abs(a - b) < 2e-5 for (_, a), (_, b) in zip(other, outputs[0]))  # six decimals are printed
    run("generate", "run16", "--prompt=Once upon", "--tokens=60", "--ignore-end")
    long = "the old man went home. " * 40
    assert run("generate", "run", "--prompt=" + long, "--tokens=5", "--temperature=0")[0] == \
        run("generate", "run", "--prompt=" + long, "--tokens=5", "--temperature=0", "--no-cache")[0]


def samples_and_stops():
    text = run("generate", "run", "--prompt=Once", "--samples=3", "--tokens=30", "--seed=5", "--ignore-end")[0]
    parts = text.removesuffix("\n").split("\n---\n")
    assert len(parts) == 3 and len(set(parts)) == 3
    for batch in "1", "2":
        assert run("generate", "run", "--prompt=Once", "--samples=3", "--tokens=30", "--seed=5", "--ignore-end", "--batch=" + batch)[0] == text
    whole = parts[0]
    stop = whole[12:15]
    stopped = run("generate", "run", "--prompt=Once", "--tokens=30", "--seed=5", "--ignore-end", "--stop=" + stop, "--stop=nowhere")[0]
    at = whole.index(stop, 4)
    assert stopped == whole[:at] + "\n", (stopped, whole)


def json_lines():
    prompts = [{"id": i, "prompt": ["Once", "The old man", "", "A long one, " * 20, "caf\u00e9"][i % 5], "kept": [1, {"x": None}]} for i in range(11)]
    with open("prompts.jsonl", "w") as file:
        for i, prompt in enumerate(prompts):
            file.write(json.dumps(prompt) + (" \r\n\n" if i == 3 else "\n"))
    flags = ["--prompts=prompts.jsonl", "--tokens=12", "--logprobs", "--samples=2", "--threads=1", "--stop=."]
    contents = set()
    for ranks in 1, 2, 3:
        run("generate", "run", *flags, "--output=out.jsonl", "--batch=%d" % (ranks + 1), ranks=ranks)
        contents.add(open("out.jsonl", encoding="utf-8").read())
    assert len(contents) == 1
    out = lines_of("out.jsonl")
    assert [(line["id"], line["sample"]) for line in out] == [(i, s) for i in range(11) for s in range(2)]
    for line in out:
        source = prompts[line["id"]]
        assert all(line[key] == source[key] for key in source)
        assert line["finish_reason"] in ("length", "stop", "end") and "." not in line["completion"]
        assert len(line["token_ids"]) == len(line["logprobs"]) <= 12
        assert all(value <= 0 and math.isfinite(value) for value in line["logprobs"])
        assert line["finish_reason"] != "length" or len(line["token_ids"]) == 12
    one = run("generate", "run", "--prompts=-", "--output=-", "--tokens=3", text='{"prompt": "Once"}')[0]
    assert set(json.loads(one)) == {"prompt", "completion", "finish_reason"}
    run("generate", "run", "--prompts=-", "--output=none.jsonl", text="\n")
    assert os.path.getsize("none.jsonl") == 0


def chat_and_compare():
    """A turn of the template ends at its end; what was asked is not printed again."""
    first = run("generate", "run", "--prompt=Who?", "--chat", "--tokens=20", "--seed=2")[0]
    assert "Who?" not in first and first != run("generate", "run", "--prompt=Who?", "--tokens=20", "--seed=2")[0]
    out = subprocess.run([LLMPI, "generate", "run", "run16", "--compare", "--prompt=Who?", "--tokens=20", "--seed=2"],
                         capture_output=True, encoding="utf-8", errors="replace", env={**os.environ, "COLUMNS": "60"}, check=True).stdout
    lines = out.splitlines()
    assert lines[0] == "Who?" and lines[2].split() == ["run", "|", "run16"], lines
    assert all(" | " in line and len(line) <= 60 for line in lines[2:]), lines
    left = "".join(line[:28].strip() for line in lines[4:])
    assert left.replace(" ", "") == "".join(first.split()), (left, first)
    refuse(2, "--compare needs two checkpoints", "generate", "run", "--compare")
    refuse(2, "--compare needs two checkpoints", "generate", "run", "run16")


def refusals():
    both = ["--prompts=-", "--output=x.jsonl"]
    good = '{"prompt": "Once"}\n'
    refuse(1, "- line 3: line 1 column ", "generate", "run", *both, text=good + "\n" + '{"prompt": "Onc', ranks=2)
    refuse(1, '- line 2: the object has no text "prompt"', "generate", "run", *both, text=good + '{"prompt": 3}')
    refuse(1, "- line 1: not a JSON object", "generate", "run", *both, text="[1]")
    refuse(1, '- line 1: the object already has a member "completion"', "generate", "run", *both,
           text='{"prompt": "a", "completion": ""}')
    refuse(1, "cannot read missing.jsonl", "generate", "run", "--prompts=missing.jsonl", "--output=x.jsonl", ranks=2)
    refuse(1, "cannot write nowhere/x.jsonl", "generate", "run", "--prompts=-", "--output=nowhere/x.jsonl", text=good, ranks=2)
    refuse(2, "--prompts and --output belong together", "generate", "run", "--prompts=-", text=good)
    refuse(2, "--prompts excludes --prompt", "generate", "run", *both, "--prompt=a", text=good)
    refuse(2, "--stop is empty", "generate", "run", "--stop=")
    refuse(2, "--min-p is '2'", "generate", "run", "--min-p=2")
    assert not os.path.exists("x.jsonl")


prepare()
greedy_ids()
samples_and_stops()
json_lines()
chat_and_compare()
refusals()
print("all good")
sys.exit(0)
