#!/usr/bin/env bash
# tools/fetch-fineweb.sh against a web server on loopback that behaves like the hub, or badly: the first folder of the
# address says how.
. "$(dirname "$0")/common.sh"
command -v curl >/dev/null || { echo "curl is missing"; exit 77; }

cat >server.py <<'PYTHON'
import hashlib, http.server, json, os, sys, threading

FOLDER = "sample/10BT"
FILES = {f"{i:03}_00000.parquet": os.urandom(200_000 + 7777 * i) for i in range(4)}
for name, data in FILES.items():
    open(name, "wb").write(data)
seen = set()

def first_time(*what):
    with lock:
        new = what not in seen
        seen.add(what)
    return new

lock = threading.Lock()

class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def note(self, status):
        with lock, open("requests", "a") as file:
            print(self.path, self.headers.get("Range", "-"), self.headers.get("Authorization", "-"), status, file=file)

    def answer(self, status, body=b"", **headers):
        self.note(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def list(self, mode):
        entries = [{"type": "directory", "oid": "0", "size": 0, "path": f"{FOLDER}/more.parquet"},
                   {"type": "file", "oid": "1", "size": 10, "path": f"{FOLDER}/README.md"}]
        for i, (name, data) in enumerate(FILES.items()):
            size, digest = len(data), hashlib.sha256(data).hexdigest()
            if mode == "wrong-size":
                size += 1
            if mode == "wrong-digest":
                digest = "0" * 64
            path = f"{FOLDER}/{name}"
            lfs = {"size": 5, "oid": digest, "pointerSize": 134, "path": "a, \"b\": 1 }]"}
            entries.append([{"type": "file", "oid": "abc", "size": size, "lfs": lfs, "path": path},
                            {"path": path, "lfs": lfs, "size": size, "xetHash": "d", "type": "file"},
                            {"lfs": lfs, "lastCommit": {"size": 3, "tags": [{"path": "no"}]}, "size": size,
                             "type": "file", "path": path}][i % 3])
        entries.reverse()
        if mode == "no-files":
            entries = []
        self.answer(200, json.dumps(entries, indent=None if mode == "plain" else 1).encode())

    def do_GET(self):
        mode, *rest = self.path.lstrip("/").split("/")
        path = "/".join(rest)
        if path == f"api/datasets/HuggingFaceFW/fineweb/tree/main/{FOLDER}":
            return self.list(mode)
        prefix = f"datasets/HuggingFaceFW/fineweb/resolve/main/{FOLDER}/"
        name = path[len(prefix):]
        if not path.startswith(prefix) or name not in FILES or mode == "missing":
            return self.answer(404, b"Entry not found")
        if mode == "denied" and self.headers.get("Authorization") != "Bearer hf_secret":
            return self.answer(401, b"no")
        if mode == "busy" and first_time(mode, name):
            return self.answer(503, b"later")
        if mode == "down":
            return self.answer(500, b"never")
        if mode == "moved":
            return self.answer(302, Location=f"http://localhost:{self.server.server_port}/plain/{path}")
        self.file(mode, name, FILES[name])

    def file(self, mode, name, data):
        wanted, start, status = self.headers.get("Range"), 0, 200
        if wanted and mode != "no-ranges":
            start, status = int(wanted[len("bytes="):].rstrip("-")), 206
            if start >= len(data):
                return self.answer(416)
        self.note(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        end = len(data)
        if mode in ("cut", "no-ranges", "slow") and first_time(mode, name):
            end = (start + len(data)) // 2
        self.wfile.write(data[start:end])
        self.wfile.flush()
        if mode == "slow" and end < len(data):
            stop.wait(60)
        self.close_connection = True

stop = threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
open("port.tmp", "w").write(str(server.server_port))
os.rename("port.tmp", "port")
server.serve_forever()
PYTHON
mkdir hub
(cd hub && exec /usr/bin/python3 ../server.py) &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ -e hub/port ] && break
    sleep 0.1
done
[ -e hub/port ] || { fail "the server does not start"; finish; }
export no_proxy='*'
unset HF_TOKEN HF_ENDPOINT

# fetch MODE OPTIONS...
fetch() { "$LLMPI_SOURCE/tools/fetch-fineweb.sh" --base-url="http://127.0.0.1:$(cat hub/port)/$1" --retry-delay=0 "${@:2}"; }
# same FOLDER COUNT: the folder has the first COUNT files of the hub and nothing else that one sees.
same() {
    local file
    [ "$(ls "$1" | wc -l)" -eq "$2" ] || fail "$1 has $(ls "$1" | tr '\n' ' ')"
    for file in "$1"/*; do
        cmp "$file" "hub/$(basename "$file")" || fail "$file is wrong"
    done
}
requests() { grep -c -- "$1" hub/requests; }

# The plain case, more files later, all of them; nothing is loaded twice.
expect 0 fetch plain --files=2 --output=a/b
same a/b 2
contains err "2 of 4 files, 0.4 MB, are in a/b"
expect 0 fetch plain --files=3 --output=a/b
same a/b 3
contains err "001_00000.parquet: is there"
expect 0 fetch plain --files=all --output=a/b
same a/b 4
[ "$(requests '^/plain/datasets')" -eq 4 ] || { fail "a file was loaded twice"; cat hub/requests; }

# A connection that breaks is continued where it broke, within one run.
expect 0 fetch cut --files=1 --output=cut
same cut 1
contains err "000_00000.parquet: "
contains err "; again in 0 s"
grep -q '^/cut/datasets.* bytes=100000- - 206$' hub/requests || { fail "the file was not continued"; cat hub/requests; }

# A part of an earlier run is continued; a part that is complete, or longer than the file, too long, or of a server that
# cannot continue.
mkdir part
head -c 12345 hub/000_00000.parquet >part/000_00000.parquet.part
cp hub/001_00000.parquet part/001_00000.parquet.part
cat hub/002_00000.parquet hub/000_00000.parquet >part/002_00000.parquet.part
head -c 5 hub/003_00000.parquet >part/003_00000.parquet
before=$(requests '^/plain/datasets')
expect 0 fetch plain --files=4 --output=part
same part 4
grep -q '^/plain/datasets.*/000_00000.parquet bytes=12345- - 206$' hub/requests || fail "an old part was not continued"
[ "$(requests '^/plain/datasets')" -eq $((before + 3)) ] || fail "a complete part was loaded again"
expect 0 fetch no-ranges --files=1 --output=no-ranges
same no-ranges 1
contains err "does not continue files"

# A part with wrong bytes is found by its digest and loaded again.
mkdir damaged
head -c 5000 /dev/zero >damaged/000_00000.parquet.part
expect 0 fetch plain --files=1 --output=damaged
same damaged 1
contains err "another SHA-256"

# A busy server, one that sends on to another host (which must not see the token), one that wants a token.
expect 0 fetch busy --files=2 --output=busy
same busy 2
contains err "error: 503; again in 0 s"
HF_TOKEN=hf_secret expect 0 fetch moved --files=1 --output=moved
same moved 1
grep -q '^/moved/datasets.* Bearer hf_secret 302$' hub/requests || fail "the token was not sent"
grep -q '^/plain/datasets.*hf_secret' hub/requests && fail "the token was sent to another host"
HF_TOKEN=hf_secret expect 0 fetch denied --files=1 --output=denied
same denied 1

# wrong STATUS MESSAGE FETCH...: one line of error with the message; nothing that looks like a file is left.
wrong() {
    local status=$1 message=$2
    shift 2
    rm -rf wrong
    expect "$status" "$@"
    contains err "$message"
    [ "$(grep -c 'error: ' err)" -ge 1 ] || fail "no error: $*"
    [ -z "$(ls wrong/*.parquet 2>/dev/null)" ] || fail "a file was left: $*"
}
wrong 1 "000_00000.parquet: access denied (HTTP status 401): set HF_TOKEN" fetch denied --files=1 --output=wrong
wrong 1 "000_00000.parquet: not there (HTTP status 404)" fetch missing --files=1 --output=wrong
wrong 1 "000_00000.parquet has 200000 bytes, but the list says 200001" fetch wrong-size --files=1 --output=wrong
wrong 1 "another SHA-256 than the list says (3 attempts)" fetch wrong-digest --files=1 --output=wrong --retries=2
wrong 1 "error: 500 (3 attempts)" fetch down --files=1 --output=wrong --retries=2
wrong 1 "lists no Parquet files" fetch no-files --files=1 --output=wrong
wrong 1 "/tree/v9/sample/10BT: not there (HTTP status 404)" fetch plain --files=1 --output=wrong --revision=v9
wrong 1 "--files is 5 but there are only 4 files" fetch plain --files=5 --output=wrong
wrong 1 "cannot make /proc/wrong" fetch plain --files=1 --output=/proc/wrong
mkdir -p locked/.fetch-fineweb.lock
wrong 1 "cannot write in locked" fetch plain --files=1 --output=locked
[ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
expect 0 fetch plain --files=1 "--output=-odd name"
same "./-odd name" 1
wrong 2 "--files is 'two' but must be a number" fetch plain --files=two --output=wrong
wrong 2 "no option '--file=1'" fetch plain --file=1 --output=wrong
wrong 2 "usage: tools/fetch-fineweb.sh --files=N --output=DIR" fetch plain --files=1
mkdir tools
for tool in bash cat sed awk mktemp rm; do
    ln -s "$(command -v "$tool")" tools
done
wrong 1 "curl is missing" env PATH="$work/tools" bash "$LLMPI_SOURCE/tools/fetch-fineweb.sh" --files=1 --output=wrong

# Stopped in the middle of a file (no answer for a minute): at once, with the part kept; then continued.
(exec "$LLMPI_SOURCE/tools/fetch-fineweb.sh" --base-url="http://127.0.0.1:$(cat hub/port)/slow" --files=1 --output=slow) \
    >slow.out 2>&1 &
fetching=$!
for _ in $(seq 100); do
    [ -s slow/000_00000.parquet.part ] && break
    sleep 0.1
done
expect 1 fetch plain --files=1 --output=slow
contains err "another tools/fetch-fineweb.sh is writing to slow"
kill -TERM "$fetching"
wait "$fetching"
[ $? -eq 130 ] || fail "not stopped by a signal"
contains slow.out "stopped; the same command continues"
kept=$(stat -c %s slow/000_00000.parquet.part)
[ "$kept" -gt 0 ] || fail "the part is lost"
expect 0 fetch slow --files=1 --output=slow
same slow 1
grep -q "^/slow/datasets.* bytes=$kept- - 206\$" hub/requests || fail "the stopped file was not continued"

# A disk that is too small, before anything is loaded.
mkdir full
if mount -t tmpfs -o size=300k tmpfs full 2>/dev/null; then
    expect 1 fetch plain --files=2 --output=full
    contains err "are needed"
    [ -z "$(ls full)" ] || fail "something was loaded to a full disk"
    umount full
fi
finish
