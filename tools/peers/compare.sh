#!/usr/bin/env bash
# Times training steps of the same model on random tokens with llmpi (one rank) and with PyTorch, in turn, several rounds,
# each in fp32 and bf16, and prints a table with ratios. Only ratios of one run mean something.
#
#   tools/peers/compare.sh CONFIG [--section.key=value ...]
#
# The model, batch and micro-batch are those of `llmpi bench step CONFIG`. LLMPI is the program (default: build/llmpi),
# PYTHON one with PyTorch (default: /usr/bin/python3), ROUNDS how often each program is started (3), STEPS how many steps
# it measures each time (3), PRECISIONS which ones ("fp32 bf16"). The best and the median of all rounds are shown.
#
# With AVX-512 hidden from both programs and from their libraries:
#   LLMPI_MAX_ISA=avx2 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 PEER_CORETYPE=Haswell \
#       tools/peers/compare.sh ...
#
# Both programs choose the kernels of OpenBLAS that are fastest: what OPENBLAS_CORETYPE holds does not count.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
llmpi=${LLMPI:-$here/../../build/llmpi}
python=${PYTHON:-/usr/bin/python3}
rounds=${ROUNDS:-3}
steps=${STEPS:-3}
precisions=${PRECISIONS:-fp32 bf16}
unset OPENBLAS_CORETYPE
"$python" -c 'import torch' 2>/dev/null || { echo "$python has no PyTorch (Debian: python3-torch)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$llmpi" bench step "$@" --print-config >/dev/null # says what is wrong with the command line

# The shape of what was measured, as flags of the peer.
peer_flags() {
    "$python" - "$1" <<'PYTHON'
import json, sys
step = json.load(open(sys.argv[1]))
if not step["bias"] or not step["tied_head"] or step["dropout"] != 0:
    sys.exit("the peer has model.bias: true, model.tied_head: true, model.dropout: 0 only")
names = {"n_layer": "n_layer", "n_head": "n_head", "n_embd": "n_embd", "context_length": "context", "vocab_size": "vocab",
         "sequences": "batch", "micro_batch": "micro_batch", "threads": "threads"}
print(" ".join(f"--{flag}={step[name]}" for name, flag in names.items()))
PYTHON
}

for round in $(seq "$rounds"); do
    for precision in $precisions; do
        echo "round $round of $rounds: llmpi, $precision" >&2
        "$llmpi" bench step "$@" --train.precision="$precision" --steps="$steps" --json 2>"$work/log" >"$work/step" ||
            { cat "$work/log" >&2; exit 1; }
        tr -d '\n' <"$work/step" >>"$work/results"
        echo >>"$work/results"
    done
    flags=$(peer_flags "$work/step")
    for precision in $precisions; do
        echo "round $round of $rounds: PyTorch, $precision" >&2
        # shellcheck disable=SC2086 # the flags are words
        "$python" "$here/pytorch_gpt2.py" $flags --precision=$precision --steps="$steps" 2>"$work/log" >>"$work/results" ||
            { cat "$work/log" >&2; exit 1; }
    done
done

"$python" - "$work/results" "$("$llmpi" --version | head -1)" <<'PYTHON'
import json, sys
from statistics import median

runs = {}
for line in open(sys.argv[1]):
    result = json.loads(line)
    runs.setdefault((result.get("name", "llmpi"), result["precision"]), []).append(result)
rows = {key: (max(r["tokens_per_second"] for r in results), median(r["tokens_per_second_median"] for r in results),
              max(r["peak_memory_bytes"] for r in results)) for key, results in runs.items()}
step = next(results[0] for (name, _), results in runs.items() if name == "llmpi")
peers = [key for key in rows if key[0] != "llmpi"]
print(f"{sys.argv[2]}; {step['parameters']:,} parameters, {step['sequences']} x {step['context_length']} tokens a "
      f"step, vocabulary {step['vocab_size']}, {step['threads']} threads")
print(f"{'':24}{'tokens/s':>12}{'median':>12}{'peak GB':>10}" + "".join(f"{'to ' + name[1]:>12}" for name in peers))
for key, (best, middle, memory) in rows.items():
    ratios = "".join(f"{best / rows[peer][0]:>11.2f}x" for peer in peers) if key[0] == "llmpi" else ""
    print(f"{key[0] + ', ' + key[1]:24}{best:>12.1f}{middle:>12.1f}{memory / 1e9:>10.2f}{ratios}")
print("PyTorch's OpenBLAS:", next(r["coretype"] for results in runs.values() for r in results if "coretype" in r))
print("(ratios: llmpi's best tokens/s over PyTorch's in that precision)")
PYTHON
