#!/usr/bin/env bash
# What slurm/train.sbatch does with signals and exit statuses, with a program that only plays llmpi.
. "$(dirname "$0")/jobs.sh"
cluster_up
cat >program <<'SH'
#!/bin/bash
trap 'echo "rank $SLURM_PROCID on $(hostname): saved"; exit 75' USR1
trap : TERM
echo "$* until $LLMPI_DEADLINE"
[ -z "$STATUS" ] || exit "$STATUS"
for ((i = 0; i < 300; i++)); do sleep 0.1; done
SH
chmod +x program
export LLMPI=$work/program LLMPI_DEADLINE=5 # of another job: does not count
script=$LLMPI_SLURM/train.sbatch

failing=$(STATUS=3 submit failing.log --ntasks-per-node=1 --time=7 "$script" a.yaml "--b.c=d e")
going=$(submit going.log --nodes=2 --ntasks-per-node=2 --time=7 "$script" a.yaml)
limited=$(LLMPI_MAX_RESTARTS=0 submit limited.log --ntasks-per-node=1 --time=7 "$script" a.yaml)
canceled=$(submit canceled.log --ntasks-per-node=1 --time=7 "$script" a.yaml)
other=$(LLMPI_COMMAND="tokenizer train" LLMPI_LAUNCHER=mpirun STATUS=0 submit other.log --ntasks-per-node=1 "$script" a.yaml)
wrong=$(LLMPI_LAUNCHER=prun submit wrong.log --ntasks-per-node=1 "$script" a.yaml)

# The program's status is the job's, and it is told when its job ends.
await 20 state_is "$failing" FAILED
[ "$(field "$failing" ExitCode)" = 3:0 ] || fail "exit status $(field "$failing" ExitCode), not 3:0"
await 20 has_lines going.log 5 # a headline, and a line from each of four ranks
end=$(date --date="$(field "$going" EndTime)" +%s)
contains going.log "train a.yaml until $end"
contains failing.log "train a.yaml --b.c=d e until "
await 20 state_is "$other" COMPLETED
contains other.log "tokenizer train a.yaml until "
await 20 state_is "$wrong" FAILED
contains wrong.log "LLMPI_LAUNCHER is 'prun' but must be srun or mpirun"

# The signal for the script reaches all ranks; stopped early, the job starts again, as often as it may, with the same log.
await 20 has_text limited.log "train a.yaml"
await 20 has_text canceled.log "train a.yaml"
login scancel --batch --signal=USR1 "$going" "$limited"
login scancel "$canceled"
await 20 has_text going.log "back in the queue"
[ "$(grep -c saved going.log)" = 4 ] || fail "not all ranks were asked to stop: $(cat going.log)"
await 20 state_is "$limited" FAILED
[ "$(field "$limited" ExitCode)" = 75:0 ] || fail "exit status $(field "$limited" ExitCode), not 75:0"
contains limited.log "0 restarts are the limit"
await 40 has_text going.log "== job $going, start 2 on node[1-2] with srun"

# Who cancels a job does not want it back.
state_is "$canceled" CANCELLED || fail "a canceled job is $(field "$canceled" JobState)"
contains canceled.log "rank 0 on node" # it could save all the same
grep -q "back in the queue" canceled.log && fail "a canceled job went back into the queue"
finish
