#!/usr/bin/env python3
"""Writes small Parquet files into the current folder, for a fuzzer to start from: each page type, encoding and codec that is
easy to write (format: github.com/apache/parquet-format, parquet.thrift, Encodings.md; Thrift's compact protocol)."""
import gzip, shutil, struct, subprocess, zlib

BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY = 0, 1, 2, 5, 6
PLAIN, PLAIN_DICTIONARY, RLE, DELTA_BINARY, DELTA_LENGTH, DELTA_BYTES, RLE_DICTIONARY = 0, 2, 3, 5, 6, 7, 8
NONE, SNAPPY, GZIP, ZSTD, LZ4 = 0, 1, 2, 6, 7


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def zigzag(number):
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def thrift(value):
    """(type, bytes): int is i32, (int,) is i64, dict is a struct by field number, list, bool, bytes."""
    if isinstance(value, bool):
        return (1 if value else 2), b""
    if isinstance(value, int):
        return 5, zigzag(value)
    if isinstance(value, tuple):
        return 6, zigzag(value[0])
    if isinstance(value, bytes):
        return 8, varint(len(value)) + value
    if isinstance(value, list):
        items = [thrift(item) for item in value]
        return 9, bytes([len(items) << 4 | (items[0][0] if items else 5)]) + b"".join(data for _, data in items)
    out, last = b"", 0
    for field, content in value.items():
        kind, data = thrift(content)
        out += bytes([(field - last) << 4 | kind]) + data
        last = field
    return 12, out + b"\0"


def compress(data, codec):
    if codec == GZIP:
        return gzip.compress(data, mtime=0)
    if codec == ZSTD:
        return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    if codec == SNAPPY:  # one literal
        return varint(len(data)) + bytes([60 << 2, len(data) - 1]) + data
    if codec == LZ4:  # one literal
        rest = len(data) - 15
        return (bytes([15 << 4]) + b"\xff" * (rest // 255) + bytes([rest % 255]) if rest >= 0 else bytes([len(data) << 4])) + data
    return data


def plain(kind, values):
    if kind == BYTE_ARRAY:
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    if kind == BOOLEAN:
        return bytes([sum(value << i for i, value in enumerate(values))])
    return b"".join(struct.pack({INT32: "<i", INT64: "<q", DOUBLE: "<d"}[kind], value) for value in values)


def runs(values, packed):
    """The RLE and bit-packing hybrid, one bit a value, at most 8 values."""
    if packed:
        return varint(1 << 1 | 1) + bytes([sum(value << i for i, value in enumerate(values))])
    return b"".join(varint(1 << 1) + bytes([value]) for value in values)


def deltas(values):
    """DELTA_BINARY_PACKED: one block of four miniblocks, the first with 8 bits a value."""
    steps = [b - a for a, b in zip(values, values[1:])]
    least = min(steps, default=0)
    block = zigzag(least) + bytes([8, 0, 0, 0]) + bytes(step - least for step in steps).ljust(32, b"\0") if steps else b""
    return varint(128) + varint(4) + varint(len(values)) + zigzag(values[0]) + block


def encode(kind, encoding, values):
    if encoding == DELTA_BINARY:
        return deltas(values)
    if encoding == DELTA_LENGTH:
        return deltas([len(value) for value in values]) + b"".join(values)
    if encoding == DELTA_BYTES:
        return deltas([0] * len(values)) + encode(kind, DELTA_LENGTH, values)
    return plain(kind, values)


def page(kind, header, levels, body, codec, version=1, crc=False):
    """A page with its header; the levels of a version 2 page stay uncompressed."""
    data = levels + compress(body, codec) if version == 2 else compress(levels + body, codec)
    fields = {1: kind, 2: len(levels) + len(body), 3: len(data)}
    if crc:
        check = zlib.crc32(data)
        fields[4] = check - (1 << 32) if check >> 31 else check
    return thrift({**fields, **header})[1] + data


def column(kind, encoding, values, codec, optional, version, crc, packed):
    """The pages of a column chunk, and the offset of its first data page."""
    present = [value for value in values if value is not None]
    dictionary, first = b"", 0
    body = encode(kind, encoding, present)
    if encoding in (PLAIN_DICTIONARY, RLE_DICTIONARY):
        words = sorted(set(present), reverse=True)[:2]
        present = [value if value in words else words[0] for value in present]
        dictionary = page(2, {7: {1: len(words), 2: PLAIN}}, b"", plain(kind, words), codec, crc=crc)
        first = len(dictionary)
        body = b"\x01" + runs([words.index(value) for value in present], packed)
    levels = runs([int(value is not None) for value in values], packed) if optional else b""
    if version == 2:
        nulls = len(values) - len(present)
        header = {8: {1: len(values), 2: nulls, 3: len(values), 4: encoding, 5: len(levels), 6: 0, 7: True}}
        return dictionary + page(3, header, levels, body, codec, 2, crc), first
    levels = struct.pack("<I", len(levels)) + levels if optional else b""
    return dictionary + page(0, {5: {1: len(values), 2: encoding, 3: RLE, 4: RLE}}, levels, body, codec, 1, crc), first


def write(name, columns, codec=NONE, version=1, crc=False, packed=False, groups=1):
    out, row_groups = b"PAR1", []
    for _ in range(groups):
        chunks = []
        for column_name, kind, encoding, optional, values in columns:
            pages, first = column(kind, encoding, values, codec, optional, version, crc, packed)
            meta = {1: kind, 2: [encoding, RLE], 3: [column_name], 4: codec, 5: (len(values),), 6: (len(pages),),
                    7: (len(pages),), 9: (len(out) + first,)}
            if first:
                meta[11] = (len(out),)
            chunks.append({2: (len(out),), 3: meta})
            out += pages
        row_groups.append({1: chunks, 2: (len(out),), 3: (len(columns[0][4]),)})
    schema = [{4: b"schema", 5: len(columns)}]
    schema += [{1: kind, 3: int(optional), 4: column_name, **({6: 0} if kind == BYTE_ARRAY else {})}
               for column_name, kind, _, optional, _ in columns]
    footer = thrift({1: 1, 2: schema, 3: (groups * len(columns[0][4]),), 4: row_groups, 6: b"seeds"})[1]
    with open(name + ".parquet", "wb") as file:
        file.write(out + footer + struct.pack("<I", len(footer)) + b"PAR1")


TEXTS = [b"one two", None, b"caf\xc3\xa9", b"one two", b"x", b"one two", b"", b"z"]


def text(encoding, optional=True):
    values = TEXTS if optional else [value or b"y" for value in TEXTS]
    return (b"text", BYTE_ARRAY, encoding, optional, values)


score = (b"score", DOUBLE, PLAIN, False, [0.5, 1.5, -2.0, 0.0, 1e300, 0.25, 0.125, 1.0])
count = (b"count", INT64, PLAIN, True, [3, 1, None, 1, -5, 1 << 40, 2, 6])
steps = (b"steps", INT32, DELTA_BINARY, False, [3, 1, 4, 1, 5, 9, 2, 6])
flag = (b"flag", BOOLEAN, PLAIN, False, [1, 0, 1, 1, 0, 0, 1, 0])
codecs = {"none": NONE, "snappy": SNAPPY, "gzip": GZIP, "lz4": LZ4}
if shutil.which("zstd"):
    codecs["zstd"] = ZSTD
for codec_name, codec in codecs.items():
    write(f"plain-{codec_name}", [text(PLAIN), score], codec)
    write(f"dictionary-{codec_name}-v2", [text(RLE_DICTIONARY), count], codec, version=2, packed=True)
write("required", [text(PLAIN, False), flag, steps], crc=True)
write("old-dictionary", [text(PLAIN_DICTIONARY, False)], packed=True, groups=3)
write("delta-length", [text(DELTA_LENGTH), steps], version=2)
write("delta-bytes", [text(DELTA_BYTES, False), steps], crc=True, groups=2)
write("empty", [(b"text", BYTE_ARRAY, PLAIN, False, [])], groups=0)
