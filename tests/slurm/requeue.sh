#!/usr/bin/env bash
# Jobs that are told to stop in the middle save, go back into the queue and continue to the same losses as a run that
# nobody disturbed: on two nodes with srun and with mpirun, and a task of an array whose job number is the array's, which
# must not take the other task with it.
. "$(dirname "$0")/jobs.sh"
cluster_up
prepare_tiny
steps=1000
options=(--train.precision=fp32 --train.steps=$steps --train.slots=2 --train.log_every=500 --train.bucket_mb=1
    --evaluate.every=0 --checkpoint.every=0 --checkpoint.keep=1 --run.bind=none)
expect 0 "$LLMPI" train tiny.yaml "${options[@]}" --run.directory=undisturbed

launchers=(srun mpirun)
for launcher in "${launchers[@]}"; do
    jobs+=("$(LLMPI_LAUNCHER=$launcher submit $launcher.log --nodes=2 --ntasks-per-node=1 --time=9 \
        "$LLMPI_SLURM/train.sbatch" tiny.yaml "${options[@]}" --run.directory=$launcher)")
done
printf '%s\n' --train.learning_rate=2e-3 "--train.learning_rate=3e-3 --train.warmup_steps=9" >settings.txt
array=$(LLMPI_SWEEP=$work/sweep submit task-%a.log --ntasks-per-node=1 --time=9 --array=1-2 "$LLMPI_SLURM/sweep.sbatch" \
    settings.txt tiny.yaml "${options[@]}" --train.steps=2000)
# Each as soon as it is under way.
for i in 0 1; do
    await 60 has_lines "${launchers[i]}/metrics.jsonl" 30
    login scancel --batch --signal=USR1 "${jobs[i]}"
done
task=$(login squeue --noheader --array --jobs="$array" --format="%A %K" | sed -n "s/^$array //p")
await 60 has_lines "sweep/$task/metrics.jsonl" 30
login scancel --batch --signal=USR1 "${array}_$task"
for run in srun mpirun "task-$task"; do
    await 90 has_text "$run.log" "== exit status 0 =="
    [ "$(grep -c ', start [12] on' "$run.log")" = 2 ] || fail "$run.log does not tell of two starts: $(cat "$run.log")"
    grep -q 'continuing from .*/step-0000' "$run.log" || fail "$run did not continue: $(cat "$run.log")"
done
same_losses srun undisturbed $steps
same_losses mpirun undisturbed $steps
await 60 has_text "task-$((3 - task)).log" "== exit status 0 =="
grep -q ", start 2 on" "task-$((3 - task)).log" && fail "the other task of the array was started again, too"
contains sweep/2/config.yaml "warmup_steps: 9"
contains sweep/1/config.yaml "learning_rate: 0.002"
finish
