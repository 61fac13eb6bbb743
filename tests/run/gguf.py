#!/usr/bin/env python3
"""GGUF files made by hand, after its description and not by llmpi: `inspect` shows them, `import` makes a checkpoint of
them, and each of many damages ends in one message."""
import os
import random
import struct
import subprocess
import tempfile

LLMPI = os.environ["LLMPI"]
os.environ["LLMPI_MAX_ISA"] = "avx2"  # an imported model's precision is auto, which is fp32 then
work = tempfile.TemporaryDirectory(prefix="llmpi-test-")
os.chdir(work.name)
UINT32, INT32, FLOAT32, BOOLEAN, TEXT, ARRAY, UINT64 = 4, 5, 6, 7, 8, 9, 10
F32, F16, Q4_0, Q8_0, BF16 = 0, 1, 2, 8, 30
N_EMBD, N_HEAD, N_LAYER, CONTEXT = 32, 2, 2, 24
FORMATS = {UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOLEAN: "<B", UINT64: "<Q"}


def run(*command, status=0, text=None):
    done = subprocess.run([LLMPI, *command], capture_output=True, text=True, errors="replace", input=text)
    assert done.returncode == status, (command, done.returncode, done.stdout[-500:], done.stderr[-2000:])
    return done.stdout if status == 0 else done.stderr


def refuse(message, *command, status=1):
    errors = run(*command, status=status)
    assert message in errors and errors.count("\n") == 1 and errors.startswith("llmpi: error: "), (message, command, errors)


# --- writing

def text_bytes(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def value_bytes(kind, value):
    return text_bytes(value) if kind == TEXT else struct.pack(FORMATS[kind], value)


def key_bytes(key, kind, value):
    if isinstance(value, list):
        body = struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(value_bytes(kind, one) for one in value)
    else:
        body = struct.pack("<I", kind) + value_bytes(kind, value)
    return text_bytes(key) + body


def number_bytes(kind, values):
    if kind == F32:
        return struct.pack(f"<{len(values)}f", *values)
    if kind == F16:
        return struct.pack(f"<{len(values)}e", *values)
    if kind == BF16:
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return bytes(len(values) // 32 * {Q4_0: 18, Q8_0: 34}[kind])


class Model:
    """Keys and tensors that a test changes; `write` makes a file of them."""

    def __init__(self):
        self.version, self.alignment, self.counts, self.offsets = 3, 32, {}, {}
        self.keys = metadata()
        self.tensors = dict(TENSORS)

    def write(self, path):
        header = b"".join(key_bytes(key, *pair) for key, pair in self.keys.items())
        body, infos = b"", b""
        for name, (kind, sizes, values) in self.tensors.items():
            body += bytes(-len(body) % self.alignment)
            infos += text_bytes(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *reversed(sizes), kind,
                                                    self.offsets.get(name, len(body)))
            body += number_bytes(kind, values)
        front = b"GGUF" + struct.pack("<IQQ", self.version, self.counts.get("tensors", len(self.tensors)),
                                      self.counts.get("keys", len(self.keys)))
        front += header + infos
        with open(path, "wb") as file:
            file.write(front + bytes(-len(front) % self.alignment) + body)
        return path


def byte_names():
    """GPT-2's letters for the 256 bytes (encoder.py of openai/gpt-2), in the order of the bytes."""
    others = 256
    for byte in range(256):
        printable = 32 < byte < 127 or (byte > 160 and byte != 173)
        yield chr(byte if printable else others)
        others += not printable


def metadata():
    tokens = list(byte_names()) + ["th", "the", "<|endoftext|>"]
    return {
        "general.architecture": (TEXT, "gpt2"),
        "general.name": (TEXT, "by\x1b[31m hand\n"),
        "gpt2.context_length": (UINT32, CONTEXT),
        "gpt2.embedding_length": (UINT32, N_EMBD),
        "gpt2.feed_forward_length": (UINT32, 4 * N_EMBD),
        "gpt2.block_count": (UINT32, N_LAYER),
        "gpt2.attention.head_count": (UINT32, N_HEAD),
        "gpt2.attention.layer_norm_epsilon": (FLOAT32, 1e-5),
        "tokenizer.ggml.model": (TEXT, "gpt2"),
        "tokenizer.ggml.pre": (TEXT, "gpt-2"),
        "tokenizer.ggml.tokens": (TEXT, tokens),
        "tokenizer.ggml.token_type": (INT32, [1] * 258 + [3]),
        "tokenizer.ggml.merges": (TEXT, ["t h", "th e"]),
        "tokenizer.ggml.add_bos_token": (BOOLEAN, 0),
        "x.large": (UINT64, (1 << 64) - 1),
        "x.nothing": (INT32, []),
    }


def numbers(*sizes):
    count = 1
    for size in sizes:
        count *= size
    return sizes, [random.gauss(0, 0.2) for _ in range(count)]


def tensors():
    rows = len(metadata()["tokenizer.ggml.tokens"][1])
    made = {"token_embd.weight": (F32, *numbers(rows, N_EMBD)), "position_embd.weight": (F32, *numbers(CONTEXT, N_EMBD))}
    layers = [("attn_norm", 1, 1), ("attn_qkv", 3, 1), ("attn_output", 1, 1), ("ffn_norm", 1, 1), ("ffn_up", 4, 1),
              ("ffn_down", 1, 4)]
    for block in range(N_LAYER):
        for name, outputs, inputs in layers:
            sizes = (outputs * N_EMBD,) + (() if "norm" in name else (inputs * N_EMBD,))
            made[f"blk.{block}.{name}.weight"] = (F32, *numbers(*sizes))
            made[f"blk.{block}.{name}.bias"] = (F32, *numbers(outputs * N_EMBD))
    made["output_norm.weight"] = (F32, *numbers(N_EMBD))
    made["output_norm.bias"] = (F32, *numbers(N_EMBD))
    return made


random.seed(5)
TENSORS = tensors()


# --- reading

def read_gguf(path):
    """Keys and tensors of a file, {key: (kind, value)} and {name: (kind, sizes, bytes)}."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24

    def take(form):
        nonlocal at
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return value

    def take_value(kind):
        nonlocal at
        if kind != TEXT:
            return take(FORMATS[kind])
        length = take("<Q")
        at += length
        return data[at - length:at].decode()

    (tensor_count, key_count), keys, infos = struct.unpack_from("<QQ", data, 8), {}, []
    for _ in range(key_count):
        key, kind = take_value(TEXT), take("<I")
        if kind == ARRAY:
            kind = take("<I")
            keys[key] = kind, [take_value(kind) for _ in range(take("<Q"))]
        else:
            keys[key] = kind, take_value(kind)
    for _ in range(tensor_count):
        name = take_value(TEXT)
        sizes = [take("<Q") for _ in range(take("<I"))][::-1]
        infos.append((name, sizes, take("<I"), take("<Q")))
    start = at + -at % 32
    found = {}
    for name, sizes, kind, offset in infos:
        count = 1
        for size in sizes:
            count *= size
        found[name] = kind, tuple(sizes), data[start + offset:start + offset + count * (4 if kind == F32 else 2)]
    return keys, found


# --- tests

def show():
    model = Model()
    model.tensors["blk.0.x\x1b"] = (Q4_0, (2, 64), [0] * 128)
    model.tensors["four"] = (F16, (2, 3, 4, 5), [0] * 120)
    out = run("inspect", model.write("shown.gguf"))
    for line in ('general.name "by\\u001b[31m hand\\n"', "gpt2.attention.layer_norm_epsilon 1e-05", "version 3", "metadata 16 keys",
                 'tokenizer.ggml.merges ["t h", "th e"] (2 of text)', "tokenizer.ggml.token_type [1, 1, 1, 1, 1, ...] (259 of int32)",
                 "x.large above 9223372036854775807", "x.nothing [] (0 of int32)", "tokenizer.ggml.add_bos_token false",
                 "token_embd.weight F32 259 x 32 8288 33152", "blk.0.x\\u001b Q4_0 2 x 64 128 72", "four F16 2 x 3 x 4 x 5 120 240",
                 "tensors 30", "elements 34776"):
        assert any(" ".join(found.split()) == line for found in out.splitlines()), (line, out)
    assert "\x1b" not in out
    assert run("inspect", "--verify", "shown.gguf") == "shown.gguf: whole\n"
    os.rename("shown.gguf", "unnamed")
    assert run("inspect", "--verify", "unnamed") == "unnamed: whole\n"
    model.version = 2
    assert "version            2" in run("inspect", model.write("two.gguf"))


def change(**members):
    def apply(model):
        for name, value in members.items():
            setattr(model, name, value)
    return apply


def set_key(key, kind, value):
    return lambda model: model.keys.update({key: (kind, value)})


def without(group, name):
    return lambda model: getattr(model, group).pop(name)


def set_tensor(name, kind, *sizes):
    return lambda model: model.tensors.update({name: (kind, *numbers(*sizes))})


def broken_files():
    """What `inspect` refuses, as (change of a model, message)."""
    last, huge = "output_norm.bias", 1 << 60
    return [
        (change(version=1), "version 1"),
        (change(version=3 << 24), "big-endian"),
        (change(counts={"tensors": huge}), f"{huge} tensors"),
        (change(counts={"keys": huge}), f"{huge} keys"),
        (change(counts={"keys": 17}), ""),
        (change(counts={"tensors": 40}), ""),
        (change(offsets={last: 1 << 40}), "behind the header"),
        (change(offsets={last: 0}), "overlap"),
        (change(offsets={last: 8}), "multiples of 32"),
        (change(offsets={last: (1 << 64) - 32}), "multiples of 32 in the file"),
        (set_key("general.alignment", UINT32, 48), "general.alignment"),
        (set_key("general.alignment", UINT32, 0), "general.alignment"),
        (set_key("general.alignment", UINT64, 32), "general.alignment"),
        (set_key("tokenizer.ggml.add_bos_token", BOOLEAN, 3), "a boolean of 3"),
        (set_key("", TEXT, "x"), "0 bytes"),
        (set_key("a\0b", TEXT, "x"), "NUL"),
    ]


def damage_files():
    names, messages = [], [message for change_, message in broken_files()]
    for change_, message in broken_files():
        model = Model()
        change_(model)
        names.append(model.write(f"bad-{len(names)}.gguf"))
    done = subprocess.run([LLMPI, "inspect", "--verify", *names], capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == len(names), done
    for name, message, line in zip(names, messages, done.stdout.splitlines()):
        assert line.startswith(name) and message in line and "whole" not in line, (name, message, line)
    refuse("a boolean of 3", "inspect", names[messages.index("a boolean of 3")])
    with open(Model().write("good.gguf"), "rb") as file:
        whole = file.read()
    names = []
    for length in [*range(0, 200, 7), *range(200, len(whole), len(whole) // 40), len(whole) - 1]:
        names.append(f"cut-{length}.gguf")
        with open(names[-1], "wb") as file:
            file.write(whole[:length])
    done = subprocess.run([LLMPI, "inspect", "--verify", *names], capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == len(names) and ": whole" not in done.stdout, done
    assert f"{len(names)} of {len(names)} files cannot be used" in done.stderr, done.stderr


def contents(model):
    """What read_gguf should find in a file of it."""
    return model.keys, {name: (kind, sizes, number_bytes(kind, values)) for name, (kind, sizes, values) in model.tensors.items()}


def export_again(model, kind, *expected_missing):
    """Imports a file of the model and exports it; the same tensors and shared keys are in it."""
    run("import", model.write("in.gguf"), "--output=model.h5")
    run("export", "model.h5", "--format=gguf", "--type=" + kind, "--output=out.gguf")
    keys, found = read_gguf("out.gguf")
    wanted_keys, wanted = contents(model)
    for name in expected_missing:
        del wanted[name]
    assert found == wanted, [name for name in {*found, *wanted} if found.get(name) != wanted.get(name)]
    for key, pair in wanted_keys.items():
        if key.startswith(("gpt2.", "tokenizer.")) and key != "gpt2.attention.layer_norm_epsilon":
            assert keys[key] == pair, (key, keys[key], pair)


def set_matrices(model, kind):
    for name, (old, sizes, values) in model.tensors.items():
        if len(sizes) == 2 and name != "position_embd.weight":
            model.tensors[name] = kind, sizes, values


def import_models():
    export_again(Model(), "f32")
    assert run("tokenizer", "encode", "model.h5", text="the thx").split() == ["257", "32", "256", "120"]
    assert len(run("generate", "model.h5", "--prompt=the", "--temperature=0", "--tokens=5", "--ignore-end")) > 3
    for kind, name in (F16, "f16"), (BF16, "bf16"):
        model = Model()
        set_matrices(model, kind)
        export_again(model, name)
    model = Model()
    model.keys["tokenizer.ggml.pre"] = TEXT, "dbrx"
    model.tensors["output.weight"] = F32, *numbers(259, N_EMBD)
    export_again(model, "f32")
    padded = Model()  # as llama.cpp's converter writes GPT-2: a head that is the embedding, tokens that only fill up
    set_matrices(padded, F16)
    embedding = padded.tensors["token_embd.weight"]
    rows = F16, (264, N_EMBD), embedding[2] + [0.5] * 5 * N_EMBD
    padded.tensors.update({"token_embd.weight": rows, "output.weight": rows})
    padded.keys["tokenizer.ggml.tokens"][1].extend(f"[PAD{id}]" for id in range(259, 264))
    padded.keys["tokenizer.ggml.token_type"][1].extend([5] * 5)
    run("import", padded.write("in.gguf"), "--output=model.h5")
    run("export", "model.h5", "--format=gguf", "--type=f16", "--output=out.gguf")
    keys, found = read_gguf("out.gguf")
    assert keys["tokenizer.ggml.tokens"] == metadata()["tokenizer.ggml.tokens"] and "output.weight" not in found
    assert found["token_embd.weight"] == (F16, (259, N_EMBD), number_bytes(F16, embedding[2]))


def change_list(key, index, value):
    return lambda model: model.keys[key][1].__setitem__(index, value)


def other_models():
    """What `inspect` shows, but `import` refuses, as (change of a model, message)."""
    tokens, types, merges = (f"tokenizer.ggml.{name}" for name in ("tokens", "token_type", "merges"))
    needed = ["general.architecture", "gpt2.block_count", "gpt2.feed_forward_length", "gpt2.attention.layer_norm_epsilon",
              "tokenizer.ggml.model", "tokenizer.ggml.pre", types]
    return [(without("keys", key), key) for key in needed] + [
        (set_key("general.architecture", TEXT, "llama\x1b\nx"), "general.architecture is 'llama??x'"),
        (set_key("gpt2.embedding_length", UINT64, (1 << 64) - 1), "gpt2.embedding_length"),
        (set_key("gpt2.feed_forward_length", UINT32, 100), "n_inner"),
        (set_key("gpt2.attention.head_count", UINT32, 5), "n_head"),
        (set_key("gpt2.block_count", UINT32, N_LAYER - 1), "none of GPT-2's with 1 layers"),
        (set_key("gpt2.block_count", UINT32, N_LAYER + 1), "h.2.ln_1.weight is missing"),
        (set_key("gpt2.block_count", UINT32, 4000000000), "gpt2.block_count"),
        (set_key("gpt2.context_length", UINT32, CONTEXT + 1), "position_embd.weight is 24 x 32"),
        (set_key("gpt2.attention.layer_norm_epsilon", FLOAT32, 1e-6), "epsilon"),
        (set_key("gpt2.attention.layer_norm_epsilon", FLOAT32, float("nan")), "epsilon"),
        (set_key("tokenizer.ggml.pre", TEXT, "qwen2"), "tokenizer.ggml.pre"),
        (set_key(tokens, INT32, [1, 2]), "no array of text"),
        (set_key(types, INT32, [1]), "1 types of tokens"),
        (set_key(merges, TEXT, ["th"]), "a space between"),
        (set_key(merges, TEXT, ["t \u20ac"]), "not in the vocabulary"),
        (set_key(merges, TEXT, ["t e"]), "no token of both"),
        (change_list(types, 5, 6), "token 5 is of type 6"),
        (change_list(types, 5, 3), "byte"),
        (change_list(tokens, 5, ""), "token 5 is empty"),
        (change_list(tokens, 5, "a"), "are the same"),
        (change_list(tokens, 5, "\u20ac"), "stands for no byte"),
        (change_list(tokens, 258, b"\xff\xfe"), "UTF-8"),
        (without("tensors", "blk.1.ffn_up.bias"), "h.1.mlp.c_fc.bias is missing"),
        (set_tensor("blk.1.ffn_up.extra", F32, 3), "none of GPT-2's"),
        (set_tensor("blk.01.ffn_up.bias", F32, 128), "none of GPT-2's"),
        (set_tensor("blk.1.ffn_up.weight", F32, 32, 128), "blk.1.ffn_up.weight is 32 x 128"),
        (set_tensor("blk.1.ffn_up.bias", F32, 128, 1), "blk.1.ffn_up.bias has 2 dimensions"),
        (set_tensor("output_norm.bias", F32, 32, 1, 1), "output_norm.bias has 3 dimensions"),
        (set_tensor("token_embd.weight", F32, 258, 32), "token_embd.weight is 258 x 32"),
        (set_tensor("output.weight", F32, 100, 32), "output.weight is 100 x 32"),
        (set_tensor("token_embd.weight", Q8_0, 259, 32), "token_embd.weight is of type Q8_0"),
        (set_tensor("output.weight", Q4_0, 259, 32), "output.weight is of type Q4_0"),
    ]


def refuse_models():
    names = []
    for change_, message in other_models():
        model = Model()
        change_(model)
        names.append(model.write(f"other-{len(names)}.gguf"))
        refuse(message, "import", names[-1], "--output=other.h5")
    assert run("inspect", "--verify", *names).count(": whole") == len(names)
    for change_, message in broken_files()[:3]:
        model = Model()
        change_(model)
        refuse(message, "import", model.write("other.gguf"), "--output=other.h5")
    with open("notes.txt", "w") as file:
        file.write("no model\n")
    refuse("notes.txt is no GGUF file", "import", "notes.txt", "--output=other.h5")
    refuse("cannot read missing.gguf", "import", "missing.gguf", "--output=other.h5")
    assert not [name for name in os.listdir(".") if name.startswith("other.h5")]


def main():
    show()
    damage_files()
    import_models()
    refuse_models()
    print("all good")


main()
