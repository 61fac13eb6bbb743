#!/usr/bin/env bash
# The n-th allocation, read, write, fsync or rename of the program fails, for many n: it ends with status 1 and one
# message, never by a signal, and what stands in its folders afterwards still works. A training run fails while it
# continues from a checkpoint, goes on and saves; what it leaves continues to the bits of an undisturbed run.
. "$(dirname "$0")/../run/common.sh"
if ldd "$LLMPI" | grep -q libasan; then
    echo "skipped: the sanitizers cannot be combined with a preloaded library"
    exit 77
fi
cc -shared -fPIC -O1 -o failing.so "$LLMPI_SOURCE/tests/fault/failing_calls.c" -ldl || exit 1
prepare_tiny
expect 0 "$LLMPI" train tiny.yaml
cp -r run half
rm half/checkpoints/step-000000{15,20}.h5

# continues: what is left in again-run goes on to the end of the undisturbed run
continues() {
    expect 0 "$LLMPI" train tiny.yaml --run.directory=again-run
    /usr/bin/python3 "$LLMPI_SOURCE/tests/fault/same_run.py" run again-run || fail "$*: the run is another one"
}

# try CALL N COMMAND...: status 2 when the program makes fewer than N such calls.
try() {
    local call=$1 at=$2 status
    shift 2
    rm -rf mark again-run
    cp -r half again-run
    FAIL_CALL=$call FAIL_AT=$at FAIL_MARK=$work/mark LD_PRELOAD=$work/failing.so "$LLMPI" "$@" >out 2>err </dev/null
    status=$?
    [ -e mark ] || return 2
    tried=$((tried + 1))
    case $status in
        0) ;; # a heartbeat of the lock, or something else that may fail unharmed
        1) [ "$(grep -c 'llmpi: error: .' err)" -eq 1 ] || { fail "$call $at: not one message: $*"; tail -n 3 err; } ;;
        *) fail "$call $at: exit status $status: $*"; tail -n 3 err ;;
    esac
}

for call in posix_memalign realloc read pread pwrite fsync rename; do
    tried=0
    for command in "tokenizer train tiny.yaml --tokenizer.path=again.json" "shard tiny.yaml --shards.directory=again --fresh" \
        "train tiny.yaml --run.directory=again-run" "evaluate tiny.yaml" "generate run --tokens=3" "inspect --verify run/checkpoints/step-00000020.h5"; do
        for at in 1 2 4 7 12 21 38 68 122; do
            try $call $at $command
            [ $? -eq 2 ] && break
            case $call$command in pwritetrain* | fsynctrain* | renametrain*) continues $call $at ;; esac
        done
    done
    [ $tried -gt 0 ] || fail "the program never calls $call: nothing was tested"
    echo "$call: $tried failures"
done
[ -z "$(find . -name '*.tmp')" ] || fail "temporary files are left: $(find . -name '*.tmp')"
expect 0 "$LLMPI" shard tiny.yaml --shards.directory=again
cmp again/train-00001-of-00003.h5 shards/train-00001-of-00003.h5 || fail "shards differ after the failures"
finish
