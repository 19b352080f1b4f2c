#!/usr/bin/env python3
"""Records the first twenty losses of two recipes in PyTorch, for RecordedTrainingTests.swift: same data, same order,
same initial weights (by formula), Adam 0.001, batches of 32.

Run: python3 record_training.py AG-NEWS-TEST.CSV (PyTorch on the CPU); it writes ../Recorded/training.json.
"""
import csv
import pathlib
import sys

import torch
from torch import nn

from recording import tensor, write

ROOT = pathlib.Path(__file__).resolve().parents[3]
STEPS, BATCH = 20, 32
VOCABULARY, WIDTH, TOKENS = 5000, 50, 64


def positions(step, count, stride):
    return [(step * BATCH + j) * stride % count for j in range(BATCH)]


def initialize(network):
    with torch.no_grad():
        for key, parameter in enumerate(network.parameters()):
            scale = 0.5 if parameter.dim() == 1 else parameter.shape[1] ** -0.5
            parameter.copy_(tensor(20 + key, parameter.shape, scale))


def losses(network, batch, loss):
    initialize(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    values = []
    for step in range(STEPS):
        x, y = batch(step)
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        optimizer.step()
        values.append(float("%.9g" % value.item()))
    return values


def breast_cancer():
    rows = list(csv.reader(open(ROOT / "launch/recipes/data/breast-cancer.csv")))[1:]
    x = torch.tensor([[float(v) for v in row[:30]] for row in rows], dtype=torch.float64)
    x = ((x - x.mean(0)) / x.std(0, correction=0)).to(torch.float32)
    y = torch.tensor([1.0 if row[30] == "malignant" else 0.0 for row in rows])
    network = nn.Sequential(
        nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))

    def batch(step):
        at = positions(step, len(rows), 37)
        return x[at], y[at]

    return losses(network, batch, nn.BCEWithLogitsLoss())


def word_ids(text):
    """Runs of ASCII letters, lower-cased, numbered by a hash (FNV-1a), cut and padded with 0."""
    words, word = [], b""
    for byte in text.lower() + b" ":
        if 97 <= byte <= 122:
            word += bytes([byte])
        elif word:
            words.append(word)
            word = b""
    ids = []
    for word in words[:TOKENS]:
        hashed = 2166136261
        for byte in word:
            hashed = (hashed ^ byte) * 16777619 % 2**32
        ids.append(1 + hashed % (VOCABULARY - 1))
    return ids + [0] * (TOKENS - len(ids))


class PooledText(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.hidden, self.output = nn.Linear(WIDTH, 24), nn.Linear(24, 4)

    def forward(self, ids):
        mask = (ids != 0).to(torch.float32).unsqueeze(2)
        mean = (self.embedding(ids) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.output(torch.relu(self.hidden(mean)))


def ag_news(path):
    lines = pathlib.Path(path).read_bytes().split(b"\n")
    lines = [line for line in lines if line]

    def batch(step):
        chosen = [lines[at] for at in positions(step, len(lines), 1237)]
        ids = torch.tensor([word_ids(line[3:]) for line in chosen])
        return ids, torch.tensor([line[1] - 49 for line in chosen])

    return losses(PooledText(), batch, nn.CrossEntropyLoss())


write("training.json", {"breastCancer": breast_cancer(), "agNews": ag_news(sys.argv[1])})
