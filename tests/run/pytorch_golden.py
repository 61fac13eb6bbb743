#!/usr/bin/env python3
"""Runs tests/golden/pytorch_gpt2.py again and compares with the committed golden file, so that the numbers which the
program is held to are known to come from that script. Float32 sums differ in their order between PyTorch builds, hence
the tolerances."""
import base64
import json
import os
import struct
import subprocess
import sys

try:
    import torch  # noqa: F401
except ImportError:
    print("skipped: PyTorch is not installed (Debian: python3-torch)")
    sys.exit(77)

LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-6, 1e-5


def floats(text):
    data = base64.b64decode(text)
    return struct.unpack(f"<{len(data) // 4}f", data)


def relative(a, b):
    difference = sum((x - y) ** 2 for x, y in zip(a, b))
    return (difference / sum(y * y for y in b)) ** 0.5


def compare(made, kept):
    bad = []
    for name, value in kept.items():
        if name == "gradients":
            if made[name].keys() != value.keys():
                bad.append("names of gradients differ")
                continue
            for tensor, text in value.items():
                a, b = floats(made[name][tensor]), floats(text)
                if len(a) != len(b) or not relative(a, b) < GRADIENT_TOLERANCE:
                    bad.append(f"gradient of {tensor} differs")
        elif name in ("loss", "adamw_losses"):
            a, b = (x if isinstance(x, list) else [x] for x in (made[name], value))
            if len(a) != len(b) or not all(abs(x - y) < LOSS_TOLERANCE * y for x, y in zip(a, b)):
                bad.append(f"{name}: {a}, kept {b}")
        elif made.get(name) != value:
            bad.append(f"{name}: {made.get(name)}, kept {value}")
    return bad


golden = os.path.join(os.environ.get("LLMPI_SOURCE", "."), "tests", "golden")
output = subprocess.run([sys.executable, os.path.join(golden, "pytorch_gpt2.py")], check=True, stdout=subprocess.PIPE)
with open(os.path.join(golden, "pytorch_gpt2.json")) as file:
    cases = json.load(file)["cases"]
again = json.loads(output.stdout)["cases"]
problems = [f"{len(again)} cases, kept {len(cases)}"] if len(again) != len(cases) else []
for new, old in zip(again, cases):
    problems += [f"{old['name']}: {problem}" for problem in compare(new, old)]
print("\n".join(problems) if problems else f"{len(cases)} cases agree")
sys.exit(1 if problems else 0)
