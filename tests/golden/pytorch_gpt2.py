#!/usr/bin/env python3
"""Numbers of a small GPT-2 from PyTorch, for tests/unit/test_pytorch_golden.c and tests/run/pytorch_golden.sh.

The model is written here from torch.nn.functional in float32, as Hugging Face names and lays out its tensors (matrices
are (inputs, outputs)). Weights and data follow from integers alone, so that any program computes the same ones exactly:

    mix(x)         x ^= x >> 16; x *= 0x7feb352d; x ^= x >> 15; x *= 0x846ca68b; x ^= x >> 16   (32 bits, wrapping)
    number(t, e)   (mix(t << 20 | e) >> 16) - 32768, of element e of tensor t (t from 0, in the order of the table)
    weight         2-dimensional: number * 2^-17; 1-dimensional ".weight": 1 + number * 2^-17; ".bias": number * 2^-17
    token (i)      mix(1000 << 20 | i) % vocab_size, i = sequence * (context_length + 1) + place; the target is token i + 1
    target weight  (mix(1001 << 20 | row) % 3) / 2; row = sequence * context_length + place
    position       (place + sequence) % context_length
    first visible  place - place % 5

The last three are used where a case says "masked". A case gives the loss (weighted mean), the gradient of every tensor
in full (base64 of little-endian float32), and where it has "adamw_losses" the loss before each of ten steps of AdamW
(learning rate 1e-3, betas 0.9 and 0.95, epsilon 1e-8, decay 0.1 on 2-dimensional tensors) after clipping to norm 1 by
torch.nn.utils.clip_grad_norm_, which divides by norm + 1e-6.

    usage: pytorch_gpt2.py [FILE]        writes FILE, or standard output
"""
import base64
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

CASES = [
    {"name": "gpt2", "n_layer": 2, "n_head": 4, "n_embd": 32, "context_length": 32, "vocab_size": 101,
     "sequences": 4, "bias": True, "tied_head": True, "masked": False, "adamw_steps": 10},
    {"name": "free head, no bias, masks", "n_layer": 1, "n_head": 2, "n_embd": 16, "context_length": 16,
     "vocab_size": 53, "sequences": 3, "bias": False, "tied_head": False, "masked": True, "adamw_steps": 10},
]


def mix(x):
    x = np.asarray(x, dtype=np.uint64) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x7FEB352D) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(15)
    x = x * np.uint64(0x846CA68B) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def numbers(tensor, count):
    return (mix((tensor << 20) + np.arange(count)) >> np.uint64(16)).astype(np.int64) - 32768


def tensor_shapes(case):
    C, V, T, bias = case["n_embd"], case["vocab_size"], case["context_length"], case["bias"]
    shapes = [("wte.weight", (V, C)), ("wpe.weight", (T, C))]

    def add(name, weight, bias_size):
        shapes.append((name + ".weight", weight))
        if bias:
            shapes.append((name + ".bias", (bias_size,)))

    for n in range(case["n_layer"]):
        add(f"h.{n}.ln_1", (C,), C)
        add(f"h.{n}.attn.c_attn", (C, 3 * C), 3 * C)
        add(f"h.{n}.attn.c_proj", (C, C), C)
        add(f"h.{n}.ln_2", (C,), C)
        add(f"h.{n}.mlp.c_fc", (C, 4 * C), 4 * C)
        add(f"h.{n}.mlp.c_proj", (4 * C, C), C)
    add("ln_f", (C,), C)
    if not case["tied_head"]:
        shapes.append(("lm_head.weight", (V, C)))
    return shapes


def make_weights(case):
    weights = {}
    for t, (name, shape) in enumerate(tensor_shapes(case)):
        values = numbers(t, int(np.prod(shape))) * 2.0**-17
        if len(shape) == 1 and name.endswith(".weight"):
            values = values + 1
        weights[name] = torch.tensor(values.reshape(shape), dtype=torch.float32, requires_grad=True)
    return weights


def make_batch(case):
    B, T = case["sequences"], case["context_length"]
    text = mix((1000 << 20) + np.arange(B * (T + 1))) % np.uint64(case["vocab_size"])
    text = torch.tensor(text.astype(np.int64)).reshape(B, T + 1)
    place = torch.arange(T).expand(B, T)
    batch = {"tokens": text[:, :-1], "targets": text[:, 1:], "weight": torch.ones(B, T), "position": place,
             "first_visible": torch.zeros(B, T, dtype=torch.int64)}
    if case["masked"]:
        rows = mix((1001 << 20) + np.arange(B * T)) % np.uint64(3)
        batch["weight"] = torch.tensor(rows.astype(np.float32) / 2).reshape(B, T)
        batch["position"] = (place + torch.arange(B)[:, None]) % T
        batch["first_visible"] = place - place % 5
    return batch


def loss_of(case, w, batch):
    B, T, C, H = case["sequences"], case["context_length"], case["n_embd"], case["n_head"]

    def linear(name, x):
        y = x @ w[name + ".weight"]
        return y + w[name + ".bias"] if case["bias"] else y

    def norm(name, x):
        return F.layer_norm(x, (C,), w[name + ".weight"], w.get(name + ".bias"), 1e-5)

    place = torch.arange(T)
    visible = (place[None, None, :] <= place[None, :, None]) & (place[None, None, :] >= batch["first_visible"][:, :, None])
    x = w["wte.weight"][batch["tokens"]] + w["wpe.weight"][batch["position"]]
    for n in range(case["n_layer"]):
        q, k, v = linear(f"h.{n}.attn.c_attn", norm(f"h.{n}.ln_1", x)).split(C, dim=2)
        q, k, v = (z.view(B, T, H, C // H).transpose(1, 2) for z in (q, k, v))
        scores = (q @ k.transpose(2, 3)) / (C // H) ** 0.5
        scores = scores.masked_fill(~visible[:, None], float("-inf"))
        mixed = (scores.softmax(dim=3) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + linear(f"h.{n}.attn.c_proj", mixed)
        fc = linear(f"h.{n}.mlp.c_fc", norm(f"h.{n}.ln_2", x))
        gelu = 0.5 * fc * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (fc + 0.044715 * fc**3)))
        x = x + linear(f"h.{n}.mlp.c_proj", gelu)
    logits = norm("ln_f", x) @ w["wte.weight" if case["tied_head"] else "lm_head.weight"].T
    losses = F.cross_entropy(logits.view(B * T, -1), batch["targets"].reshape(-1), reduction="none")
    weight = batch["weight"].reshape(-1)
    return (losses * weight).sum() / weight.sum()


def adamw_losses(case, batch):
    w = make_weights(case)
    groups = [{"params": [p for p in w.values() if p.dim() == 2], "weight_decay": 0.1},
              {"params": [p for p in w.values() if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8)
    losses = []
    for _ in range(case["adamw_steps"]):
        optimizer.zero_grad()
        loss = loss_of(case, w, batch)
        loss.backward()
        losses.append(loss.item())
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        optimizer.step()
    return losses


def run(case):
    w, batch = make_weights(case), make_batch(case)
    loss = loss_of(case, w, batch)
    loss.backward()
    gradients = {name: base64.b64encode(p.grad.numpy().astype("<f4").tobytes()).decode() for name, p in w.items()}
    return dict(case, loss=loss.item(), adamw_losses=adamw_losses(case, batch), gradients=gradients)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    result = {"made_by": f"tests/golden/pytorch_gpt2.py with PyTorch {torch.__version__}", "cases": [run(c) for c in CASES]}
    text = json.dumps(result, indent=1) + "\n"
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
