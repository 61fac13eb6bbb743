#!/usr/bin/env python3
"""The real Parquet files of the test data (pyarrow's and parquet-rs's) give the texts that they should: ccnet20 those of
its JSON lines, the others those of the FineWeb sample with the same id."""
import glob
import json
import os
import subprocess
import sys

folder = os.path.join(os.environ["LLMPI_TEST_DATA"], "fineweb")
failures = 0


def complain(text):
    global failures
    failures += 1
    print("FAILED:", text)


def json_lines(data):
    return [json.loads(line) for line in data.decode().split("\n") if line]


def dump(path, *arguments):
    return json_lines(subprocess.run([os.environ["LLMPI_PARQUET_DUMP"], path, *arguments], check=True,
                                     stdout=subprocess.PIPE).stdout)


def main():
    paths = sorted(glob.glob(os.path.join(folder, "parquet", "*.parquet")))
    sample = os.path.join(folder, "fineweb-sample.jsonl.zst")
    if not paths or not os.path.exists(sample):
        print(f"skipped: {folder} has no Parquet files, or no sample")
        sys.exit(77)
    with open(os.path.join(folder, "parquet", "ccnet20.jsonl"), "rb") as lines:
        ccnet = json_lines(lines.read())
    unpacked = subprocess.run(["zstd", "-dcq", sample], check=True, stdout=subprocess.PIPE).stdout
    texts = {document["id"]: document["text"] for document in json_lines(unpacked)}
    for path in paths:
        name = os.path.basename(path)
        rows = dump(path)
        if dump(path, "--seek=7") != rows[::7]:
            complain(f"{name}: seeking gives other rows")
        if name.startswith("ccnet20"):
            if rows != ccnet:
                complain(f"{name} differs from ccnet20.jsonl")
        elif len(rows) not in (100, 400) or any(texts.get(row["id"]) != row["text"] for row in rows):
            complain(f"{name}: {len(rows)} rows whose texts differ from the sample's")
    print(f"{len(paths)} files, {failures} failures")
    sys.exit(failures > 0)


main()
