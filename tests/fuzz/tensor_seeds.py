#!/usr/bin/env python3
"""Writes small files of tensors into the current folder: `tensor_seeds.py gguf` or `tensor_seeds.py safetensors`."""
import json
import struct
import sys


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def pair(key, kind, form, *values):
    return text(key) + struct.pack("<I" + form, kind, *values)


def array(key, kind, *elements):
    return text(key) + struct.pack("<IIQ", 9, kind, len(elements)) + b"".join(elements)


def write_gguf(name, version, keys, tensors, alignment=32):
    header, body = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(keys)) + b"".join(keys), b""
    for title, sizes, kind, size in tensors:
        body += bytes(-len(body) % alignment)
        header += text(title) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(body))
        body += bytes(range(size))
    with open(name, "wb") as file:
        file.write(header + bytes(-len(header) % alignment) + body)


def gguf():
    numbers = [pair(f"n.{kind}", kind, form, 1) for kind, form in enumerate(["B", "b", "H", "h", "I", "i", "f", "B"])]
    wide = [pair("n.10", 10, "Q", 1), pair("n.11", 11, "q", -1), pair("n.12", 12, "d", 0.5)]
    texts = [text("s") + struct.pack("<I", 8) + text("hello"), array("a.s", 8, text("x"), text(""), text("yz"))]
    arrays = [array("a.i", 5, *[struct.pack("<i", i) for i in range(4)]), array("a.b", 7, b"\0", b"\1"), array("a.0", 6)]
    write_gguf("empty.gguf", 3, [], [])
    write_gguf("values.gguf", 3, numbers + wide + texts + arrays, [])
    write_gguf("aligned.gguf", 2, [pair("general.alignment", 4, "I", 64)], [("a", [3], 0, 12), ("b", [2, 3], 1, 12)], 64)
    write_gguf("types.gguf", 3, texts, [("f", [4], 0, 16), ("q", [32, 2], 2, 36), ("b", [2, 1, 3, 2], 30, 24), ("k", [256], 10, 84)])


def write_safetensors(name, header, size):
    data = json.dumps(header).encode()
    with open(name, "wb") as file:
        file.write(struct.pack("<Q", len(data)) + data + bytes(range(size)))


def safetensors():
    def tensor(dtype, shape, begin, end):
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    write_safetensors("empty.safetensors", {}, 0)
    write_safetensors("one.safetensors", {"__metadata__": {"format": "pt"}, "a": tensor("F32", [2, 3], 0, 24)}, 24)
    write_safetensors("types.safetensors", {"a": tensor("F16", [4], 0, 8), "b": tensor("BF16", [1, 2, 1, 2, 1], 8, 16),
                                            "c": tensor("I64", [], 16, 24), "d": tensor("BOOL", [0], 24, 24)}, 24)


{"gguf": gguf, "safetensors": safetensors}[sys.argv[1]]()
