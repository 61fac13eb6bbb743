#!/usr/bin/env bash
# slurm/pipeline.sbatch: tokenizer, shards and training as jobs that wait for each other; slurm/scaling.sbatch: one table of
# an array's measurements; `llmpi slurm`: sbatch accepts what it prints, and it trains.
. "$(dirname "$0")/jobs.sh"
cluster_up
prepare_tiny
rm -rf tokenizer.json shards
options="--nodes=2 --ntasks-per-node=1 --exclusive=user"
export PREPARE_OPTIONS=$options TRAIN_OPTIONS=$options

expect 0 login env LLMPI="$LLMPI" "$LLMPI_SLURM/pipeline.sbatch" tiny.yaml --run.bind=none
read -r tokenizer shard train <out
[ "$(field "$train" Dependency)" = "afterok:$shard(unfulfilled)" ] || fail "training depends on $(field "$train" Dependency)"
broken=$(LLMPI=$LLMPI login "$LLMPI_SLURM/pipeline.sbatch" missing.yaml)
scaling=$(LLMPI=$LLMPI submit scaling-%a.log --nodes=2 --ntasks-per-node=1 --array=0-2%1 "$LLMPI_SLURM/scaling.sbatch" tiny.yaml \
    --steps=2 --output=scale --run.bind=none)
await 60 state_is "$train" COMPLETED
for job in $tokenizer $shard; do
    state_is "$job" COMPLETED || fail "job $job is $(field "$job" JobState)"
done
[ -s tokenizer.json ] && has_text "llmpi-train-$train.log" "step 20/20" || fail "no training: $(cat llmpi-*.log)"

# Where the first job fails the others do not start.
for job in ${broken#* }; do
    await 20 state_is "$job" CANCELLED
done
has_text "llmpi-tokenizer-train-${broken%% *}.log" missing.yaml || fail "no word of what is missing"

# The script that is printed names its program; tokenizer and shards are there by now.
printed=(--nodes=2 --ntasks-per-node=1 --time=5 --partition=main --run.bind=none --run.directory="it's ours")
expect 0 login "$LLMPI" slurm tiny.yaml "${printed[@]}" --cpus-per-task=2 --launcher=mpirun --sbatch="--comment=mine"
cp out printed.sbatch
expect 0 login sbatch --test-only printed.sbatch
contains err "to start at"
job=$(cd / && submit "$work/printed.log" "$work/printed.sbatch") # from any folder
expect 0 login "$LLMPI" slurm tiny.yaml "${printed[@]}"
cp out whole.sbatch
expect 0 login sbatch --test-only whole.sbatch
expect 0 login "$LLMPI" slurm tiny.yaml "${printed[@]}" --model.n_embd=1024 --model.n_layer=48 # more memory than a node has
cp out large.sbatch
expect 1 login sbatch --test-only large.sbatch
await 60 state_is "$job" COMPLETED
[ -s "it's ours/metrics.jsonl" ] || fail "the printed script did not train: $(cat printed.log)"

await 60 state_is "${scaling}_2" COMPLETED
contains scaling-2.log "nothing to measure: the job has 2 ranks, fewer than 4"
[ "$(cut -d, -f1,2,3 scale/scale.csv | tr '\n' ' ')" = "kind,ranks,nodes measured,1,1 measured,2,2 " ] ||
    fail "not what was to be measured: $(cat scale/scale.csv scaling-*.log)"
finish
