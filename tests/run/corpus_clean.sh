#!/usr/bin/env bash
# `llmpi corpus clean`: exact and near repeats are found and nothing else is lost, the rules decide as Python does, the
# files are the same for any number of ranks and after SIGKILL, and odd inputs and folders are handled.
# shellcheck disable=SC2086
source "$LLMPI_SOURCE/tests/run/common.sh"
sample=$LLMPI_TEST_DATA/fineweb/fineweb-sample.jsonl.zst
off="--clean.gopher_quality=false --clean.gopher_repetition=false --clean.c4_quality=false --clean.fineweb_quality=false
     --clean.language_score_min=0"
same_files() { diff -rq "$1" "$2" >differences || fail "$1 and $2: $(cat differences)"; }
count_lines() { cat "$@" | wc -l; }
# table NAME: the row of the last table
table() { grep -E "^$1 " out | tr -s ' '; }

if [ -e "$sample" ]; then
    cat >first.yaml <<YAML
corpus: {inputs: [$sample], max_documents: 600}
clean: {directory: first, files: 1, compression: none, exact_duplicates: false, near_duplicates: false}
YAML
    expect 0 "$LLMPI" corpus clean first.yaml $off
    cp first/kept-00000-of-00001.jsonl originals.jsonl
else
    echo "note: $sample is missing, generated stories instead"
    expect 0 "$LLMPI" corpus generate --documents=600 --seed=3 --output=originals.jsonl
fi
[ "$(count_lines originals.jsonl)" -eq 600 ] || fail "$(count_lines originals.jsonl) documents, not 600"

# --- 300 documents repeated, and 300 with 2 % of their words changed, in any order and in two kinds of file
/usr/bin/python3 - <<'PYTHON' || exit 1
import gzip, json, random, re
random.seed(11)
lines = open("originals.jsonl", encoding="utf-8").read().split("\n")[:-1]
repeats = [line for line in lines[:300]]
for line in lines[300:]:
    record = json.loads(line)
    pieces = re.split(r"(\s+)", record["text"])
    words = [i for i in range(0, len(pieces), 2) if pieces[i]]
    for i in random.sample(words, round(0.02 * len(words))):
        pieces[i] = "changed%d" % random.randrange(10**9)
    record["text"] = "".join(pieces)
    record["id"] = "near " + record["id"]
    repeats.append(json.dumps(record, ensure_ascii=False))
random.shuffle(repeats)
open("repeats-1.jsonl", "w", encoding="utf-8").write("\n".join(repeats[:300]) + "\n")
with gzip.open("repeats-2.jsonl.gz", "wt", encoding="utf-8") as out:
    out.write("\n".join(repeats[300:]))
PYTHON
cat >clean.yaml <<'YAML'
corpus: {inputs: [originals.jsonl, repeats-1.jsonl, repeats-2.jsonl.gz]}
clean: {directory: alone, files: 3, compression: none}
YAML
expect 0 "$LLMPI" corpus clean clean.yaml $off --corpus.inputs=originals.jsonl --clean.directory=before
expect 0 "$LLMPI" corpus clean clean.yaml $off
cp out found.txt
/usr/bin/python3 - <<'PYTHON' || fail "duplicates"
import glob, gzip, json, re
def read(pattern):
    return [json.loads(line) for name in sorted(glob.glob(pattern)) for line in open(name, encoding="utf-8")]
def document_at(name):
    path, position = name.rsplit(":", 1)
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()[int(position):]
    return json.loads(data.split(b"\n", 1)[0])
def shingles(text):
    words = ["".join(c for c in word if c.isalnum()) for word in text.lower().split()]
    words = [word for word in words if word]
    return {tuple(words[i:i + 5]) for i in range(len(words) - 4)} or {tuple(words)}
originals = [json.loads(line) for line in open("originals.jsonl", encoding="utf-8")]
lost_before = {r["id"] for r in read("before/rejected-*")}
kept, rejected = read("alone/kept-*"), read("alone/rejected-*")
assert len(kept) + len(rejected) == 1200
kept_ids = {r["id"] for r in kept}
lost = {r["id"] for r in originals} - kept_ids
assert lost == lost_before, "originals lost: %s" % (lost ^ lost_before)
exact = [r for r in rejected if r["rejected_by"] == "exact_duplicates"]
assert len(exact) >= 300 and len([r for r in kept if not r["id"].startswith("near ")]) == 600 - len(lost)
assert all(document_at(r["rejected_because"])["text"] == r["text"] for r in exact)
near = [r for r in rejected if r["rejected_by"] == "near_duplicates" and r["id"].startswith("near ")]
expected = variance = 0
text_of = {r["id"]: shingles(r["text"]) for r in originals}
for r in [r for r in kept + rejected if r["id"].startswith("near ")]:
    a, b = shingles(r["text"]), text_of[r["id"][5:]]
    chance = 1 - (1 - (len(a & b) / len(a | b)) ** 8) ** 14
    expected, variance = expected + chance, variance + chance * (1 - chance)
print("near repeats: %d of 300 found, %.1f expected from their similarity" % (len(near), expected))
assert len(near) >= 279, "recall %.3f" % (len(near) / 300)
assert abs(len(near) - expected) < 5 * variance ** 0.5 + 1, "MinHash finds %d, theory %.1f" % (len(near), expected)
for r in near:
    other = document_at(r["rejected_because"])
    a, b = shingles(r["text"]), shingles(other["text"])
    assert len(a & b) / len(a | b) > 0.4 or r["id"][5:] in lost_before, "similarity %f" % (len(a & b) / len(a | b))
    assert list(r)[-2:] == ["rejected_by", "rejected_because"]
print("no other document lost; %d originals are near duplicates of each other" % len(lost_before))
PYTHON
grep -E "^(exact|near)_duplicates" found.txt

# --- the same files for any number of ranks, compressed or not, with every rule on
for run in none-1 zstd-1 gzip-1 none-2 zstd-3 gzip-5; do
    kind=${run%-*}
    expect 0 ranks ${run#*-} "$LLMPI" corpus clean clean.yaml --clean.directory=$run --clean.compression=$kind
    cp out table-$run
    cmp -s table-none-1 table-$run || fail "$run prints another table"
    same_files $kind-1 $run
done
[ "$(ls zstd-1 | wc -l)" -eq 6 ] || fail "files: $(ls zstd-1)"
for i in 0 1 2; do gzip -dc gzip-1/kept-0000$i-of-00003.jsonl.gz | cmp -s - none-1/kept-0000$i-of-00003.jsonl || fail "gzip $i"; done

# --- rules by Python: thresholds that reject many, the rule and the figure of each document
expect 0 ranks 2 "$LLMPI" corpus clean clean.yaml --clean.directory=rules --corpus.inputs=originals.jsonl \
    --clean.exact_duplicates=false --clean.near_duplicates=false --clean.language_score_min=0 \
    --clean.gopher_min_words=200 --clean.gopher_max_word_length=5.2 --clean.gopher_min_stop_words=7 \
    --clean.gopher_max_top_2_gram=0.02 --clean.gopher_max_duplicate_5_grams=0.01 \
    --clean.fineweb_max_short_lines=0.1 --clean.fineweb_min_punctuated_lines=0.8
/usr/bin/python3 - <<'PYTHON' || fail "the rules"
import collections, glob, json, re
white = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
def top(words, n):
    grams = collections.Counter(" ".join(words[i:i + n]) for i in range(len(words) - n + 1))
    gram, count = grams.most_common(1)[0]
    return len(gram) * count if count > 1 else 0
def repeated(words, n):
    seen, total, i = set(), 0, 0
    while i <= len(words) - n:
        gram = tuple(words[i:i + n])
        if gram in seen:
            total, i = total + sum(map(len, gram)), i + n
        else:
            seen.add(gram)
            i += 1
    return total
def judge(text):
    words = [w for w in white.split(text) if w]
    stop = {w.strip("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~").lower() for w in words}
    stop &= {"the", "be", "to", "of", "and", "that", "have", "with"}
    lines = [l for l in (white.sub(" ", l).strip() for l in text.split("\n")) if l]
    yield "gopher_min_words", len(words), len(words) < 200
    mean = sum(map(len, words)) / len(words)
    yield "gopher_max_word_length", mean, mean > 5.2
    yield "gopher_min_stop_words", len(stop), len(stop) < 7
    share = top(words, 2) / len(text)
    yield "gopher_max_top_2_gram", share, share > 0.02
    share = repeated(words, 5) / len(text)
    yield "gopher_max_duplicate_5_grams", share, share > 0.01
    share = sum(l[-1] in ".'\"!?" for l in lines) / len(lines)
    yield "fineweb_min_punctuated_lines", share, share <= 0.8
    share = sum(len(l) <= 30 for l in lines) / len(lines)
    yield "fineweb_max_short_lines", share, share >= 0.1
def read(kind):
    return [json.loads(line) for name in glob.glob("rules/%s-*" % kind) for line in open(name, encoding="utf-8")]
mine = ("gopher_min_words gopher_max_word_length gopher_min_stop_words gopher_max_top_2_gram gopher_max_duplicate_5_grams "
        "fineweb_min_punctuated_lines fineweb_max_short_lines").split()
counts = collections.Counter()
for r in read("kept") + read("rejected"):
    by = r.get("rejected_by", "kept")
    wanted, figure = next(((rule, figure) for rule, figure, bad in judge(r["text"]) if bad), ("kept", 0))
    counts[by] += 1
    if by in mine:
        assert by == wanted, "%s: %s, not %s" % (r["id"], by, wanted)
        assert r["rejected_because"].split(" ")[0] == "%.6g" % figure, (r["rejected_because"], figure)
    elif by == "kept":
        assert wanted == "kept", "%s is kept, %s should reject it with %g" % (r["id"], wanted, figure)
assert sum(counts.values()) == 600
print("rules by Python:", dict(counts))
PYTHON

# --- SIGKILL when the folder, a temporary file, a finished file appears, and in between: then started again
mkdir killed
touch killed/kept-00007-of-00099.jsonl.gz.tmp killed/rejected-00001-of-00004.jsonl killed/notes.txt
for moment in 'killed/*-of-00003.jsonl.tmp' 'killed/rejected-*-of-00003.jsonl.tmp' 'killed/kept-00000-of-00003.jsonl' 0.1; do
    "$LLMPI" corpus clean clean.yaml --clean.directory=killed >/dev/null 2>&1 &
    process=$!
    case $moment in
        killed*) while ! compgen -G "$moment" >/dev/null && kill -0 $process 2>/dev/null; do sleep 0.005; done ;;
        *) sleep $moment ;;
    esac
    kill -KILL $process 2>/dev/null
    wait $process 2>/dev/null
    for file in killed/*-of-00003.jsonl; do
        [ ! -e "$file" ] || cmp -s "$file" "none-1/$(basename "$file")" || fail "killed at $moment: $file is not whole"
    done
done
expect 0 "$LLMPI" corpus clean clean.yaml --clean.directory=killed
[ -e killed/notes.txt ] || fail "a file of somebody else was removed"
rm -f killed/notes.txt
same_files killed none-1

# --- the output folder lies in the input folder; another number of files replaces the old ones
mkdir -p data
head -n 200 originals.jsonl >data/a.jsonl
for run in 1 2; do
    expect 0 ranks 2 "$LLMPI" corpus clean clean.yaml --corpus.inputs=data --clean.directory=data/out
    cp -r data/out own-$run
done
contains err "6 input files are what cleaning wrote into data/out: not read"
same_files own-1 own-2
expect 0 "$LLMPI" corpus clean clean.yaml --corpus.inputs=data --clean.directory=data/out --clean.files=2
[ "$(ls data/out | wc -l)" -eq 4 ] || fail "files of two numbers: $(ls data/out)"
expect 2 "$LLMPI" corpus clean clean.yaml --corpus.inputs=data/out --clean.directory=data/out
contains err "corpus.inputs has only files that cleaning wrote"

# --- kept records keep their bytes, lines are removed on demand, plain text gets records
printf '{ "n":1.50,"text":"Menu\\nOne two three.\\nuse cookies for this" }\n{"text": "same"}\n{"text":"same"}\n' >odd.jsonl
printf 'first\n---\nsecond "quoted"\n---\nfirst' >odd.txt
lines="--clean.files=1 --clean.compression=none --clean.near_duplicates=false --clean.directory=odd"
expect 0 "$LLMPI" corpus clean clean.yaml $off $lines --corpus.inputs=odd.jsonl
printf '{ "n":1.50,"text":"Menu\\nOne two three.\\nuse cookies for this" }\n{"text": "same"}\n' | cmp - odd/kept-00000-of-00001.jsonl ||
    fail "kept records changed"
printf '{"text":"same", "rejected_by": "exact_duplicates", "rejected_because": "odd.jsonl:%d"}\n' "$(head -n 1 odd.jsonl | wc -c)" |
    cmp - odd/rejected-00000-of-00001.jsonl || fail "the reason: $(cat odd/rejected*)"
expect 0 "$LLMPI" corpus clean clean.yaml $lines --corpus.inputs=odd.jsonl --clean.c4_remove_lines=true \
    --clean.gopher_quality=false --clean.gopher_repetition=false --clean.fineweb_quality=false --clean.c4_min_sentences=0
printf '{ "n":1.50,"text":"One two three." }\n' | cmp - odd/kept-00000-of-00001.jsonl || fail "removed lines: $(cat odd/kept*)"
[ "$(grep -c 'c4_remove_lines' odd/rejected-00000-of-00001.jsonl)" -eq 2 ] || fail "texts without a line left: $(cat odd/rejected*)"
expect 0 "$LLMPI" corpus clean clean.yaml $off $lines --corpus.inputs=odd.txt "--corpus.document_separator=
---
"
printf '{"text": "first"}\n{"text": "second \\"quoted\\""}\n' | cmp - odd/kept-00000-of-00001.jsonl || fail "text: $(cat odd/kept*)"
/usr/bin/python3 -c 'print("word " * 3000000, end="")' >long.txt
expect 0 "$LLMPI" corpus clean clean.yaml $off $lines --corpus.inputs=long.txt
[ "$(wc -c <odd/kept-00000-of-00001.jsonl)" -eq 15000013 ] || fail "a long text: $(wc -c <odd/kept-00000-of-00001.jsonl) bytes"

# --- language scores, damaged lines, nothing kept
printf '{"text":"a","language_score":0.9}\n{"text":"b","language_score":0.2}\n{"text":"c"}\nbroken\n{"x":1}\n' >scores.jsonl
expect 1 "$LLMPI" corpus clean clean.yaml $lines --corpus.inputs=scores.jsonl
contains err "scores.jsonl:4"
[ "$(ls odd | grep -c tmp)" -eq 0 ] || fail "a failure left $(ls odd)"
expect 1 bash -c "ulimit -n 100; '$LLMPI' corpus clean clean.yaml --clean.directory=odd --clean.files=200 --corpus.inputs=scores.jsonl"
contains err "Too many open files" # and not the bad line, which is found later
[ "$(ls odd | grep -c tmp)" -eq 0 ] || fail "a failure left $(ls odd)"
expect 0 ranks 2 "$LLMPI" corpus clean clean.yaml $off $lines --corpus.inputs=scores.jsonl --corpus.on_error=skip \
    --clean.language_score_min=0.65 --clean.files=2
contains err "skipped 2 documents: 0 invalid UTF-8, 1 broken JSON, 1 without text field"
contains err "2 files of kept and of rejected documents each in odd after"
[ "$(grep -c 'scores.jsonl:[45]: ' err)" -eq 2 ] || fail "each bad line is told once: $(cat err)"
[ "$(table language_score_min)" = "language_score_min 3 1 33.33% 1" ] || fail "table: $(table language_score_min)"
[ "$(table kept)" = "kept 2 66.67% 2" ] || fail "table: $(table kept)"
expect 0 "$LLMPI" corpus clean clean.yaml $lines --corpus.inputs=scores.jsonl --corpus.on_error=skip
contains err "warning: no document is kept: the rules reject all of them"

# --- usage
expect 0 "$LLMPI" corpus clean --help
contains out "--clean.gopher_max_top_2_gram="
expect 2 "$LLMPI" corpus clean
expect 2 "$LLMPI" corpus clean clean.yaml --clean.near_rows=0
expect 2 "$LLMPI" corpus clean clean.yaml --clean.gopher_minwords=3
contains err "clean.gopher_min_words"
touch file
expect 1 "$LLMPI" corpus clean clean.yaml --clean.directory=file
finish
