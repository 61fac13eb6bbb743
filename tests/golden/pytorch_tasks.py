#!/usr/bin/env python3
"""Evaluation tasks by PyTorch, beside `llmpi evaluate --tasks`: a GPT-2 out of torch.nn.functional in float32, with its
parameters, shape and tokenizer out of a checkpoint of this program (h5py), and a byte-level BPE of its own.

    usage: pytorch_tasks.py CHECKPOINT [--items=N] [--each=FILE] NAME=FILE...

Prints one JSON object for each task: items, correct, correct_norm, perplexity, and least: the smallest difference between
the best and the second best choice over all items, in acc and in acc_norm, and between the largest and the second largest
logit over the scored tokens of a continuation; so that it is known what rounding could turn. --each writes the
log-likelihoods of each item.

Definitions are those of lm-evaluation-harness: the continuation is a space and the text, behind white space that ends the
context; context and continuation are encoded as one, and split where the encoding of the context alone ends; no token
stands before the context; the model sees the last context_length tokens before the last one. acc: largest sum of
log-likelihoods; acc_norm: divided by the characters of the choice without the space; perplexity: exp(-mean(sum)) over
items. Queries of arc_easy and piqa are stripped at their end and followed by "\\nAnswer:".
"""
import json
import math
import sys
import unicodedata
from functools import lru_cache

import h5py
import torch
import torch.nn.functional as F

BATCH_TOKENS = 2048


def byte_characters():
    """GPT-2's character for each byte: itself where it can be seen, else the next from 256 on."""
    seen = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    hidden = [b for b in range(256) if b not in seen]
    return {**{b: chr(b) for b in seen}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


def kind(character):
    if character.isspace():
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def split_words(text):
    """GPT-2's pattern: 's|'t|'re|'ve|'m|'ll|'d, runs of one kind with at most one space before them, runs of white
    space without the last one where something follows."""
    at = 0
    while at < len(text):
        for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
            if text.startswith(ending, at):
                end = at + len(ending)
                break
        else:
            start = at + 1 if text[at] == " " and at + 1 < len(text) and kind(text[at + 1]) != "space" else at
            end, what = start, kind(text[start])
            while end < len(text) and kind(text[end]) == what:
                end += 1
            if what == "space" and end < len(text) and end - at > 1:
                end -= 1
        yield text[at:end]
        at = end


class Tokenizer:
    def __init__(self, description):
        model = description["model"]
        merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
        self.ranks = {pair: i for i, pair in enumerate(merges)}
        self.ids = model["vocab"]
        self.special = {token["content"]: token["id"] for token in description["added_tokens"]}
        self.characters = byte_characters()
        self.word = lru_cache(None)(self.word)

    def word(self, text):
        parts = [self.characters[b] for b in text.encode()]
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: self.ranks.get(pair, math.inf))
            if best not in self.ranks:
                break
            joined, i = [], 0
            while i < len(parts):
                two = i + 1 < len(parts) and (parts[i], parts[i + 1]) == best
                joined.append(parts[i] + parts[i + 1] if two else parts[i])
                i += 2 if two else 1
            parts = joined
        return [self.ids[part] for part in parts]

    def encode(self, text):
        return [token for word in split_words(text) for token in self.word(word)]


class Model:
    def __init__(self, file):
        self.tensors = {}
        file.visititems(lambda name, item: self.add(name, item))
        config = file["config"][:].tobytes().decode()
        shape = {}
        for line in config.splitlines():  # `key: value` below `model:`
            if line and not line.startswith((" ", "#")):
                section = line.rstrip(":")
            elif ":" in line and section == "model":
                key, value = line.split("#")[0].strip().split(":")
                shape[key] = value.strip()
        self.n_layer, self.n_head = int(shape["n_layer"]), int(shape["n_head"])
        self.context_length = int(shape["context_length"])

    def add(self, name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/") and name.endswith((".weight", ".bias")):
            self.tensors[name] = torch.tensor(item[:], dtype=torch.float32)

    def linear(self, x, name):
        y = x @ self.tensors[name + ".weight"]
        return y + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else y

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.tensors[name + ".weight"], self.tensors.get(name + ".bias"), 1e-5)

    def hidden(self, tokens):
        count, length = tokens.shape
        x = self.tensors["wte.weight"][tokens] + self.tensors["wpe.weight"][:length]
        width = x.shape[-1]
        mask = torch.full((length, length), -math.inf).triu(1)
        for n in range(self.n_layer):
            qkv = self.linear(self.norm(x, f"h.{n}.ln_1"), f"h.{n}.attn.c_attn")
            q, k, v = (part.view(count, length, self.n_head, -1).transpose(1, 2) for part in qkv.split(width, -1))
            weights = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(width / self.n_head) + mask, -1)
            x = x + self.linear((weights @ v).transpose(1, 2).reshape(count, length, width), f"h.{n}.attn.c_proj")
            wide = self.linear(self.norm(x, f"h.{n}.ln_2"), f"h.{n}.mlp.c_fc")
            gelu = 0.5 * wide * (1 + torch.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
            x = x + self.linear(gelu, f"h.{n}.mlp.c_proj")
        return self.norm(x, "ln_f")

    def logits(self, rows):
        return rows @ self.tensors.get("lm_head.weight", self.tensors["wte.weight"]).t()


def score(model, requests):
    """(log-likelihood, is greedy, smallest lead of an arg-max) of the last `scored` of each request's tokens."""
    answers = [None] * len(requests)
    order = sorted(range(len(requests)), key=lambda i: -len(requests[i][0]))
    while order:
        longest = min(len(requests[order[0]][0]) - 1, model.context_length)
        batch, order = order[:max(1, BATCH_TOKENS // longest)], order[max(1, BATCH_TOKENS // longest):]
        inputs = [requests[i][0][-model.context_length - 1:][:-1] for i in batch]
        hidden = model.hidden(torch.tensor([line + [0] * (longest - len(line)) for line in inputs]))
        for row, i in enumerate(batch):
            ids, scored = requests[i]
            scored, length = min(scored, len(inputs[row])), len(inputs[row])
            logits = model.logits(hidden[row, length - scored:length])
            targets = torch.tensor(ids[-scored:])
            likelihood = F.log_softmax(logits, -1).gather(1, targets[:, None]).double().sum().item()
            top = logits.topk(2, -1)
            answers[i] = (likelihood, bool((top.indices[:, 0] == targets).all()),
                          (top.values[:, 0] - top.values[:, 1]).min().item())
    return answers


def request(tokenizer, context, text, end):
    stripped = context.rstrip()
    whole, before = tokenizer.encode(context + " " + text), tokenizer.encode(stripped)
    return (([] if before else [end]) + whole, len(whole) - len(before))


def read_items(name, file, limit):
    rows = [json.loads(line) for line in open(file, encoding="utf-8") if line.strip()]
    for row in rows[:limit] if limit else rows:
        if "continuation" in row:
            yield row["context"], [row["continuation"]], None
        elif name in ("arc_easy", "piqa"):
            yield row["query"].rstrip() + "\nAnswer:", row["choices"], row["gold"]
        else:
            yield row["query"], row["choices"], row["gold"]


def lead(values):
    best, second = sorted(values, reverse=True)[:2] if len(values) > 1 else (math.inf, 0)
    return best - second


def run(name, file, limit, model, tokenizer, each):
    items = list(read_items(name, file, limit))
    end = tokenizer.special.get("<|endoftext|>")
    answers = iter(score(model, [request(tokenizer, context, text, end) for context, texts, _ in items for text in texts]))
    correct = correct_norm = total = 0
    least = [math.inf, math.inf]
    for index, (_, texts, gold) in enumerate(items):
        found = [next(answers) for _ in texts]
        sums = [likelihood for likelihood, _, _ in found]
        each.append({"task": name, "item": index, "log_likelihoods": sums})
        total += sums[0]
        if gold is None:
            correct += found[0][1]
            least[0] = min(least[0], found[0][2])
            continue
        norms = [likelihood / len(text) for likelihood, text in zip(sums, texts)]
        correct += sums.index(max(sums)) == gold
        correct_norm += norms.index(max(norms)) == gold
        least = [min(least[0], lead(sums)), min(least[1], lead(norms))]
    result = {"task": name, "items": len(items), "correct": correct, "acc": correct / len(items)}
    if gold is None:
        result.update(perplexity=math.exp(-total / len(items)), least=least[:1])
    else:
        result.update(correct_norm=correct_norm, acc_norm=correct_norm / len(items), least=least)
    return result


def main():
    options = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a.startswith("--"))
    checkpoint, *tasks = [a for a in sys.argv[1:] if not a.startswith("--")]
    torch.set_grad_enabled(False)
    each = []
    with h5py.File(checkpoint, "r") as file:
        model, tokenizer = Model(file), Tokenizer(json.loads(file["tokenizer"][:].tobytes()))
    for task in tasks:
        name, path = task.split("=", 1)
        print(json.dumps(run(name, path, int(options.get("items", 0)), model, tokenizer, each)), flush=True)
    if "each" in options:
        with open(options["each"], "w") as out:
            out.writelines(json.dumps(row) + "\n" for row in each)


main()
