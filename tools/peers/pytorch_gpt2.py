#!/usr/bin/env python3
"""Times training steps of GPT-2 in PyTorch on random tokens: the model, batch, optimizer and clipping that `llmpi bench
step` has, as one would write them in PyTorch (nanoGPT's choices: fused query, key and value, scaled_dot_product_attention
where PyTorch has it, else a masked softmax, logits of all tokens at once, AdamW with decay on matrices only). Prints one
JSON object; peak memory is that of the whole process.

    pytorch_gpt2.py [--n_layer=12 --n_head=12 --n_embd=768 --context=1024 --vocab=50257 --batch=4 --micro_batch=4
                     --threads=CORES --steps=5 --precision=fp32|bf16]

bf16 is torch.autocast: fp32 weights, matrix products in bf16. One step is made before the measured ones.

Debian's PyTorch multiplies fp32 matrices with OpenBLAS, which does not know processors newer than itself and is several
times slower there. So its kernels are chosen here, by OPENBLAS_CORETYPE: PEER_CORETYPE, else SkylakeX where the processor
has AVX-512, which measured fastest. What the variable held before does not count: it is often set for other programs. The
report names the choice as `coretype`.
"""
import argparse
import json
import math
import os
import sys
import time


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = {"n_layer": 12, "n_head": 12, "n_embd": 768, "context": 1024, "vocab": 50257, "batch": 4, "micro_batch": 0,
             "threads": len(os.sched_getaffinity(0)), "steps": 5}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    options = parser.parse_args()
    options.micro_batch = min(options.micro_batch or options.batch, options.batch)
    return options


def prepare_libraries(threads):
    """Must come before torch is loaded: its libraries read these once. Returns OpenBLAS' kernels."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    with open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    wide = {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(flags)
    os.environ.pop("OPENBLAS_CORETYPE", None)
    coretype = os.environ.get("PEER_CORETYPE") or ("SkylakeX" if wide else "")
    if coretype:
        os.environ["OPENBLAS_CORETYPE"] = coretype
    return coretype or "OpenBLAS' choice"


options = parse_arguments() if __name__ == "__main__" else None
coretype = prepare_libraries(options.threads if options else os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
try:
    import torch
except ImportError:
    sys.exit("PyTorch is not installed (Debian: python3-torch)")
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads, length, bias):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width, bias)
        self.c_proj = nn.Linear(width, width, bias)
        self.fused = hasattr(F, "scaled_dot_product_attention")
        if not self.fused:
            self.register_buffer("hidden", torch.ones(length, length, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (z.view(batch, length, self.heads, -1).transpose(1, 2) for z in self.c_attn(x).split(width, dim=2))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(width // self.heads))
            y = F.softmax(scores.masked_fill(self.hidden[:length, :length], float("-inf")), dim=3) @ v
        return self.c_proj(y.transpose(1, 2).reshape(batch, length, width))


def gelu(x):
    try:
        return F.gelu(x, approximate="tanh")
    except TypeError:  # before PyTorch 1.12
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class LayerNorm(nn.Module):
    """nn.LayerNorm, with or without bias."""

    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Block(nn.Module):
    def __init__(self, width, heads, length, bias):
        super().__init__()
        self.ln_1, self.ln_2 = LayerNorm(width, bias), LayerNorm(width, bias)
        self.attn = Attention(width, heads, length, bias)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width, bias), nn.Linear(4 * width, width, bias)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.c_proj(gelu(self.c_fc(self.ln_2(x))))


class GPT2(nn.Module):
    """The model of `options`: n_layer, n_head, n_embd, context, vocab."""

    def __init__(self, options, bias=True):
        super().__init__()
        width = options.n_embd
        self.wte, self.wpe = nn.Embedding(options.vocab, width), nn.Embedding(options.context, width)
        self.h = nn.ModuleList(Block(width, options.n_head, options.context, bias) for _ in range(options.n_layer))
        self.ln_f = LayerNorm(width, bias)
        self.apply(self.initialise)
        for block in self.h:  # projections onto the residual stream, as in GPT-2
            for projection in (block.attn.c_proj, block.c_proj):
                nn.init.normal_(projection.weight, std=0.02 / math.sqrt(2 * options.n_layer))

    @staticmethod
    def initialise(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)  # the head is tied to the embedding
        return F.cross_entropy(logits.view(-1, logits.shape[2]), targets.reshape(-1))


def make_optimizer(model):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), eps=1e-8)


def run_step(model, optimizer, options):
    text = torch.randint(options.vocab, (options.batch, options.context + 1))
    total = 0.0
    for rows in text.split(options.micro_batch):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            loss = model(rows[:, :-1], rows[:, 1:]) * (len(rows) / options.batch)
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def peak_memory():
    with open("/proc/self/status") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def main():
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    model = GPT2(options)
    optimizer = make_optimizer(model)
    run_step(model, optimizer, options)
    seconds = []
    for _ in range(options.steps):
        started = time.perf_counter()
        loss = run_step(model, optimizer, options)
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    tokens = options.batch * options.context
    print(json.dumps({
        "name": f"PyTorch {torch.__version__}", "precision": options.precision, "threads": torch.get_num_threads(),
        "coretype": coretype,
        "parameters": sum(p.numel() for p in model.parameters()), "tokens_per_second": tokens / seconds[0],
        "tokens_per_second_median": tokens / seconds[len(seconds) // 2], "seconds": seconds[0],
        "peak_memory_bytes": peak_memory(), "loss": loss}))


if __name__ == "__main__":
    main()
