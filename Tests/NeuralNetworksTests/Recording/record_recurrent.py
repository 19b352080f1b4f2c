#!/usr/bin/env python3
"""Records states, logits and gradients of PyTorch's recurrent layers in float64, for RecordedRecurrentTests.swift.

Run: python3 record_recurrent.py (PyTorch on the CPU); it writes ../Recorded/recurrent.json. Parameter number n, in
PyTorch's order, holds the numbers of key 10 + n; ids, where a case is padded, are IDS with 0 for padding.
"""
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from recording import rounded, tensor, write

IDS = torch.tensor([[1, 2, 3, 4], [3, 3, 0, 0], [5, 0, 0, 0]])
LENGTHS = (IDS != 0).sum(1)
cases = []


def fill(module, scale):
    for n, parameter in enumerate(module.parameters()):
        parameter.data = tensor(10 + n, parameter.shape, scale, torch.float64)


def run(layer, x, padded):
    if not padded:
        return layer(x)[0]
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def record(name, output, module, extra):
    (output * tensor(9, output.shape, 1.0, torch.float64)).sum().backward()
    gradients = {key: rounded(value.grad) for key, value in list(module.named_parameters()) + list(extra.items())}
    count = sum(p.numel() for p in module.parameters())
    cases.append({"name": name, "output": rounded(output), "gradients": gradients, "parameters": count})


KINDS = {"tanh": (torch.nn.RNN, {}), "relu": (torch.nn.RNN, {"nonlinearity": "relu"}), "lstm": (torch.nn.LSTM, {}),
         "gru": (torch.nn.GRU, {})}
for kind, (make, settings) in KINDS.items():
    for layers, bidirectional, padded, tokens in [(1, False, False, 1), (1, False, True, 4), (2, True, True, 4)]:
        layer = make(2, 3, layers, batch_first=True, bidirectional=bidirectional, dtype=torch.float64, **settings)
        fill(layer, 0.8)
        x = tensor(1, (3, tokens, 2), 1.0, torch.float64).requires_grad_()
        record(f"{kind} {layers} {bidirectional} {padded}", run(layer, x, padded), layer, {"x": x})


class Classifier(torch.nn.Module):
    """The model of the same name: embedding, two LSTM layers, last valid state, output layer."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(6, 3)
        self.recurrent = torch.nn.LSTM(3, 4, 2, batch_first=True)
        self.head = torch.nn.Linear(4, 2)

    def forward(self, ids):
        states = run(self.recurrent, self.embedding(ids), True)
        return self.head(states[torch.arange(len(ids)), LENGTHS - 1])


model = Classifier().to(torch.float64)
fill(model, 0.8)
record("classifier", model(IDS), model, {})

write("recurrent.json", {"cases": cases})
