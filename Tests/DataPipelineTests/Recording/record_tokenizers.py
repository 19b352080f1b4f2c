#!/usr/bin/env python3
"""Records identifiers of the `tokenizers` package, for ByteLevelTokenizerTests.swift and WordPieceTokenizerTests.swift.

Run: python3 record_tokenizers.py DATA-FOLDER (tokenizers); it writes ../Recorded/tokenizers.json, tokenizer.json,
vocab.txt. The lines are 10,000 of the data: 4,000 of AG News, 4,000 of German captions, 2,000 film reviews. Every second
German one is turned to Latin-1, so that many are no UTF-8; they are read with errors="replace".
"""
import base64
import json
import pathlib
import struct
import sys

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

data = pathlib.Path(sys.argv[1])
recorded = pathlib.Path(__file__).parent.parent / "Recorded"


def lines(name, count):
    return (data / name).read_bytes().split(b"\n")[:count]


def latin(number, line):
    """Every second line in Latin-1, but for those whose characters it lacks."""
    text = line.decode()
    return text.encode("latin-1") if number % 2 and max(map(ord, text), default=0) < 256 else line


LINES = (lines("ag-news/test.csv", 4000) + [latin(n, line) for n, line in enumerate(lines("multi30k/train.de", 4000))]
         + lines("rt-polarity/rt-polarity.neg", 2000))
assert len(LINES) == 10000
INVALID = sum(1 for line in LINES if line.decode("utf-8", "ignore").encode() != line)

# Everything that the splitting pattern looks at, and bytes of every kind of damage.
SAMPLES = [
    b"", b" ", b"  a  b ", b"it's they've I'LL we'll d'd 'tis ''s", b"a\n\n  b\t\tc \n", b"x=1234,5;  y\r\n  z   ",
    "naïve café – “quoted” … ½ ²".encode(), "日本語 テキスト 漢字".encode(), "👩‍👩‍👧 🏳️‍🌈!".encode(), "a\u00a0b\u3000c\u2028d\u0085e".encode(),
    "e\u0301 \u0416\u0443\u043a \u0661\u0662\u0663 \u2167".encode(), b"<|endoftext|>a<|endoftext|> b<|endoftext", b"\xff\xfe bad \xc3",
    b"\xe2\x82 cut \xf0\x9f\x98 cut \xed\xa0\x80 surrogate \xc0\xaf", b"\x00\x01\x7f\x1b[0m", b"a" * 300 + b" " * 70 + b"b",
    b"abcabcabd" * 40, b"don't'll've 're's",
]


def fnv(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def digest(all_ids):
    return fnv(b"".join(struct.pack(f"<i{len(ids)}i", len(ids), *ids) for ids in all_ids))


def text(line):
    return line.decode("utf-8", "replace")


def record(tokenizer, extra=()):
    encode = lambda line: tokenizer.encode(text(line), add_special_tokens=False).ids
    every = [encode(line) for line in LINES]
    return {
        "hash": digest(every), "count": sum(map(len, every)),
        "samples": [{"text": base64.b64encode(line).decode(), "ids": encode(line)} for line in SAMPLES + LINES[::2500]],
    }


def byte_level(prefix=False):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trained(size, minimum):
    tokenizer = byte_level()
    tokenizer.train_from_iterator(map(text, LINES), trainers.BpeTrainer(
        vocab_size=size, min_frequency=minimum, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


small = trained(600, 2)
small.save(str(recorded / "tokenizer.json"), pretty=False)
large = trained(8000, 2)
large_model = json.loads(large.to_str())["model"]
tokens = sorted(large_model["vocab"], key=large_model["vocab"].get)
merges = [" ".join(m) if isinstance(m, list) else m for m in large_model["merges"]]

prefixed = Tokenizer.from_str(small.to_str())
prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)

word_piece = Tokenizer(models.WordPiece(unk_token="[UNK]"))
word_piece.normalizer = normalizers.BertNormalizer(lowercase=True)
word_piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
word_piece.train_from_iterator(map(text, LINES[::4]), trainers.WordPieceTrainer(
    vocab_size=1500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
vocabulary = word_piece.get_vocab()
(recorded / "vocab.txt").write_text("".join(t + "\n" for t in sorted(vocabulary, key=vocabulary.get)))
cased = Tokenizer.from_str(word_piece.to_str())
cased.normalizer = normalizers.BertNormalizer(lowercase=False)

result = {
    "recordedWith": f"tokenizers {tokenizers.__version__}", "lines": len(LINES), "notUTF8": INVALID,
    "small": record(small), "prefixed": record(prefixed), "large": record(large),
    "largeTokens": fnv("\n".join(tokens).encode()),
    "largeMerges": fnv("\n".join(merges).encode()),
    "wordPiece": record(word_piece), "wordPieceCased": record(cased),
}
path = recorded / "tokenizers.json"
path.write_text(json.dumps(result, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n")
for name in ["tokenizers.json", "tokenizer.json", "vocab.txt"]:
    print(name, (recorded / name).stat().st_size, "bytes")
print("not UTF-8:", INVALID)
