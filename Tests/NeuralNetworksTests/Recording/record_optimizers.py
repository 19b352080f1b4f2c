#!/usr/bin/env python3
"""Records the parameters after each of ten steps of PyTorch's optimizers, for RecordedOptimizerTests.swift.

The problem: 4 -> 3 tanh -> 2, mean squared error over 6 samples that change with the step.
Run: python3 record_optimizers.py (PyTorch on the CPU); it writes ../Recorded/optimizers.json.
"""
import torch
from torch import nn

from recording import rounded, tensor, write


def model():
    network = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    with torch.no_grad():
        for key, parameter in enumerate(network.parameters()):
            parameter.copy_(tensor(20 + key, parameter.shape))
    return network


def run(name, make, clip=None):
    network = model()
    optimizer = make(network.parameters())
    steps = []
    for step in range(10):
        x, y = tensor(100 + step, (6, 4)), tensor(200 + step, (6, 2), 2.0)
        optimizer.zero_grad()
        nn.functional.mse_loss(network(x), y).backward()
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        steps.append(rounded(torch.cat([p.flatten() for p in network.parameters()])))
    return {"name": name, "steps": steps}


optim = torch.optim
write("optimizers.json", {"cases": [
    run("sgd", lambda p: optim.SGD(p, lr=0.1)),
    run("momentum", lambda p: optim.SGD(p, lr=0.05, momentum=0.9)),
    run("nesterov", lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    run("sgdDecay", lambda p: optim.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.1)),
    run("adam", lambda p: optim.Adam(p, lr=0.01)),
    run("adamDecay", lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1)),
    run("adamW", lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1)),
    run("rmsprop", lambda p: optim.RMSprop(p, lr=0.01)),
    run("rmspropMomentum", lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, momentum=0.8, weight_decay=0.01)),
    run("sgdClip", lambda p: optim.SGD(p, lr=0.1), clip=0.5),
    run("adamClip", lambda p: optim.Adam(p, lr=0.01), clip=0.3),
]})
