#!/usr/bin/env python3
"""Trains nanoGPT's character model at its CPU size (4 layers, 4 heads, 128 wide, context 64, no biases) in PyTorch, with
the schedule and optimizer of configs/shakespeare-character.yaml, on a text file whose last tenth is held out, and prints
one JSON object: seconds of the training loop, of the whole program, and the loss on all held-out windows.

    pytorch_character.py TEXT [--steps=2000 --batch=12 --seed=1 --learning_rate=4e-3 --precision=fp32|bf16]

Start-up, reading and the final evaluation are not part of `seconds`. OMP_NUM_THREADS sets the threads.
"""
import argparse
import json
import math
import time

from pytorch_gpt2 import GPT2, coretype  # before torch: it chooses the kernels of OpenBLAS

import torch


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    for name, default in {"steps": 2000, "batch": 12, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--learning_rate", type=float, default=4e-3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    return parser.parse_args()


def read_ids(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    number = {character: i for i, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([number[character] for character in text])
    return ids[:len(ids) * 9 // 10], ids[len(ids) * 9 // 10:], len(number)


def rate_of_step(step, steps, peak, warmup=100):
    final = 0.1 * peak
    if step < warmup:
        return peak * (step + 1) / warmup
    return final + 0.5 * (peak - final) * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def loss_of(model, rows, precision):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        return model(rows[:, :-1], rows[:, 1:])


def train(model, ids, context, arguments):
    matrices, others = ([p for p in model.parameters() if (p.dim() > 1) == wanted] for wanted in (True, False))
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                  betas=(0.9, 0.99), eps=1e-8)
    started = time.perf_counter()
    for step in range(arguments.steps):
        starts = torch.randint(len(ids) - context, (arguments.batch,)).tolist()
        loss = loss_of(model, torch.stack([ids[i:i + context + 1] for i in starts]), arguments.precision)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate_of_step(step, arguments.steps, arguments.learning_rate)
        optimizer.step()
    return time.perf_counter() - started


@torch.no_grad()
def evaluate(model, ids, context, arguments):
    count = (len(ids) - 1) // context
    windows = torch.stack([ids[i * context:i * context + context + 1] for i in range(count)])
    return sum(loss_of(model, rows, arguments.precision).item() * len(rows) for rows in windows.split(64)) / count


def main():
    arguments, began = parse_arguments(), time.perf_counter()
    torch.manual_seed(arguments.seed)
    train_ids, held_out, vocab = read_ids(arguments.text)
    shape = argparse.Namespace(n_layer=4, n_head=4, n_embd=128, context=64, vocab=vocab)
    model = GPT2(shape, bias=False)
    seconds = train(model, train_ids, shape.context, arguments)
    print(json.dumps({"name": f"PyTorch {torch.__version__}", "precision": arguments.precision, "seconds": seconds,
                      "coretype": coretype,
                      "validation_loss": evaluate(model, held_out, shape.context, arguments),
                      "seconds_in_all": time.perf_counter() - began}))


main()
