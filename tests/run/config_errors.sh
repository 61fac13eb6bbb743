#!/usr/bin/env bash
# Wrong configurations and command lines through the program itself: each gives one line on standard error, this very
# line, and exit status 2; under mpirun too the line comes once.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
bad=0

# refused MESSAGE COMMAND...: exit status 2 and nothing but "llmpi: error: MESSAGE".
refused() {
    local message="llmpi: error: $1" status=0 found
    shift
    found=$("$@" 2>&1 >out) || status=$?
    if [ "$status" -ne 2 ] || [ "$found" != "$message" ] || [ -s out ]; then
        printf '%s\n  status %s, said:  %s\n  should say: %s\n' "$*" "$status" "$found$(cat out)" "$message"
        bad=1
    fi
}

printf 'train:\n  steps: 100\n' >good.yaml
printf 'train:\n  steps: many\n' >number.yaml
printf 'model:\n  n_embd: 100\n  n_head: 7\n' >heads.yaml
printf 'train:\n  learning_ratee: 1e-3\n' >key.yaml
printf 'trian:\n  steps: 5\n' >section.yaml
printf 'run:\n  seed: 1\n  seed: 2\n' >twice.yaml
printf 'run:\n  directory: "a\n' >syntax.yaml
printf 'run:\n  directory: \xe9\n' >latin1.yaml

refused "cannot read configuration none.yaml: No such file or directory" "$LLMPI" plan none.yaml
refused "cannot read configuration .: Is a directory" "$LLMPI" plan .
refused "/dev/zero is no configuration: it is larger than 1048576 bytes" "$LLMPI" plan /dev/zero
refused "number.yaml:2: train.steps is 'many' but must be a whole number in [1, 1000000000]" "$LLMPI" plan number.yaml
refused "heads.yaml: model.n_embd is 100 but must be a multiple of model.n_head, which is 7" "$LLMPI" plan heads.yaml
refused "key.yaml:2: unknown option 'train.learning_ratee'; the nearest is 'train.learning_rate'" "$LLMPI" plan key.yaml
refused "section.yaml:1: unknown section 'trian'; the nearest is 'train'" "$LLMPI" plan section.yaml
refused "twice.yaml:3: run.seed is given twice" "$LLMPI" plan twice.yaml
refused "syntax.yaml:3: not valid YAML: found unexpected end of stream while scanning a quoted scalar" "$LLMPI" plan syntax.yaml
refused "latin1.yaml:2: byte 0xe9 is not valid UTF-8" "$LLMPI" plan latin1.yaml
refused "command line: train.steps is '2k' but must be a whole number in [1, 1000000000]" \
    "$LLMPI" plan good.yaml --train.steps=2k
refused "command line: unknown option 'train.stesp'; the nearest is 'train.steps'" "$LLMPI" plan good.yaml --train.stesp=2
refused "--train.steps needs a value: write --train.steps=2" "$LLMPI" plan good.yaml --train.steps 2
refused "llmpi plan has no flag '--rank'; the nearest is '--ranks'" "$LLMPI" plan good.yaml --rank=2
refused "--ranks is '0' but must be a whole number from 1 to 1000000" "$LLMPI" plan good.yaml --ranks=0
refused "argument 'good.yaml' is one too many: usage: llmpi plan CONFIG (\`llmpi plan --help\` says more)" \
    "$LLMPI" plan good.yaml good.yaml
refused "no command 'trian': \`llmpi --help\` lists the commands" "$LLMPI" trian

# Another command says the same, and once from three ranks: mpirun adds its own lines, so only ours are compared.
once() {
    local message="llmpi: error: $1" status=0 found
    shift
    found=$(mpirun -q -np 3 "$LLMPI" train "$@" 2>&1 >out) || status=$?
    found=$(grep '^llmpi:' <<<"$found")
    if [ "$status" -ne 2 ] || [ "$found" != "$message" ]; then
        printf '3 ranks, %s\n  status %s, said:  %s\n  should say: %s\n' "$*" "$status" "$found" "$message"
        bad=1
    fi
}
once "cannot read configuration none.yaml: No such file or directory" none.yaml
once "number.yaml:2: train.steps is 'many' but must be a whole number in [1, 1000000000]" number.yaml
once "command line: train.steps is '2k' but must be a whole number in [1, 1000000000]" good.yaml --train.steps=2k
once "llmpi train has no flag '--fersh'; the nearest is '--fresh'" good.yaml --fersh

# Ranks that were told different things would wait for each other for ever.
unlike() {
    local message="llmpi: error: rank 1 was started with another command line than rank 0: all ranks need the same" found
    found=$(timeout 60 mpirun -q -np 1 "$LLMPI" train good.yaml : -np 1 "$LLMPI" "$@" 2>&1 | grep '^llmpi:')
    [ "$found" = "$message" ] || { echo "$*, beside another command line, said: $found"; bad=1; }
}
unlike train good.yaml --train.steps=7
unlike evaluate good.yaml

# A rank that believes to be alone beside others.
refused "the launcher started 4 ranks but MPI sees 1: use the mpirun of the MPI library that llmpi was built with, or \`srun --mpi=pmix\` (PMI_SIZE=4)" \
    env PMI_SIZE=4 "$LLMPI" train good.yaml
refused "this Slurm job has 4 tasks but llmpi was started alone in it: start it with mpirun or srun (\`srun -n 1\` for one rank)" \
    env SLURM_JOB_ID=7 SLURM_NTASKS=4 "$LLMPI" train good.yaml

# What --print-config prints is a configuration, and resolves to itself.
"$LLMPI" plan good.yaml --train.steps=77 --sample.prompts='a,"b: c"' --print-config >first.yaml || bad=1
"$LLMPI" plan first.yaml --print-config >second.yaml || bad=1
cmp first.yaml second.yaml || bad=1
grep -qx '  steps: 77' first.yaml || { echo "--print-config does not show the override"; bad=1; }
"$LLMPI" plan - --print-config <first.yaml | cmp - first.yaml || bad=1
mpirun -q -np 2 "$LLMPI" train first.yaml --print-config | cmp - first.yaml || bad=1
exit "$bad"
