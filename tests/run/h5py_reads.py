"""Shards and checkpoints are ordinary HDF5: h5py reads them, and files that h5py wrote wrongly are refused."""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LLMPI = os.environ["LLMPI"]


def inspect(*arguments):
    done = subprocess.run([LLMPI, "inspect", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def write_shard(path, tokens=(1, 2, 0, 3, 0), starts=(0, 3), change=None, **options):
    """A shard by h5py; `change` alters it before it is closed."""
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        file.create_dataset("tokens", data=numpy.array(tokens, options.get("type", "<u2")), maxshape=(None,),
                            chunks=(16,), fletcher32=True)
        file.create_dataset("document_starts", data=numpy.array(starts, "<u8"), maxshape=(None,), chunks=(16,),
                            fletcher32=True)
        for name, value in {"format_version": 1, "shard": 0, "shard_count": 1, "vocab_size": 5, "byte_count": 9,
                            "document_count": len(starts), "token_count": len(tokens)}.items():
            file.attrs[name] = numpy.int64(value)
        for name, value in {"split": b"train", "tokenizer_digest": b"0123456789abcdef", "inputs": b"x"}.items():
            file.attrs[name] = numpy.bytes_(value)
        if change:
            change(file)


def replaced(name, **arguments):
    def change(file):
        del file[name]
        file.create_dataset(name, **arguments)
    return change


def attribute(name, value):
    def change(file):
        file.attrs[name] = value
    return change


def virtual(file):
    del file["tokens"]
    layout = h5py.VirtualLayout(shape=(5,), dtype="<u2")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(5,))
    file.create_virtual_dataset("tokens", layout)


def external(file):
    del file["tokens"]
    file.create_dataset("tokens", shape=(5,), dtype="<u2", external=[("/etc/passwd", 0, 10)])


WRONG = {
    "2 dimensions": (replaced("tokens", data=numpy.ones((5, 1), "<u2")), "one dimension"),
    "rank 7": (replaced("tokens", shape=(1,) * 7, dtype="<u2"), "7 dimensions"),
    "no elements at all": (replaced("tokens", data=h5py.Empty("<u2")), "dimensions"),
    "signed": (replaced("tokens", shape=(5,), dtype="<i2"), "its elements are none of"),
    "big-endian": (replaced("tokens", shape=(5,), dtype=">u2"), "its elements are none of"),
    "text": (replaced("tokens", shape=(5,), dtype=h5py.string_dtype()), "its elements are none of"),
    "compound": (replaced("tokens", shape=(5,), dtype=[("a", "<u2")]), "its elements are none of"),
    "huge and empty": (replaced("tokens", shape=(1 << 50,), dtype="<u2", chunks=(1 << 14,)), "claims"),
    "2^63 bytes": (replaced("tokens", shape=(1 << 62,), dtype="<u2", chunks=(1 << 30,)), "claims"),
    "huge chunks": (replaced("tokens", shape=(5,), dtype="<u2", chunks=(1 << 30,), maxshape=(None,)), "chunks of more"),
    "a group": (lambda file: (file.__delitem__("tokens"), file.create_group("tokens")), "cannot read tokens"),
    "a soft link to nowhere": (lambda file: (file.__delitem__("tokens"),
                                             file.__setitem__("tokens", h5py.SoftLink("/nothing"))), "tokens"),
    "virtual": (virtual, "neither contiguous nor in chunks"),
    "external": (external, "neither contiguous nor in chunks"),
    "an array": (attribute("vocab_size", numpy.arange(3)), "'vocab_size' is not one integer"),
    "text for a number": (attribute("token_count", "5"), "'token_count' is not one integer"),
    "a number for text": (attribute("split", 5), "'split' is not one text"),
    "text of any length": (attribute("split", "train"), "'split' is not one text"),
    "a long split": (attribute("split", numpy.bytes_(b"x" * 16)), "'split' has 16 bytes"),
    "a count too high": (attribute("token_count", numpy.int64(6)), "tokens has 5 elements, its attribute says 6"),
    "a negative count": (attribute("byte_count", numpy.int64(-1)), "'byte_count' is -1"),
    "an unsigned count": (attribute("byte_count", numpy.uint64((1 << 64) - 1)), None),
    "a token outside": (attribute("vocab_size", numpy.int64(3)), "token 3 is 3, the vocabulary has 3"),
    "another version": (attribute("format_version", numpy.int64(9)), "format version 9"),
    "another byte order of an attribute": (attribute("shard", numpy.array(0, ">i8")), None),
}


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train-00000-of-00001.h5")
        write_shard(path)
        code, text = inspect("--verify", path)
        if code != 0 or text != f"{path}: whole\n":
            failed += 1
            print("FAILED: a right shard:", text)
        write_shard(path, starts=(0, 4, 2))
        code, text = inspect("--verify", path)
        if code != 1 or "document 2 starts at token 2, the one before at 4" not in text:
            failed += 1
            print("FAILED: starts out of order:", text)
        for name, (change, message) in WRONG.items():
            write_shard(path, change=change)
            code, text = inspect("--verify", path)
            if code != (1 if message else 0) or (message or "whole") not in text or path not in text:
                failed += 1
                print(f"FAILED: {name}: status {code}: {text}")
    failed += check_checkpoint()
    print(f"{failed} failed" if failed else "h5py and llmpi read each other's files")
    return failed != 0


def check_checkpoint():
    """A checkpoint that the unit test of tensor files leaves for us."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "step.h5")
        program = os.path.join(os.path.dirname(LLMPI), "tests", "test_tensor_file")
        if not os.path.exists(program):
            print("note: no test_tensor_file beside the program, checkpoints not read")
            return 0
        subprocess.run([program], env={**os.environ, "LLMPI_KEEP": path}, check=True, capture_output=True, timeout=60)
        with h5py.File(path, "r") as file:
            weights = file["wte.weight"]
            right = (file.userblock_size == 512 and weights.shape == (7, 3) and weights.dtype == "float32" and
                     numpy.array_equal(weights[:].view("<u4").ravel(), numpy.arange(21)) and
                     numpy.array_equal(file["optimizer/exp_avg/wte.weight"][:].view("<u4").ravel(), numpy.arange(21)) and
                     file["empty"].shape == (0, 5) and file["optimizer/scalar"].shape == () and
                     file.attrs["step"] == -(1 << 40) and file.attrs["configuration"] == b"run:\n  seed: 1\n")
        code, text = inspect(path)
        if not right or code != 0 or "wte.weight" not in text or "7 x 3" not in text:
            print("FAILED: the checkpoint:", text)
            return 1
    return 0


sys.exit(main())
