"""`llmpi evaluate --tasks` and `--file`: the numbers of PyTorch, the same on 1, 2 and 3 ranks, in training too, and what is
said of items that are not what they should be."""
import json
import math
import os
import subprocess
import sys
import tempfile

LLMPI, SOURCE = os.environ["LLMPI"], os.environ.get("LLMPI_SOURCE", ".")
DATA = os.path.join(os.environ.get("LLMPI_TEST_DATA", "../shared/data"), "eval")
FILES = {"lambada": "lambada.jsonl", "hellaswag": "hellaswag-1000.jsonl", "arc_easy": "arc_easy.jsonl", "piqa": "piqa.jsonl"}
CONFIG = """
run: {directory: run, seed: 3, threads: 1}
corpus: {inputs: [corpus.jsonl], validation_fraction: 0.1}
tokenizer: {path: tokenizer.json, vocab_size: 400}
shards: {directory: shards, count: 2}
model: {n_layer: 2, n_head: 2, n_embd: 32, context_length: 48}
train: {steps: 60, batch_size: 8, micro_batch: 4, learning_rate: 3.0e-3, warmup_steps: 5, precision: fp32}
evaluate: {every: 30, tasks: [own, words=words.jsonl], task_items: 5, task_directory: .}
sample: {every: 0, prompts: []}
checkpoint: {every: 0}
"""
failed = 0


def check(good, *what):
    global failed
    if not good:
        failed += 1
        print("FAILED:", *what)


def run(status, *arguments, ranks=0, text=""):
    command = (["mpirun", "-q", "-np", str(ranks)] if ranks else []) + [LLMPI, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    check(done.returncode == status and text in done.stderr,
          f"{arguments}: status {done.returncode}, '{text}'?\n{done.stdout}{done.stderr}")
    return done.stdout


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def write(name, *rows):
    with open(name, "w", encoding="utf-8") as file:
        file.writelines((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def make_tasks():
    """Of the corpus's own words, so that some items are right; one is longer than the context, one has one choice."""
    texts = [json.loads(line)["text"].split() for line in open("corpus.jsonl")]
    write("own.jsonl", *({"query": " ".join(words[:10 + i]), "gold": i % 3,
                          "choices": [" ".join(words[10 + i + k:14 + i + k]) + " é" * (k == i % 2) for k in range(3)]}
                         for i, words in enumerate(texts[:20])),
          {"query": "Long. " * 60, "choices": ["a " * 80, "b"], "gold": 1}, {"query": "", "choices": ["One"], "gold": 0}, "")
    write("words.jsonl", *({"context": " ".join(words[:i + 8]) + "\n" * (i % 2), "continuation": words[i + 8]}
                           for i, words in enumerate(texts[:30])))


def compare_with_pytorch(tasks, *options):
    """The same counts but where a choice hangs on less than rounding; the same log-likelihoods of every item."""
    script = os.path.join(SOURCE, "tests/golden/pytorch_tasks.py")
    checkpoint = "run/checkpoints/step-00000060.h5"
    done = subprocess.run([sys.executable, script, checkpoint, "--each=each.jsonl", *options,
                           *(f"{name}={file}" for name, file in tasks.items())], capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr:
        print("PyTorch is not compared:", done.stderr.splitlines()[-1])
        return
    check(done.returncode == 0, done.stderr)
    items = [f"--evaluate.task_items={option[8:]}" for option in options] or ["--evaluate.task_items=0"]
    ours = objects(run(0, "evaluate", "config.yaml", "--items=items.jsonl", "--json", *items,
                       "--tasks=" + ",".join(f"{name}={file}" for name, file in tasks.items())))
    for mine, other in zip(ours, objects(done.stdout)):
        safe = [least > 1e-5 or least == 0 for least in other["least"]]  # a tie goes to the first choice in both
        check(mine["items"] == other["items"], mine, other)
        check(mine["correct"] == other["correct"] or not safe[0], mine, other)
        check(mine.get("correct_norm") == other.get("correct_norm") or not safe[-1], mine, other)
        if "perplexity" in other:
            check(math.isclose(mine["perplexity"], other["perplexity"], rel_tol=1e-4), mine, other)
    for mine, other in zip(objects(open("items.jsonl").read()), objects(open("each.jsonl").read())):
        sums = mine.get("log_likelihoods", [mine.get("log_likelihood")])
        check(all(abs(a - b) < 1e-3 + 1e-5 * abs(b) for a, b in zip(sums, other["log_likelihoods"]))
              and len(sums) == len(other["log_likelihoods"]), mine, other)
    print(f"{[row['items'] for row in ours]} items of {list(tasks)} are PyTorch's")


def compare_ranks():
    results = []
    for ranks in 1, 2, 3:
        printed = run(0, "evaluate", "run", "--tasks=own,words", "--json", "--evaluate.task_items=0",
                      f"--items=items-{ranks}.jsonl", ranks=ranks)
        results.append((printed, open(f"items-{ranks}.jsonl").read(), run(0, "evaluate", "run", "--file=text.txt", "--json")))
    check(results[0] == results[1] == results[2], "other numbers on other ranks", results)
    check([row["items"] for row in objects(results[0][0])] == [22, 30], results[0][0])
    check(objects(results[0][0])[1]["correct"] > 0, "no word is right: the model knows nothing", results[0][0])


def check_training():
    rows = [row for row in objects(open("run/metrics.jsonl").read()) if "task" in row]
    check([(row["step"], row["task"], row["items"]) for row in rows] ==
          [(30, "own", 5), (30, "words", 5), (60, "own", 5), (60, "words", 5)], rows)
    now = objects(run(0, "evaluate", "config.yaml", "--tasks=own,words", "--json", "--metrics"))
    for before, after in zip(rows[2:], now):
        check(before["correct"] == after["correct"], before, after)
    check(objects(open("run/metrics.jsonl").read())[-2:] == now, "--metrics appended something else")
    table = run(0, "evaluate", "config.yaml", "--tasks=own,words")
    check(all(word in table for word in ("acc_norm", "perplexity", "own", "words", "stderr")), table)


def check_file():
    """The loss of a text is that of its windows; of the corpus, about that of training."""
    text = objects(run(0, "evaluate", "run", "--file=text.txt", "--json"))[0]
    check(text["bytes"] == os.path.getsize("text.txt") and text["documents"] == 1, text)
    check(math.isclose(text["bits_per_byte"], text["loss"] * text["tokens"] / math.log(2) / text["bytes"]), text)
    lines = objects(run(0, "evaluate", "run", "--file=corpus.jsonl", "--json"))[0]
    check(lines["documents"] == 300 and 2 < lines["loss"] < 6, lines)
    run(1, "evaluate", "run", "--file=empty.txt", text="empty.txt:1: empty document")


def check_errors():
    good = {"query": "a", "choices": ["b", "c"], "gold": 0}
    for row, text in (
            ("{\"query\": ", "bad.jsonl:2: column"),
            ({"query": "a"}, "bad.jsonl:2: neither {"),
            ({"context": "a", "continuation": "b"}, "bad.jsonl:2: not of the form"),
            ({**good, "query": 5}, "bad.jsonl:2: \"query\" must be"),
            ({**good, "choices": []}, "bad.jsonl:2: \"query\" must be"),
            ({**good, "choices": ["b", ""]}, "bad.jsonl:2: each of \"choices\""),
            ({**good, "choices": ["b", 5]}, "bad.jsonl:2: each of \"choices\""),
            ({**good, "gold": 2}, "bad.jsonl:2: \"gold\""),
            ({**good, "gold": -1}, "bad.jsonl:2: \"gold\""),
            ({**good, "gold": "0"}, "bad.jsonl:2: \"gold\""),
            ({"query": "a", "choices": ["b", "c"]}, "bad.jsonl:2: \"gold\"")):
        write("bad.jsonl", good, row)
        run(1, "evaluate", "run", "--tasks=bad.jsonl", "--items=none.jsonl", text=text)
    with open("bad.jsonl", "wb") as file:
        file.write(b'{"query": "a\xff", "choices": ["b"], "gold": 0}\n')
    run(1, "evaluate", "run", "--tasks=bad.jsonl", ranks=2, text="bad.jsonl:1: ")
    write("bad.jsonl", "", " ")
    run(1, "evaluate", "run", "--tasks=bad.jsonl", text="bad.jsonl: no items")
    check(not os.path.exists("none.jsonl"), "items of a task that failed")
    run(2, "evaluate", "run", "--tasks=nothing", text="neither nothing.jsonl nor one file nothing-*.jsonl")
    run(1, "evaluate", "run", "--tasks=x=nowhere.jsonl", text="nowhere.jsonl")
    run(2, "evaluate", "run", "--tasks==own.jsonl", text="is no task")
    run(2, "evaluate", "run", "--tasks=own", "--file=text.txt", text="exclude each other")
    run(2, "evaluate", "run", "--items=x", text="--items")
    run(2, "train", "config.yaml", "--run.directory=other", "--evaluate.tasks=nothing", text="task 'nothing'")


def main():
    open("config.yaml", "w").write(CONFIG)
    run(0, "corpus", "generate", "--documents=300", "--seed=5", "--output=corpus.jsonl")
    make_tasks()
    open("text.txt", "w").write(json.loads(open("corpus.jsonl").readline())["text"])
    open("empty.txt", "w").close()
    run(0, "tokenizer", "train", "config.yaml")
    run(0, "shard", "config.yaml")
    run(0, "train", "config.yaml", ranks=2)
    check_training()
    compare_ranks()
    compare_with_pytorch({"own": "own.jsonl", "words": "words.jsonl"})
    if os.path.isdir(DATA):
        compare_with_pytorch({name: os.path.join(DATA, file) for name, file in FILES.items()}, "--items=25")
    else:
        print(f"the tasks in {DATA} are not there and not compared")
    check_file()
    check_errors()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
print("all good" if failed == 0 else f"{failed} failed")
sys.exit(failed > 0)
