#!/usr/bin/env bash
# Downloads files of FineWeb's 10 billion token sample (https://huggingface.co/datasets/HuggingFaceFW/fineweb, folder
# sample/10BT: 15 Parquet files, 14 of 2.15 GB and one of 0.55 GB) from the Hugging Face hub. What is there already is
# kept, a part of a file is continued, and each file is compared with the hub's list: its size, and its SHA-256.
#
#   tools/fetch-fineweb.sh --files=N --output=DIR    the first N files, or --files=all
#       --revision=main     another branch, tag or commit of the data set
#       --base-url=URL      a mirror instead of https://huggingface.co (also: HF_ENDPOINT in the environment)
#       --retries=8         further attempts after one that failed, each after twice the time of the last,
#       --retry-delay=2     which is that many seconds first and a minute at most
#
# HF_TOKEN in the environment is sent as the access token; FineWeb itself needs none. A stopped download (Ctrl-C) is
# continued by the same command. Needs curl.
set -uo pipefail

data_set=HuggingFaceFW/fineweb
folder=sample/10BT
files='' output='' revision=main base_url=${HF_ENDPOINT:-https://huggingface.co} retries=8 retry_delay=2

say() { echo "$*" >&2; }
fail() { say "fetch-fineweb: error: $*"; exit 1; }
wrong_usage() { say "fetch-fineweb: error: $*"; exit 2; }
is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,17})$ ]]; }

for argument in "$@"; do
    value=${argument#*=}
    case $argument in
        --files=*) files=$value ;;
        --output=*) output=$value ;;
        --revision=*) revision=$value ;;
        --base-url=*) base_url=$value ;;
        --retries=*) retries=$value ;;
        --retry-delay=*) retry_delay=$value ;;
        --help | -h)
            sed -n '2,13s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) wrong_usage "no option '$argument': --help lists them" ;;
    esac
done
[ -n "$files" ] && [ -n "$output" ] || wrong_usage "usage: tools/fetch-fineweb.sh --files=N --output=DIR"
[ "$files" = all ] || { is_number "$files" && [ "$files" -ge 1 ]; } ||
    wrong_usage "--files is '$files' but must be a number from 1 on, or all"
is_number "$retries" || wrong_usage "--retries is '$retries' but must be a whole number"
is_number "$retry_delay" || wrong_usage "--retry-delay is '$retry_delay' but must be a whole number of seconds"
[[ $revision =~ ^[A-Za-z0-9._/-]+$ ]] || wrong_usage "--revision is '$revision', which is no name of a revision"
[[ $base_url =~ ^https?://[^[:space:]]+$ ]] || wrong_usage "--base-url is '$base_url' but must begin with https:// or http://"
[[ ${HF_TOKEN:-} =~ ^[A-Za-z0-9._-]*$ ]] || wrong_usage "HF_TOKEN has characters that no access token has"
base_url=${base_url%/}
[[ $output != -* ]] || output=./$output
revision=${revision//\//%2F}
command -v curl >/dev/null || fail "curl is missing: install it (Debian: apt-get install curl)"

# --- one request ---

curl_id=
interrupted() {
    [ -z "$curl_id" ] || kill "$curl_id" 2>/dev/null
    wait
    say "${cleared}fetch-fineweb: stopped; the same command continues"
    exit 130
}
trap interrupted INT TERM HUP
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
[ -t 2 ] && cleared=$'\r\033[K' || cleared=

# The token, where no list of processes shows it. curl forgets it when it is sent on to another host.
settings() {
    [ -z "${HF_TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN"
}

# request [OPTIONS...] URL: sets exit_code to curl's, http to the status of the answer, problem to curl's message. curl
# runs in the background, so that a signal is served at once; `watch` is called meanwhile.
request() {
    settings >"$scratch/settings"
    curl --config "$scratch/settings" --silent --show-error --location --fail --connect-timeout 30 \
        --speed-limit 1000 --speed-time 60 --write-out '%{http_code}' "$@" >"$scratch/http" 2>"$scratch/message" &
    curl_id=$!
    while kill -0 "$curl_id" 2>/dev/null; do
        sleep 0.1 &
        wait $!
        watch
    done
    wait "$curl_id"
    exit_code=$?
    curl_id=
    http=$(cat "$scratch/http")
    problem=$(sed -nE 's/^curl: \([0-9]+\) //p' "$scratch/message" | tail -n 1)
}

# What another attempt cannot change ends the program.
refuse_hopeless() {
    case $http in
        401 | 403) fail "$1: access denied (HTTP status $http): set HF_TOKEN to an access token that may read it" ;;
        404 | 410) fail "$1: not there (HTTP status $http): see --revision and --base-url" ;;
    esac
    case $exit_code in
        3 | 60 | 77) fail "$1: $problem" ;;
        23) fail "cannot write in $output: $problem (is the disk full?)" ;;
    esac
}

# retry TEXT ATTEMPT: waits before the next attempt, or gives up.
retry() {
    local pause=$retry_delay i
    [ "$2" -lt "$retries" ] || fail "$1: $problem ($((retries + 1)) attempts)"
    for ((i = 0; i < $2 && pause < 60; i++)); do
        pause=$((2 * pause))
    done
    [ "$pause" -le 60 ] || pause=60
    say "${cleared}$1: $problem; again in $pause s"
    sleep "$pause" &
    wait $!
}

# --- the list of files ---

# Prints "size sha256 path" for each file of the hub's answer, an array of objects {"type", "path", "size", "oid",
# "lfs": {"oid", "size", ...}, ...} in any order; sha256, which is the oid of the inner object, is "-" where it is missing.
read_list() {
    awk '
        { text = text $0 "\n" }
        function value(name, content) { # a member is complete
            if (depth == 2) member[name] = content
            else if (depth == 3 && parent == "lfs" && name == "oid") member["sha256"] = content
        }
        END {
            for (at = 1; at <= length(text); at++) {
                c = substr(text, at, 1)
                if (c == "\"") {
                    word = ""
                    while ((c = substr(text, ++at, 1)) != "\"" && at <= length(text)) {
                        if (c == "\\") c = substr(text, ++at, 1)
                        word = word c
                    }
                    if (expected) { value(name, word); expected = 0 }
                    else name = word
                } else if (c == ":") {
                    expected = 1
                } else if (c == "{" || c == "[") {
                    if (++depth == 2) split("", member)
                    if (depth == 3) parent = name
                    expected = 0
                } else if (c == "}" || c == "]") {
                    if (depth-- == 2 && member["type"] == "file")
                        print member["size"], (member["sha256"] ~ /^[0-9a-f]+$/ ? member["sha256"] : "-"), member["path"]
                } else if (expected && c ~ /[-0-9a-z]/) {
                    match(substr(text, at), /^[-+.0-9A-Za-z]+/)
                    value(name, substr(text, at, RLENGTH))
                    at += RLENGTH - 1
                    expected = 0
                }
            }
        }'
}

watch() { :; }
list_url=$base_url/api/datasets/$data_set/tree/$revision/$folder
for ((attempt = 0; ; attempt++)); do
    request --output "$scratch/list" "$list_url"
    [ "$exit_code" -ne 0 ] || break
    refuse_hopeless "$list_url"
    retry "$list_url" "$attempt"
done
names=() sizes=() digests=()
while read -r size digest path; do
    name=${path##*/}
    [[ $name =~ ^[A-Za-z0-9_.-]+\.parquet$ ]] && is_number "$size" || continue
    names+=("$name") sizes+=("$size") digests+=("$digest")
done < <(read_list <"$scratch/list" | sort -k 3)
known=${#names[@]}
[ "$known" -gt 0 ] || fail "$list_url lists no Parquet files"
[ "$files" != all ] || files=$known
[ "$files" -le "$known" ] || fail "--files is $files but there are only $known files"

# --- space ---

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }
megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

mkdir -p "$output" 2>"$scratch/message" || fail "cannot make $output: $(sed 's/.*: //' "$scratch/message")"
{ exec 9>"$output/.fetch-fineweb.lock"; } 2>/dev/null || fail "cannot write in $output"
if command -v flock >/dev/null && ! flock -n 9; then
    fail "another tools/fetch-fineweb.sh is writing to $output"
fi
needed=0 total=0
for ((i = 0; i < files; i++)); do
    total=$((total + sizes[i]))
    [ "$(size_of "$output/${names[i]}")" -eq "${sizes[i]}" ] ||
        needed=$((needed + sizes[i] - $(size_of "$output/${names[i]}.part")))
done
free=$(df -Pk "$output" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
[ "$needed" -le "$free" ] ||
    fail "$output has $(megabytes "$free") left, $(megabytes "$needed") are needed"

# --- the files ---

# Where the current file stands: redrawn each second on a terminal, a line a minute elsewhere.
watch() {
    [ "$SECONDS" -ge "$shown" ] || return 0
    local have
    have=$(size_of "$part")
    if [ -t 2 ]; then
        printf '\r\033[K' >&2
    fi
    awk -v name="$name" -v have="$have" -v size="$size" -v seconds=$((SECONDS - started)) -v first="$first" \
        -v ending="$([ -t 2 ] || echo .)" 'BEGIN {
        rate = seconds > 0 ? (have - first) / seconds : 0
        printf "%s: %.1f of %.1f MB", name, have / 1e6, size / 1e6
        if (rate > 0) printf ", %.1f MB/s, %d s left", rate / 1e6, (size - have) / rate
        printf ending == "" ? "" : "\n" }' >&2
    if [ -t 2 ]; then shown=$((SECONDS + 1)); else shown=$((SECONDS + 60)); fi
}

# Compares the complete part with the list and gives it its name.
accept() {
    if [ "$digest" != - ] && command -v sha256sum >/dev/null; then
        if [ "$(sha256sum <"$part" | cut -d ' ' -f 1)" != "$digest" ]; then
            rm -f "$part"
            problem="the bytes that came have another SHA-256 than the list says"
            return 1
        fi
    fi
    sync "$part" && mv "$part" "$output/$name" || fail "cannot write $output/$name"
    say "${cleared}$name: $(megabytes "$size") in $((SECONDS - started)) s"
}

# One attempt to get the rest of the file, whose first `have` bytes are in $part.
download() {
    local have resume=()
    have=$(size_of "$part")
    if [ "$have" -gt "$size" ]; then
        rm -f "$part"
        have=0
    fi
    [ "$have" -lt "$size" ] || return 0
    [ "$have" -eq 0 ] || resume=(--continue-at "$have")
    first=$have
    request ${resume[@]+"${resume[@]}"} --output "$part" "$base_url/datasets/$data_set/resolve/$revision/$folder/$name"
    refuse_hopeless "$name"
    if [ "$exit_code" -eq 33 ] || [ "$http" = 416 ]; then # cannot continue a file
        rm -f "$part"
        problem="the server does not continue files: from the start"
    fi
    [ "$exit_code" -eq 0 ] || return 1
    have=$(size_of "$part")
    [ "$have" -ne "$size" ] || return 0
    rm -f "$part"
    fail "$name has $have bytes, but the list says $size"
}

fetch() {
    local attempt
    if [ "$(size_of "$output/$name")" -eq "$size" ]; then
        say "$name: is there"
        return
    fi
    started=$SECONDS shown=$((SECONDS + 1))
    for ((attempt = 0; ; attempt++)); do
        download && accept && return
        retry "$name" "$attempt"
    done
}

for ((i = 0; i < files; i++)); do
    name=${names[i]} size=${sizes[i]} digest=${digests[i]} part=$output/${names[i]}.part
    fetch
done
say "$files of $known files, $(megabytes "$total"), are in $output"
