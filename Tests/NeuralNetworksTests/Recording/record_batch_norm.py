#!/usr/bin/env python3
"""Records ten Adam steps of a network with batch norms in PyTorch, for BatchNormTrainingTests.swift: losses, and the
running statistics after each step.

Run: python3 record_batch_norm.py (PyTorch on the CPU); it writes ../Recorded/batch_norm.json.
"""
import torch
from torch import nn

from recording import rounded, tensor, write

STEPS, BATCH = 10, 16

# Without a bias before a norm: its gradient is 0, and Adam would divide rounding errors by each other.
network = nn.Sequential(
    nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(),
    nn.Linear(8, 1), nn.Flatten(0))
with torch.no_grad():
    for key, parameter in enumerate(network.parameters()):
        parameter.copy_(tensor(20 + key, parameter.shape, 0.5))

optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
cases = []
for step in range(STEPS):
    # Far from mean 0 and variance 1, so that the running statistics have somewhere to go.
    x = tensor(100 + step, (BATCH, 3, 2, 2), 3.0) + 2
    y = (tensor(200 + step, (BATCH,)) > 0).to(torch.float32)
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(network(x), y)
    loss.backward()
    optimizer.step()
    buffers = {key: rounded(value) for key, value in network.named_buffers() if "running" in key}
    cases.append({"name": f"step {step}", "loss": loss.item(), "buffers": buffers})

network.eval()
x = tensor(100, (BATCH, 3, 2, 2), 3.0) + 2
write("batch_norm.json", {"cases": cases, "evaluation": rounded(network(x))})
