#!/usr/bin/env python3
"""`llmpi corpus stats --json` against the same numbers counted here, for 1, 2 and 3 ranks; bytes that are not UTF-8, broken
lines, plain text with separators; tokens against `llmpi tokenizer encode`, and against the exact ids of the test data."""
import collections, json, os, random, re, subprocess, sys, tempfile

LLMPI = os.environ["LLMPI"]
DATA = os.environ.get("LLMPI_TEST_DATA", "")
WORD = re.compile(rb"(?:[A-Za-z\x80-\xff]|(?<=[A-Za-z])[-'](?=[A-Za-z]))+")
failures = 0


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print("FAILED:", what)


def run(*command, ranks=1, status=0, data=b""):
    launch = ["mpirun", "-q", "-np", str(ranks)] if ranks > 1 else []
    done = subprocess.run(launch + [LLMPI, *command], input=data, capture_output=True)
    check(done.returncode == status, f"{command}: exit status {done.returncode}: {done.stderr.decode()[-300:]}")
    return done.stdout


def stats(*arguments, ranks=1):
    return json.loads(run("corpus", "stats", "--json", *arguments, ranks=ranks))


def expected(texts, words=20):
    texts = [text.encode() for text in texts]
    counts = collections.Counter(word.lower()[:64] for text in texts for word in WORD.findall(text))
    lengths = collections.Counter(max(len(text), 1).bit_length() - 1 for text in texts)
    frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:words]
    return {
        "documents": len(texts),
        "bytes": sum(map(len, texts)),
        "characters": sum(len(text.decode()) for text in texts),
        "lines": sum(text.count(b"\n") + (not text.endswith(b"\n")) for text in texts),
        "longest": max(map(len, texts)),
        "words": sum(counts.values()),
        "distinct_words": len(counts),
        "all_words_counted": True,
        "lengths": [{"from": 2**i if i else 0, "to": 2 ** (i + 1) - 1, "documents": n} for i, n in sorted(lengths.items())],
        "frequent_words": [{"word": w.decode("utf-8", "replace"), "count": n} for w, n in frequent],
    }


def compare(found, texts, errors, words=20):
    for name, value in expected(texts, words).items():
        check(found[name] == value, f"{name} is {found[name]} instead of {value}")
    for name, value in found["skipped"].items():
        check(value == errors.get(name, 0), f"skipped {name} is {value}")


def make_texts(count, seed):
    """Texts from a word to 50 KB, so that the files have several parts."""
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFZ0123456789 éß中😀-'"
    words = ["".join(draw.choices(letters, k=draw.randint(1, 12))) for _ in range(500)] + ["don't", "X-ray", "q" * 100]
    ends = [" ", " ", " ", "\n", ", ", ".\n\n"]
    return ["".join(draw.choice(words) + draw.choice(ends) for _ in range(int(2 ** draw.uniform(0, 12)))) + "x"
            for _ in range(count)]


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    first, second, plain = make_texts(150, 1), make_texts(60, 2), make_texts(40, 3)
    with open("a.jsonl", "wb") as file:
        for number, text in enumerate(first):
            file.write(json.dumps({"id": number, "body": text}, ensure_ascii=number % 2 == 0).encode() + b"\n")
            if number % 30 == 0:
                file.write([b'{"body": "a\xffb"}\n', b'{"body": \n', b'{"bodi": "c"}\n', b'{"body": ""}\n', b"\n"][number // 30])
    with open("b.jsonl", "w") as file:
        file.writelines(json.dumps({"body": text}) + "\n" for text in second)
    subprocess.run(["gzip", "b.jsonl"], check=True)
    with open("c.txt", "w") as file:
        file.write("\n=====\n".join(plain))
    errors = {"invalid_utf8": 1, "broken_json": 1, "missing_field": 1, "empty": 1}
    arguments = ["--text-field=body", "--separator=\n=====\n", "--skip-errors", "--words=50", "a.jsonl", "b.jsonl.gz", "c.txt"]
    alone = stats(*arguments)
    check(alone["files"] == 3, "not three files")
    compare(alone, first + second + plain, errors, 50)
    for ranks in (2, 3):
        check(stats(*arguments, ranks=ranks) == alone, f"{ranks} ranks count something else")
    table = run("corpus", "stats", *arguments, ranks=2).decode()
    check(re.search(rf"^documents +{len(first + second + plain)}$", table, re.M), "the table has other documents")
    check(re.search(r"^skipped +4$", table, re.M), "the table does not say what was skipped")
    rows = re.findall(r"^\S+ +\d+ +[0-9.]+%$", table, re.M)
    check(len(rows) == 50, "the table has not 50 words")
    check(len({len(row) for row in rows if len(row.split()[0]) <= 27}) == 1, "the table of words is not aligned")
    compare(stats("--text-field=body", "--documents=7", "--words=0", "b.jsonl.gz"), second[:7], {}, 0)
    message = subprocess.run([LLMPI, "corpus", "stats", "--text-field=body", "a.jsonl"], capture_output=True)
    check(message.returncode == 1 and b"a.jsonl:2: invalid UTF-8" in message.stderr, "errors are skipped without being asked")
    run("corpus", "stats", "--words=-1", "a.jsonl", status=2)
    run("corpus", "stats", "--tokenizer=missing.json", "--text-field=body", "b.jsonl.gz", status=1)

    with open("tiny.yaml", "w") as file:
        file.write("corpus: {inputs: [b.jsonl.gz], text_field: body}\ntokenizer: {path: tokenizer.json, vocab_size: 400}\n")
    run("tokenizer", "train", "tiny.yaml")
    tokens = sum(len(run("tokenizer", "encode", "tokenizer.json", data=text.encode()).split()) for text in second[:10])
    for ranks in (1, 2):
        found = stats("--text-field=body", "--tokenizer=tokenizer.json", "--documents=10", "b.jsonl.gz", ranks=ranks)
        check(found["tokens"] == tokens, f"{found['tokens']} tokens instead of {tokens}")
        check(abs(found["tokens_per_byte"] - tokens / found["bytes"]) < 1e-6, "wrong tokens per byte")  # six digits
        check(abs(found["tokens_per_document"] - tokens / 10) < 1e-3, "wrong tokens per document")  # three digits

    sample, ids = f"{DATA}/fineweb/fineweb-sample.jsonl.zst", f"{DATA}/gpt2-tokenizer/fineweb-ids.jsonl.zst"
    if os.path.exists(sample) and os.path.exists(ids):
        lines = subprocess.run(["zstd", "-dc", ids], capture_output=True, check=True).stdout.splitlines()
        tokens = sum(len(json.loads(line)["ids"]) for line in lines)
        found = stats(f"--tokenizer={DATA}/gpt2-tokenizer", f"--documents={len(lines)}", sample)
        check(found["tokens"] == tokens, f"{found['tokens']} tokens of FineWeb instead of {tokens}")
    else:
        print(f"not tested here: tokens of FineWeb ({sample} is missing)")

print("corpus stats counts right" if failures == 0 else f"{failures} failures")
sys.exit(failures > 0)
