#!/usr/bin/env bash
# A run on two ranks that is killed again and again: one rank or all, at random moments, every other time inside a save;
# in between one rank gets SIGTERM. Every start continues from a whole checkpoint, and in the end the run is, to the last
# bit, one that nobody disturbed. KILLS and SEED are the number of kills and what their moments are drawn from; tools/soak.sh
# asks for many.
. "$(dirname "$0")/../run/common.sh"
kills=${KILLS:-4}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
echo "$kills kills, SEED=$seed"
prepare_tiny
options="--train.steps=300 --checkpoint.every=10 --checkpoint.keep=3 --evaluate.every=40 --sample.every=100"
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=whole $options

# start: the run in the background, until it makes steps or ends; its launcher, and its ranks by number
start() {
    local process number
    newest=$(ls killed/checkpoints/*.h5 2>/dev/null | tail -n 1)
    : >start.log # the loop below must not see the one before
    mpirun -q -np 2 "$LLMPI" train tiny.yaml --run.directory=killed $options >>start.log 2>&1 </dev/null &
    launcher=$!
    while running && ! grep -q '^data: ' start.log; do sleep 0.01; done
    rank=()
    for process in $(pgrep -P $launcher); do
        number=$(tr '\0' '\n' <"/proc/$process/environ" 2>/dev/null | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
        [ -z "$number" ] || rank[number]=$process
    done
    [ -z "$newest" ] || contains start.log "continuing from $newest "
    ! grep -q "warning: .*checkpoints/" start.log || fail "a checkpoint is not whole: $(cat start.log)"
}
running() { kill -0 $launcher 2>/dev/null; }
saving() { compgen -G 'killed/checkpoints/*.tmp' >/dev/null; }

# finished: complains about a start that ended with another status than those given
finished() {
    local got
    wait $launcher 2>/dev/null
    got=$?
    [[ " $* " == *" $got "* ]] || { fail "exit status $got, not one of $*"; tail -n 5 start.log; }
    [ $got -ne 0 ] || done_already
}

done_already() {
    /usr/bin/python3 "$LLMPI_SOURCE/tests/fault/same_run.py" whole killed || fail "kills have changed the run"
    rm -r killed
    runs=$((runs + 1))
}

inside=0 stops=0 runs=0
for ((kill = 0; kill < kills && failures == 0; )); do
    start
    aimed=$((kill % 2))
    if [ $aimed -eq 1 ]; then
        for ((saves = RANDOM % 3; saves >= 0; saves--)); do # the first, second or third save
            while running && saving; do :; done
            while running && ! saving; do :; done
        done
    else
        sleep "0.$(printf %03d $((RANDOM % 600)))"
    fi
    if [ $((RANDOM % 4)) -eq 0 ]; then
        kill -TERM "${rank[RANDOM % 2]}" 2>/dev/null && stops=$((stops + 1))
        finished 0 75
        continue
    fi
    case $((RANDOM % 3)) in
        2) kill -KILL $launcher "${rank[@]}" 2>/dev/null ;;
        *) kill -KILL "${rank[RANDOM % 2]}" 2>/dev/null ;;
    esac
    [ $? -ne 0 ] || kill=$((kill + 1))
    finished 0 137
    ! saving || inside=$((inside + 1))
    "$LLMPI" inspect --verify killed/checkpoints/*.h5 >out 2>&1 || [ ! -e killed/checkpoints ] ||
        ! compgen -G 'killed/checkpoints/*.h5' >/dev/null || fail "not whole after a kill: $(cat out)"
done
expect 0 ranks 2 "$LLMPI" train tiny.yaml --run.directory=killed $options
[ $failures -gt 0 ] || done_already
echo "$kill kills, $inside of them inside a save, and $stops SIGTERMs of one rank in $runs runs"
[ $((inside * 4)) -ge "$kills" ] || fail "only $inside of $kills kills were inside a save"
[ $failures -eq 0 ] || echo "SEED=$seed draws the same moments again"
finish
