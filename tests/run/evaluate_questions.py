#!/usr/bin/env python3
"""`llmpi evaluate --questions`: a model that was tuned to two answers gets the points that it should, with the
same answers on 1, 2 and 3 ranks; what is no question is named with its line."""
import gzip
import json
import os
import subprocess
import sys
import tempfile

LLMPI, SOURCE = os.environ["LLMPI"], os.environ["LLMPI_SOURCE"]
HAT, HENS = "The hat?", "The hens?"
OPTIONS = ["--corpus.inputs=[corpus.jsonl]", "--corpus.validation_inputs=[corpus.jsonl]",
           "--tokenizer.path=tokenizer.json", "--shards.directory=shards", "--shards.count=1", "--run.directory=base",
           "--tokenizer.vocab_size=300", "--model.context_length=64", "--train.steps=2", "--evaluate.every=0",
           "--sample.every=0", "--checkpoint.every=0", "--instruct.inputs=[lessons.jsonl]", "--instruct.directory=lessons",
           "--instruct.validation_inputs=[lessons.jsonl]", "--finetune.directory=run", "--finetune.steps=60",
           "--finetune.learning_rate=1e-2"]
failures = 0


def complain(message):
    global failures
    failures += 1
    print("FAILED:", message)


def llmpi(*arguments, ranks=1, status=0):
    launch = ["mpirun", "-q", "-np", str(ranks)] if ranks > 1 else []
    done = subprocess.run(launch + [LLMPI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    message = done.stderr.decode(errors="replace")
    if done.returncode != status:
        complain(f"{arguments} on {ranks} ranks: status {done.returncode}: {message[-500:]}")
    return done.stdout.decode(), message


def write(name, lines):
    with open(name, "w", encoding="utf-8") as file:
        file.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def question(prompt, response, **more):
    return {"prompt": prompt, "response": response, **more}


def evaluate(*arguments, config=f"{SOURCE}/configs/tiny.yaml", **keywords):
    return llmpi("evaluate", config, "--run.directory=run", *arguments, **keywords)


def refused(name, fragment, lines):
    write(name, lines)
    for ranks in (1, 2):
        out, message = evaluate(f"--questions={name}", ranks=ranks, status=1)
        errors = [line for line in message.splitlines() if "error" in line]
        if out or len(errors) != 1 or fragment not in errors[0]:
            complain(f"{name} on {ranks} ranks: {message}")


def main():
    write("corpus.jsonl", [{"text": f"The hat was red. {HAT} {HENS} There were two hens."}] * 50)
    write("lessons.jsonl", [question(HAT, "red"), question(HENS, "two")] * 100)
    for command in ("tokenizer train", "shard", "train", "instruct prepare", "finetune"):
        llmpi(*command.split(), f"{SOURCE}/configs/tiny.yaml", *OPTIONS)

    questions = ([question(HAT, "red", kind="colour")] * 3 + [question(HAT, "blue", kind="colour")] * 4 +
                 [question(HENS, "two", kind="number")] * 5 + [question(HENS, "Two", kind="number")] +
                 [question(HENS, "two"), question(HENS, " two", story="x")])
    write("questions.jsonl", questions)
    with gzip.open("questions.jsonl.gz", "wt") as file:
        file.write(open("questions.jsonl").read())
    expected = {"step": 60, "questions": 15, "right": 9, "best_guess": 10,
                "kinds": {"colour": {"questions": 7, "right": 3, "best_guess": 4},
                          "number": {"questions": 6, "right": 5, "best_guess": 5},
                          "all": {"questions": 2, "right": 1, "best_guess": 1}}}
    tables = []
    for ranks in (1, 2, 3):
        result, _ = evaluate("--questions=questions.jsonl.gz", f"--items={ranks}.jsonl", "--json", ranks=ranks)
        if json.loads(result) != expected:
            complain(f"on {ranks} ranks: {result}")
        if open(f"{ranks}.jsonl").read() != open("1.jsonl").read():
            complain(f"other answers on {ranks} ranks")
        tables.append(evaluate("--questions=questions.jsonl", ranks=ranks)[0])
    if len(set(tables)) != 1 or " 60.00%      66.67%" not in tables[0].splitlines()[-1]:
        complain(f"the table: {tables}")
    items = [json.loads(line) for line in open("1.jsonl")]
    if [(item["prompt"], item["response"]) for item in items] != [(q["prompt"], q["response"]) for q in questions]:
        complain("--items has other questions")
    for item in items:
        right = item["answer"].strip() == item["response"] and item["ended"]
        if item["answer"] not in ("red", "two") or item["right"] != right:
            complain(f"item {item}")

    if evaluate("--tasks=questions", "--evaluate.task_directory=.")[0] != tables[0]:
        complain("--tasks=questions gives another table")
    write("few.jsonl", questions[:1])  # fewer than ranks
    result, _ = evaluate("--questions=few.jsonl", "--json", ranks=3)
    if json.loads(result)["right"] != 1:
        complain(f"one question on 3 ranks: {result}")
    refused("empty.jsonl", "no questions", [])
    refused("silent.jsonl", "question 2 has no string \"response\"", [questions[0], {"prompt": "What?"}])
    refused("number.jsonl", "response", [question("How many?", 2)])
    refused("blank.jsonl", "response", [question("What?", "")])
    refused("mute.jsonl", "mute.jsonl:2", [questions[0], {"response": "red"}])
    refused("broken.jsonl", "broken.jsonl:2", [questions[0], '{"prompt": "What'])
    evaluate("--questions=missing.jsonl", status=1)
    evaluate("--questions=questions.jsonl", "--items=missing/x.jsonl", ranks=2, status=1)

    # A model that was never tuned has no token that ends a turn.
    _, message = evaluate("--questions=questions.jsonl", "--checkpoint=base", status=2)
    if "im_" not in message:
        complain(f"without an end of turn: {message}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
    os.chdir("/")
if failures == 0:
    print("questions are judged alike on 1, 2 and 3 ranks")
sys.exit(failures != 0)
