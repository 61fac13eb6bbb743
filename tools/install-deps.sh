#!/usr/bin/env bash
# Installs what building llmpi needs on Debian 12 (or a relative with apt), as root or with sudo. Nothing is done, and no
# network is needed, where everything is there already.
#
#   tools/install-deps.sh            to build and run
#   tools/install-deps.sh --tests    also what some tests use; without it they are skipped, saying so
set -euo pipefail

packages=(build-essential cmake pkg-config git libopenmpi-dev openmpi-bin libopenblas-dev libhdf5-dev libpcre2-dev
    libyaml-dev libjson-c-dev zlib1g-dev libzstd-dev libsnappy-dev liblz4-dev libxxhash-dev libcmocka-dev zstd libdnnl-dev)
for argument in "$@"; do
    case $argument in
        --tests) packages+=(python3 python3-numpy python3-h5py python3-torch hdf5-tools clang-format valgrind clang
            libclang-rt-dev libomp-dev curl slurmctld slurmd slurm-client munge iproute2) ;;
        --help | -h)
            sed -n '2,6s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "tools/install-deps.sh knows --tests, not '$argument'" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is no Debian-like system. Install by its own means: a C17 compiler with OpenMP, CMake 3.22, MPI, a BLAS" >&2
    echo "with cblas.h, HDF5, PCRE2, libyaml, json-c, zlib, zstd, Snappy, LZ4, xxHash and cmocka; cmake says what it does not find." >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "All ${#packages[@]} packages are installed."
    exit 0
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing: ${missing[*]}. Only root may install them: become root, or install sudo." >&2
        exit 1
    fi
    root=(sudo)
fi
echo "Installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
