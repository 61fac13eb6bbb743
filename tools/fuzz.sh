#!/usr/bin/env bash
# Runs the libFuzzer harnesses of tests/fuzz, built by clang with the address and undefined behaviour sanitizers, on
# hostile input. Prints one line for each; the exit status is 1 when any found something, 77 where clang has no libFuzzer.
#
#   tools/fuzz.sh                         all of them, side by side, for an hour
#   tools/fuzz.sh --seconds=60 fuzz_yaml  one of them, for a minute
#   tools/fuzz.sh --jobs=2                at most two at a time
#   tools/fuzz.sh --no-build              what build-fuzz has
#   tools/fuzz.sh --check                 only look whether clang has libFuzzer
#
# In build-fuzz: what was found is in artifacts, inputs that reached something new are kept in corpus (the next run goes
# on from there), what libFuzzer said is in log.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

usage_error() { echo "tools/fuzz.sh: $1" >&2; exit 2; }

seconds=3600 jobs=0 build=yes check=no names=()
for argument in "$@"; do
    value=${argument#*=}
    case $argument in
        --seconds=* | --jobs=*)
            [[ $value =~ ^[1-9][0-9]{0,6}$ ]] || usage_error "'$argument' needs a number from 1 on"
            [[ $argument == --seconds=* ]] && seconds=$value || jobs=$value
            ;;
        --no-build) build=no ;;
        --check) check=yes ;;
        --help | -h)
            sed -n '2,13s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        -*) usage_error "knows --seconds=N, --jobs=N, --no-build and --check, not '$argument'" ;;
        *)
            [ -f "tests/fuzz/$argument.c" ] || usage_error "there is no tests/fuzz/$argument.c"
            names+=("$argument")
            ;;
    esac
done
if [ ${#names[@]} -eq 0 ]; then
    for file in tests/fuzz/fuzz_*.c; do
        names+=("$(basename "$file" .c)")
    done
fi
[ "$jobs" -gt 0 ] || jobs=${#names[@]}

# In memory where possible: some harnesses write each input to a file.
scratch=$(mktemp -d /dev/shm/llmpi-fuzz-XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'kill $(cat "$scratch"/*.pid) 2>/dev/null; wait; exit 130' INT TERM

# Links a fuzzer that does nothing.
has_libfuzzer() {
    echo 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size); int
        LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return data == 0 && size > 0; }' >"$scratch/empty.c"
    clang -fsanitize=fuzzer,address,undefined "$scratch/empty.c" -o "$scratch/empty" >/dev/null 2>&1
}
if ! command -v clang >/dev/null || ! has_libfuzzer; then
    echo "clang with libFuzzer is missing (tools/install-deps.sh --tests installs it)"
    exit 77
fi
[ "$check" = no ] || exit 0

if [ "$build" = yes ]; then
    { cmake --preset fuzz && cmake --build build-fuzz -j "$(nproc)" --target fuzzers; } >"$scratch/build" 2>&1 ||
        { tail -n 30 "$scratch/build"; exit 1; }
fi
mkdir -p build-fuzz/{artifacts,corpus,log,seeds}

# Bytes of an input at most. A short input can stand for a long one where it is decompressed.
longest_input() {
    case $1 in
        fuzz_compressed) echo 512 ;;
        fuzz_yaml | fuzz_tokenizer*) echo 8192 ;;
        fuzz_parquet*) echo 100000 ;;
        *) echo 4096 ;;
    esac
}

# run NAME: one harness; prints its result, status 1 when it found something.
run() {
    local name=$1 log=build-fuzz/log/$1.log options=() status found runs coverage
    bash tests/fuzz/seeds.sh "$name" "build-fuzz/seeds/$name" || return 1
    mkdir -p "build-fuzz/corpus/$name" "$scratch/$name"
    touch "$scratch/$name.start"
    [ -f "tests/fuzz/dictionaries/$name.dict" ] && options+=("-dict=tests/fuzz/dictionaries/$name.dict")
    TMPDIR=$scratch/$name ASAN_OPTIONS=detect_odr_violation=0:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 \
        "build-fuzz/tests/fuzz/$name" -max_total_time="$seconds" -max_len="$(longest_input "$name")" -timeout=60 \
        -rss_limit_mb=2048 -malloc_limit_mb=4096 -report_slow_units=60 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/artifacts/$name-" ${options[@]+"${options[@]}"} \
        "build-fuzz/corpus/$name" "build-fuzz/seeds/$name" >"$log" 2>&1 &
    echo $! >"$scratch/$name.pid"
    wait $!
    status=$?
    runs=$(sed -nE 's/^stat::number_of_executed_units: +//p' "$log" | tail -n 1)
    coverage=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
    found=$(find build-fuzz/artifacts -type f -name "$name-*" -newer "$scratch/$name.start" | sort)
    printf '%s: %s runs in %s s, coverage %s, ' "$name" "${runs:-0}" "$seconds" "${coverage:-0}"
    if [ -z "$found" ] && { [ "$status" -eq 0 ] || [ "$status" -eq 72 ]; }; then # 72: libFuzzer was interrupted
        echo "no findings"
        return 0
    fi
    echo "FOUND:$(grep -m 1 -oE 'broken rule: .*|ERROR: .*|runtime error: .*' "$log" | sed 's/^/ /')"
    for found in $found; do
        echo "    again: build-fuzz/tests/fuzz/$name $found"
    done
    [ -n "$found" ] || tail -n 20 "$log"
    return 1
}

bad=0 running=0
for name in "${names[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || bad=1
        running=$((running - 1))
    fi
    (
        line=$(run "$name")
        status=$?
        printf '%s\n' "$line"
        exit "$status"
    ) &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || bad=1
    running=$((running - 1))
done
exit "$bad"
