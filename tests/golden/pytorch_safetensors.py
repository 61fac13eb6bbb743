#!/usr/bin/env python3
"""Continues token ids with a GPT-2 that was exported to safetensors, in PyTorch, greedily.

The file is read by its format alone (a length, a JSON header, bytes), and the model is written here from
torch.nn.functional, so that nothing of llmpi or of transformers is in between.

    usage: pytorch_safetensors.py FOLDER COUNT ID...

Prints {"ids": the COUNT tokens that follow, "logprobs": of each, in nats, "gaps": how far the second likeliest logit
was behind, "prompt_logits": the logits behind the last of the ids given}.
"""
import json
import struct
import sys

import torch
import torch.nn.functional as F

TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]])
        tensors[name.removeprefix("transformer.")] = flat.reshape(entry["shape"]).float()
    return tensors


def logits_of(tensors, config, ids):
    heads, width, length = config["n_head"], config["n_embd"], len(ids)
    x = tensors["wte.weight"][ids] + tensors["wpe.weight"][:length]
    mask = torch.full((length, length), float("-inf")).triu(1)

    def linear(name, value):
        return value @ tensors[name + ".weight"] + tensors[name + ".bias"]

    def norm(name, value):
        return F.layer_norm(value, (width,), tensors[name + ".weight"], tensors[name + ".bias"], config["layer_norm_epsilon"])

    for block in range(config["n_layer"]):
        h = f"h.{block}."
        q, k, v = (part.reshape(length, heads, -1).transpose(0, 1)
                   for part in linear(h + "attn.c_attn", norm(h + "ln_1", x)).split(width, dim=1))
        weights = torch.softmax(q @ k.transpose(1, 2) / (width // heads) ** 0.5 + mask, dim=2)
        x = x + linear(h + "attn.c_proj", (weights @ v).transpose(0, 1).reshape(length, width))
        inner = linear(h + "mlp.c_fc", norm(h + "ln_2", x))
        gelu = 0.5 * inner * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (inner + 0.044715 * inner**3)))
        x = x + linear(h + "mlp.c_proj", gelu)
    head = tensors.get("lm_head.weight", tensors["wte.weight"])
    return norm("ln_f", x)[-1] @ head.T


def main():
    folder, count, ids = sys.argv[1], int(sys.argv[2]), [int(text) for text in sys.argv[3:]]
    tensors = read_tensors(folder + "/model.safetensors")
    with open(folder + "/config.json") as file:
        config = json.load(file)
    out = {"ids": [], "logprobs": [], "gaps": []}
    with torch.no_grad():
        for step in range(count):
            logits = logits_of(tensors, config, ids)
            if step == 0:
                out["prompt_logits"] = logits.tolist()
            best, second = torch.topk(logits, 2).values.tolist()
            chosen = int(torch.argmax(logits))
            out["ids"].append(chosen)
            out["logprobs"].append(torch.log_softmax(logits, 0)[chosen].item())
            out["gaps"].append(best - second)
            ids.append(chosen)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
