"""same_run.py RUN OTHER: two run directories tell the same story, to the last bit: metrics without times, samples, and the
tensors of the last checkpoint (where h5py is installed)."""
import glob
import json
import os
import sys

try:
    import h5py
except ImportError:
    h5py = None


def metrics(run):
    timed = lambda key: key.endswith("seconds") or key in ("tokens_per_second", "mfu")
    with open(f"{run}/metrics.jsonl") as lines:
        return [{key: value for key, value in json.loads(line).items() if not timed(key)} for line in lines]


def tensors(run):
    found = {}
    with h5py.File(sorted(glob.glob(f"{run}/checkpoints/*.h5"))[-1], "r") as file:
        file.visititems(lambda name, item: found.__setitem__(name, item[()].tobytes())
                        if isinstance(item, h5py.Dataset) and name != "config" else None)
    return found


def samples(run):
    path = f"{run}/samples.txt"
    return open(path, "rb").read() if os.path.exists(path) else b""


def differences(one, other):
    a, b = metrics(one), metrics(other)
    if a != b:
        first = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        yield f"metrics: {len(a)} and {len(b)} lines, line {first + 1} is the first that differs"
    if samples(one) != samples(other):
        yield "samples"
    if h5py:
        a, b = tensors(one), tensors(other)
        wrong = [name for name in a.keys() | b.keys() if a.get(name) != b.get(name)]
        if wrong:
            yield f"{len(wrong)} of {len(a)} tensors: {wrong[:3]}"
    else:
        print("note: without h5py, tensors are not compared")


found = list(differences(*sys.argv[1:3]))
print("\n".join(f"{sys.argv[2]} differs from {sys.argv[1]}: {text}" for text in found))
sys.exit(len(found) > 0)
