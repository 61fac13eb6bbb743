#!/usr/bin/env bash
# `llmpi corpus generate` and `corpus stats` through the command line: the same bytes each time and whatever the
# compression, a corpus that is a prefix of a larger one, the entropy line that scripts read, and wrong usage.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
bad=0
complain() { echo "FAILED: $1"; bad=1; }
generate() { "$LLMPI" corpus generate "$@"; }

generate --documents=300 --seed=4 --output=a.jsonl 2>a.log || complain "generate fails: $(cat a.log)"
generate --documents=300 --seed=4 --output=b.jsonl.gz 2>/dev/null || complain ".jsonl.gz fails"
generate --documents=300 --seed=4 --output=c.jsonl.zst 2>/dev/null || complain ".jsonl.zst fails"
generate --documents=120 --seed=4 --output=d.jsonl 2>/dev/null || complain "120 documents fail"
generate --documents=300 --seed=5 --output=e.jsonl 2>/dev/null || complain "another seed fails"
generate --documents=300 --seed=4 --output=- >f.jsonl 2>f.log || complain "standard output fails"
gzip -dc b.jsonl.gz | cmp - a.jsonl || complain ".gz holds other bytes"
cmp f.jsonl a.jsonl || complain "standard output has other bytes"
head -n 120 a.jsonl | cmp - d.jsonl || complain "a story depends on the number of documents"
cmp -s e.jsonl a.jsonl && complain "the seed changes nothing"
[ "$(wc -l <a.jsonl)" -eq 300 ] || complain "not one line for each document"
grep -Eq 'entropy of the choices: 0\.[0-9]{3} bits per byte' a.log || complain "no entropy line: $(cat a.log)"
grep -q 'entropy' f.jsonl && complain "the log is in standard output"

generate --documents=300 --seed=4 --output=a.jsonl --json >json 2>/dev/null || complain "--json fails"
/usr/bin/python3 - <<'PYTHON' || complain "the corpus or the summary is wrong"
import json
lines = [json.loads(line) for line in open("a.jsonl", encoding="utf-8")]
columns = ["text", "id", "dump", "url", "date", "file_path", "language", "language_score", "token_count"]
assert all(list(line) == columns for line in lines)
assert len({line["id"] for line in lines}) == len({line["text"] for line in lines}) == 300
summary = json.loads(open("json").read())
assert summary["documents"] == 300
assert summary["text_bytes"] == sum(len(line["text"].encode()) for line in lines)
assert 0.1 < summary["bits_per_byte"] < 0.9
PYTHON

"$LLMPI" corpus stats a.jsonl b.jsonl.gz c.jsonl.zst >stats 2>/dev/null || complain "stats fails"
grep -Eq '^documents +900$' stats || complain "stats counts wrong: $(head -n 3 stats)"
grep -Eq '^the +[0-9]+ ' stats || complain "\"the\" is not among the frequent words"
printf '{"body":"One two two"}\n{"body":"Three, TWO"}\n' >own.jsonl
"$LLMPI" corpus stats --text-field=body own.jsonl >stats 2>/dev/null || complain "--text-field fails"
grep -Eq '^bytes of text +21$' stats || complain "wrong bytes of text"
grep -Eq '^distinct words +3$' stats || complain "wrong number of words"
grep -Eq '^two +3 +60\.00%$' stats || complain "wrong count of a word"

# refused FRAGMENT ARGUMENTS...: exit status 2 and one message with the fragment in it
refused() {
    local fragment=$1 status
    shift
    "$LLMPI" corpus "$@" >out 2>err
    status=$?
    [ "$status" -eq 2 ] || complain "corpus $*: status $status instead of 2"
    grep -q -e "$fragment" err || complain "corpus $*: \"$(cat err)\" does not name $fragment"
    [ "$(wc -l <err)" -eq 1 ] || complain "corpus $*: more than one message"
}
refused generate
refused generat generat
refused --output generate --documents=3
refused --documents generate --output=x.jsonl --documents=0
refused --documents generate --output=x.jsonl --documents=many
refused --documents generate --output=x.jsonl --documents
refused --document generate --output=x.jsonl --dokuments=3
refused --json generate --output=- --json
refused stats stats
[ -e x.jsonl ] && complain "a refused command wrote a file"
generate --documents=3 --output=missing/x.jsonl >/dev/null 2>err
[ $? -eq 1 ] && grep -q missing/x.jsonl err || complain "a missing folder: $(cat err)"
generate --documents=20000 --output=/dev/full >/dev/null 2>err
[ $? -eq 1 ] && grep -q 'No space left' err && [ "$(grep -c error err)" -eq 1 ] || complain "a full disk: $(cat err)"
"$LLMPI" corpus generate --help | grep -q -e --documents || complain "no --help"
"$LLMPI" corpus --help | grep -q generate || complain "no corpus --help"
[ "$bad" -eq 0 ] && echo "corpus generate and stats work"
exit "$bad"
