#!/usr/bin/env bash
# The house rules that a compiler does not check: each external library is included through its one door (a file, a
# folder, or for HDF5 the three files and their private header that start with its name), a layer includes only itself
# and the layers below it, target attributes name features, and file names are unique.
set -u
cd "$LLMPI_SOURCE" || exit 1
bad=0
complain() { echo "$1"; bad=1; }

# header pattern        the files that may include it
while read -r header door; do
    for file in $(grep -rlE "#include <$header>" src include); do
        [[ "$file" == $door ]] || complain "$file includes <$header>: its door is $door"
    done
done <<'DOORS'
mpi\.h                  src/comm/*
cblas\.h                src/kernels/matmul_fp32.c
hdf5.*\.h               src/storage/hdf5_*
pcre2\.h                src/text/regex.c
yaml\.h                 src/config/yaml_source.c
json-c/.*\.h           src/base/json.c
xxhash\.h               src/base/digest.c
zlib\.h                 src/corpus/*
zstd\.h                 src/corpus/*
snappy-c\.h             src/corpus/decompress.c
lz4\.h                  src/corpus/decompress.c
dnnl\.h                 src/kernels/onednn.c
DOORS

# layer: the layers it may include
while IFS=: read -r layer allowed; do
    allowed=" $layer $allowed "
    while IFS=: read -r file used; do
        used=${used#*llmpi/}
        used=${used%/}
        [[ "$allowed" == *" $used "* ]] || complain "$file includes llmpi/$used: layer $layer may use$allowed"
    done < <(grep -rHoE --include='*.[ch]' '#include "llmpi/[a-z]+/' "src/$layer" "include/llmpi/$layer")
done <<'LAYERS'
base:
config:base
comm:base
text:base
corpus:base
storage:base
data:storage base
kernels:base
model:kernels base
optimize:base
prepare:data storage text corpus config comm base
train:model kernels optimize data storage text config comm base
programs:train prepare model kernels optimize data storage config text corpus comm base
LAYERS

# Target attributes name features: a whole architecture would take some away from a build for one processor
# (LLMPI_NATIVE), into whose functions the compiler could then not inline its own intrinsics.
for file in $(grep -rlE 'target\("arch=' src include); do
    complain "$file compiles a function for an architecture: name the features, as base/clones.h does"
done

# File names are unique in the whole tree (headers mirror sources).
repeated=$(git ls-files 2>/dev/null | grep -E '\.c$' | xargs -rn1 basename | sort | uniq -d)
[ -z "$repeated" ] || complain "file names used twice: $repeated"
[ "$bad" -eq 0 ] && echo "doors and layers are in order"
exit "$bad"
