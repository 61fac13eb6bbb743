#!/usr/bin/env bash
# The one command that tests llmpi on a fresh machine: installs what is missing, builds with warnings as errors, runs
# all tests, then builds with the address and undefined behaviour sanitizers and runs a selection under them, then runs
# each fuzzer for ten seconds. The last line is "N passed, M failed, K skipped"; the exit status is 0 when none failed.
#
#   tools/test.sh               everything
#   tools/test.sh release       the optimised build only (or: asan, fuzz)
#   tools/test.sh -R PATTERN    tests whose name matches, in all builds ("unit/test_config", "run/", "fuzz/")
#   tools/test.sh --no-install  do not look for missing packages
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

presets=(release asan fuzz)
pattern=
install=yes
while [ $# -gt 0 ]; do
    case $1 in
        release | asan | fuzz) presets=("$1") ;;
        -R)
            [ $# -ge 2 ] || { echo "tools/test.sh: -R needs a pattern" >&2; exit 2; }
            pattern=$2
            shift
            ;;
        --no-install) install=no ;;
        --help | -h)
            sed -n '2,10s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "tools/test.sh knows release, asan, fuzz, -R PATTERN and --no-install, not '$1'" >&2
            exit 2
            ;;
    esac
    shift
done

# Under the sanitizers: what has memory to get wrong, on two ranks where there are ranks. Not what compares with other
# programs (Python, DuckDB), has no C in it (fetch_fineweb), only measures (bench) or kills what others run (shard_resume),
# or loads a library that the sanitizers do not suffer (failing_calls).
asan_run='config|corpus|gguf|inspect|instruct|parquet_files|plan|shard$|shard_packing|slurm|token|train|wrong'
asan_selection="^(unit/|mpi/.*-2$|fault/shard_damage|run/($asan_run))"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

headline() { printf '\n== %s ==\n' "$*"; }

if [ "$install" = yes ]; then
    headline "packages"
    tools/install-deps.sh --tests || tools/install-deps.sh || exit 1
fi

passed=0 failed=0 skipped=0 failures=() reasons=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# fold PRESET: adds a run's results (JUnit, written by ctest) to the counts.
fold() {
    local name status
    while IFS=$'\t' read -r name status; do
        case $status in
            run) passed=$((passed + 1)) ;;
            notrun | disabled)
                skipped=$((skipped + 1))
                reasons+=("$1 $name: $(skip_reason "$name" "$logs/$1.xml")")
                ;;
            *)
                failed=$((failed + 1))
                failures+=("$1 $name")
                ;;
        esac
    done < <(sed -nE 's/.*<testcase name="([^"]*)".* status="([^"]*)".*/\1\t\2/p' "$logs/$1.xml")
}

# The last line that a skipped test printed.
skip_reason() {
    awk -v name="name=\"$1\"" '
        index($0, "<testcase ") { inside = index($0, name) > 0; last = "" }
        inside && /<system-out>/ { sub(/.*<system-out>/, ""); out = 1 }
        inside && out && !/<\/system-out>/ && NF { last = $0 }
        inside && /<\/system-out>/ { sub(/<\/system-out>.*/, ""); if (NF) last = $0; print last; exit }' "$2" |
        sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&apos;/'"'"'/g; s/&amp;/\&/g'
}

run_preset() {
    # Two tests for a core: much of a test's time goes to waiting, for another process or for the disk.
    local preset=$1 folder=build selection=$pattern options=(--parallel $((2 * $(nproc))))
    [ "$preset" = release ] || folder=build-$preset
    [ "$preset" = asan ] && [ -z "$pattern" ] && selection=$asan_selection
    if [ "$preset" = fuzz ]; then
        options=(--parallel 2)
        printf '%s\n' tests/fuzz/fuzz_*.c | sed -E 's|tests/(.*)\.c|\1|' | grep -qE -- "$pattern" || return
        if ! tools/fuzz.sh --check >"$logs/check"; then
            skipped=$((skipped + 1)) reasons+=("fuzz/*: $(cat "$logs/check")")
            return
        fi
    fi
    headline "$preset: build"
    if ! cmake --preset "$preset" -DLLMPI_WERROR=ON -DLLMPI_TESTS=ON -DCMAKE_RULE_MESSAGES=OFF >"$logs/cmake" 2>&1; then
        cat "$logs/cmake"
        failed=$((failed + 1)) failures+=("$preset configure")
        return
    fi
    if ! cmake --build --preset "$preset" -j "$(nproc)" >"$logs/make" 2>&1; then
        grep -E -A8 'error|warning|undefined reference' "$logs/make" || tail -30 "$logs/make"
        failed=$((failed + 1)) failures+=("$preset build")
        return
    fi
    headline "$preset: tests"
    ctest --test-dir "$folder" --output-on-failure --output-junit "$logs/$preset.xml" ${selection:+-R "$selection"} \
        ${options[@]+"${options[@]}"} 2>&1 |
        grep --line-buffered -vE '^ +Start |^Internal ctest|^Test project|^Label Time|sec\*proc|^The following tests|^Errors while|\((Failed|Skipped|Timeout|Not Run)\)$|^$'
    if [ ! -s "$logs/$preset.xml" ]; then
        failed=$((failed + 1)) failures+=("$preset ctest wrote no results")
        return
    fi
    fold "$preset"
}

for preset in "${presets[@]}"; do
    run_preset "$preset"
done

headline "result"
for line in ${reasons[@]+"${reasons[@]}"}; do
    echo "skipped: $line"
done
for line in ${failures[@]+"${failures[@]}"}; do
    echo "failed: $line"
done
if [ $((passed + failed + skipped)) -eq 0 ]; then
    echo "no test matches '$pattern'"
    exit 1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
