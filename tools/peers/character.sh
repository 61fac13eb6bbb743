#!/usr/bin/env bash
# Trains nanoGPT's character model (configs/shakespeare-character.yaml) on a text with llmpi and with PyTorch, in turn, in
# fp32 and bf16, and prints seconds of the 2000 steps and the loss on the held-out tenth.
#
#   tools/peers/character.sh [TEXT]
#
# TEXT is by default tinyshakespeare.txt in the test data (LLMPI_TEST_DATA). LLMPI is the program (default: build/llmpi),
# with as many ranks of one thread as there are cores (RANKS; at most 12, the sequences of a step), PyTorch with as many
# threads. PYTHON is one with PyTorch (default: /usr/bin/python3), ROUNDS how often each is run (3; the best counts),
# PRECISIONS which ones ("fp32 bf16"), PEER_CORETYPE the kernels of PyTorch's OpenBLAS (default: the fastest, see
# pytorch_gpt2.py).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
text=$(realpath "${1:-${LLMPI_TEST_DATA:-$root/../shared/data}/text/tinyshakespeare.txt}")
llmpi=$(realpath "${LLMPI:-$root/build/llmpi}") # the folder changes below
python=${PYTHON:-/usr/bin/python3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks=${RANKS:-$(($(nproc) < 12 ? $(nproc) : 12))}
unset OPENBLAS_CORETYPE # each program chooses what is fastest
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
config=$root/configs/shakespeare-character.yaml
input="--corpus.inputs=$text"
"$llmpi" tokenizer train "$config" "$input" >log 2>&1 && "$llmpi" shard "$config" "$input" >>log 2>&1 || { cat log >&2; exit 1; }

for round in $(seq "${ROUNDS:-3}"); do
    for precision in ${PRECISIONS:-fp32 bf16}; do
        echo "round $round of ${ROUNDS:-3}: $precision" >&2
        OMP_NUM_THREADS=1 mpirun -q -np "$ranks" "$llmpi" train "$config" --fresh "$input" \
            --train.precision=$precision --evaluate.every=0 --checkpoint.every=0 >log 2>&1 || { cat log >&2; exit 1; }
        "$python" - runs/shakespeare-character/run/metrics.jsonl $precision <<'PYTHON' >>results
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(json.dumps({"name": "llmpi", "precision": sys.argv[2], "seconds": sum(x["seconds"] for x in lines if "loss" in x),
                  "validation_loss": [x["validation_loss"] for x in lines if "validation_loss" in x][-1]}))
PYTHON
        PYTHONPATH="$here" "$python" "$here/pytorch_character.py" "$text" --precision=$precision >>results
    done
done
"$python" - results <<'PYTHON'
import json, sys
runs = {}
for line in open(sys.argv[1]):
    result = json.loads(line)
    runs.setdefault((result["precision"], result["name"]), []).append(result)
best = {key: min(r["seconds"] for r in results) for key, results in runs.items()}
print(f"{'':28}{'seconds':>10}{'validation loss':>18}{'ratio':>9}")
for (precision, name), results in sorted(runs.items()):
    peer = next(best[key] for key in best if key[0] == precision and key[1] != "llmpi")
    ratio = f"{peer / best[precision, name]:8.2f}x" if name == "llmpi" else ""
    print(f"{name + ', ' + precision:28}{best[precision, name]:>10.1f}{results[0]['validation_loss']:>18.4f}{ratio:>9}")
print("PyTorch's OpenBLAS:", next(r["coretype"] for results in runs.values() for r in results if "coretype" in r))
PYTHON
