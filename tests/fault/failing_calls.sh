#!/usr/bin/env bash
# The n-th allocation, read, write, fsync or rename of the program fails, for many n: it ends with status 1 and one
# message, never by a signal, and what stands in its folders afterwards still works.
. "$(dirname "$0")/../run/common.sh"
if ldd "$LLMPI" | grep -q libasan; then
    echo "skipped: the sanitizers cannot be combined with a preloaded library"
    exit 77
fi
cc -shared -fPIC -O1 -o failing.so "$LLMPI_SOURCE/tests/fault/failing_calls.c" -ldl || exit 1
prepare_tiny
expect 0 "$LLMPI" train tiny.yaml

# try CALL N COMMAND...: status 2 when the program makes fewer than N such calls.
try() {
    local call=$1 at=$2 status
    shift 2
    rm -f mark
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
        for at in 1 2 3 4 6 9 14 21 32 48 72 108; do
            try $call $at $command
            [ $? -eq 2 ] && break
        done
    done
    [ $tried -gt 0 ] || fail "the program never calls $call: nothing was tested"
    echo "$call: $tried failures"
done
[ -z "$(find . -name '*.tmp')" ] || fail "temporary files are left: $(find . -name '*.tmp')"
expect 0 "$LLMPI" shard tiny.yaml --shards.directory=again
cmp again/train-00001-of-00003.h5 shards/train-00001-of-00003.h5 || fail "shards differ after the failures"
expect 0 "$LLMPI" train tiny.yaml --run.directory=again-run
finish
