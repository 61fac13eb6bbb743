#!/usr/bin/env python3
"""`llmpi corpus generate --questions`: every passage stands in its story, every answer follows from its passage by a
rule that is written here again and looks at the text alone, nobody guesses it from the question, and the same seed
gives the same questions and leaves the stories as they were."""
import collections
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

LLMPI = os.environ["LLMPI"]
MONTHS = "January February March April May June July August September October November December".split()
TITLES = "(?:Miss|Madam|Granny|Aunt|Mister|Master|Uncle|Old)"
failures = 0


def complain(message):
    global failures
    failures += 1
    if failures < 20:
        print("FAILED:", message)


def generate(*arguments, status=0):
    done = subprocess.run([LLMPI, "corpus", "generate", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != status:
        complain(f"{arguments}: status {done.returncode}: {done.stderr.decode()}")
    return done.stdout, done.stderr.decode()


# How each kind asks (the group is the key), and where the passage has to state the answer for the key.
KIND_OF = (r"What kind of (.+) was it\?", r"\b{answer} {key}")
ANYWHERE = r"\b{answer}\b"
BOTH = r"\b{answer}\b.*\b{key}\b|\b{key}\b.*\b{answer}\b"
RULES = {
    "colour": (r"What colour was the (.+)\?", r"\b{answer} {key}"),
    "number": (r"How many (.+) were there\?", r"\b{answer} (?:[\w-]+ )?{key}"),
    "drink": (r"What was there to drink\?", ANYWHERE),
    "month": (r"Which month was it\?", ANYWHERE),
    "village": (r"Which village was it\?", ANYWHERE),
    "place": (r"Where did (.+) go\?", r"\bthe {answer}\b"),
    "hero": (r"Who is the story about\?", ANYWHERE),
    "friend": (r"Who was the friend\?", ANYWHERE),
    "who": (r"Who was the (.+)\?", r"\b{key} {answer}\b"),
    "worker": (r"Who was (.+)\?", BOTH),
    "trade": (r"What was the trade of (.+)\?", r"\b{answer} {key}\b"),
    "pet": (r"What was the name of the (.+)\?", BOTH),
    "animal": (r"What animal was (.+)\?", BOTH),
}
RULES.update({kind: KIND_OF for kind in "metal wood cloth paper pottery tree sweet savoury".split()})


def check(question, stories):
    kind, answer = question["kind"], question["response"]
    asked, stated = RULES[kind]
    passage, last = re.fullmatch(r"(.*[.!?\"']) ([A-Z][^.!?]*\?)", question["prompt"]).groups()
    match = re.fullmatch(asked, last)
    if not match:
        return complain(f"not asked as {kind}s are: {question}")
    key = match.group(1) if match.re.groups == 1 else ""
    number = int(question["story"].split(":")[-1])
    if passage not in stories[number]:
        complain(f"the passage is not in story {number}: {question}")
    if not re.search(stated.replace("{answer}", re.escape(answer)).replace("{key}", re.escape(key)), passage):
        complain(f"the answer does not follow from the passage: {question}")
    if len(passage.encode()) > 160:
        complain(f"a long passage: {question}")
    if key and key[0].islower() and len(re.findall(rf"(?<![A-Za-z]){re.escape(key)}(?![A-Za-z])", passage)) != 1:
        complain(f"the key does not stand once in the passage: {question}")
    months = {word for word in re.findall(r"[A-Z][a-z]+", passage) if word in MONTHS}
    if kind == "month" and months - {"June"} != {answer} - {"June"}:  # also the name of a girl
        complain(f"another month: {question}")
    elders = set(re.findall(rf"\b({TITLES} [A-Z][a-z]+)", passage))
    if kind in ("who", "worker") and elders != {answer} or kind == "trade" and elders != {key}:
        complain(f"another person with a title: {question}")


def guessed(seen, asked):
    """Share of `asked` answered by the most frequent answer to the very same question (without passage) in `seen`."""
    table = collections.defaultdict(collections.Counter)
    last = lambda question: re.search(r"[A-Z][^.!?]*\?$", question["prompt"]).group()
    for question in seen:
        table[last(question)][question["response"]] += 1
    right = 0
    for question in asked:
        counts = table.get(last(question))
        right += bool(counts) and counts.most_common(1)[0][0] == question["response"]
    return right / len(asked)


def main():
    lines = lambda name: [json.loads(line) for line in open(name, encoding="utf-8")]
    generate("--documents=3000", "--seed=4", "--output=stories.jsonl")
    _, log = generate("--documents=3000", "--seed=4", "--output=again.jsonl", "--questions=a.jsonl")
    generate("--documents=3000", "--seed=4", "--questions=b.jsonl.gz")
    generate("--documents=1000", "--seed=4", "--questions=c.jsonl")
    generate("--documents=6000", "--seed=5", "--questions=d.jsonl")
    if open("stories.jsonl", "rb").read() != open("again.jsonl", "rb").read():
        complain("--questions changes the stories")
    first = open("a.jsonl", "rb").read()
    if gzip.open("b.jsonl.gz").read() != first:
        complain("other questions without --output")
    if not first.startswith(open("c.jsonl", "rb").read()):
        complain("questions depend on the number of documents")

    stories = [line["text"] for line in lines("stories.jsonl")]
    questions = lines("a.jsonl")
    if len(questions) < 5 * len(stories):
        complain(f"only {len(questions)} questions about {len(stories)} stories")
    for question in questions:
        check(question, stories)
    if {question["kind"] for question in questions} != set(RULES):
        complain("not all kinds of questions were asked")
    if len({(question["story"], question["kind"]) for question in questions}) != len(questions):
        complain("a kind was asked twice about a story")

    # The table and the baseline, counted again.
    counts = collections.defaultdict(collections.Counter)
    for question in questions:
        counts[question["kind"]][question["response"]] += 1
    best = sum(counter.most_common(1)[0][1] for counter in counts.values())
    if f"most frequent answer: {100 * best / len(questions):.2f}% right" not in log:
        complain(f"another baseline than {100 * best / len(questions):.2f}: {log}")
    for kind, counter in counts.items():
        if not re.search(rf"\b{kind} +{sum(counter.values())} +{len(counter)} ", log):
            complain(f"the table is wrong for {kind}: {log}")
    if best > 0.06 * len(questions):
        complain(f"the baseline is high: {best} of {len(questions)}")
    # Whoever has seen 50,000 answers to the same questions guesses no better (two points for chance).
    if guessed(lines("d.jsonl"), questions) > best / len(questions) + 0.02:
        complain(f"the questions give answers away: {guessed(lines('d.jsonl'), questions):.3f}")

    for arguments in (["--questions=x.jsonl", "--output=x.jsonl"], ["--questions=x.jsonl", "--json"],
                      ["--questions=-", "--output=x.jsonl", "--json"]):
        _, message = generate(*arguments, status=2)
        if len(message.splitlines()) != 1 or os.path.exists("x.jsonl"):
            complain(f"{arguments}: {message}")
    return failures


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    if main() == 0:
        print("every answer is in its passage")
    os.chdir("/")
sys.exit(failures != 0)
