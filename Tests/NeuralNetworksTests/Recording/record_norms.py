#!/usr/bin/env python3
"""Records outputs and gradients of PyTorch's norms in float64, for RecordedNormTests.swift.

Run: python3 record_norms.py (PyTorch on the CPU); it writes ../Recorded/norms.json.
"""
import torch
import torch.nn.functional as F

from recording import rounded, tensor, write

cases = []


def leaf(key, shape, scale=1.0):
    return tensor(key, shape, scale, torch.float64).requires_grad_()


def record(name, output, leaves):
    """The loss is the output's sum weighted by numbers of key 9."""
    (output * tensor(9, output.shape, 1.0, torch.float64)).sum().backward()
    gradients = {key: rounded(value.grad) for key, value in leaves.items()}
    cases.append({"name": name, "output": rounded(output), "gradients": gradients})


x, w, b = leaf(1, (5, 7)), leaf(2, (7,)), leaf(3, (7,))
record("layerNorm", F.layer_norm(x, (7,), w, b), {"x": x, "weight": w, "bias": b})

x, w, b = leaf(1, (2, 3, 4)), leaf(2, (3, 4)), leaf(3, (3, 4))
record("layerNormTwoAxes", F.layer_norm(x, (3, 4), w, b, eps=1e-3), {"x": x, "weight": w, "bias": b})

x, w = leaf(1, (5, 7), 1e-3), leaf(2, (7,))
eps = torch.finfo(torch.float32).eps  # the default for float32 inputs; in float64 it would be another
record("rmsNorm", F.rms_norm(x, (7,), w, eps=eps), {"x": x, "weight": w})

for name, groups, shape in [("groupNorm", 3, (2, 6, 4)), ("groupNormImages", 2, (2, 4, 2, 3))]:
    x, w, b = leaf(1, shape), leaf(2, (shape[1],)), leaf(3, (shape[1],))
    record(name, F.group_norm(x, groups, w, b), {"x": x, "weight": w, "bias": b})

for name, shape in [("batchNorm", (5, 3)), ("batchNormImages", (3, 4, 2, 3))]:
    x, w, b = leaf(1, shape), leaf(2, (shape[1],)), leaf(3, (shape[1],))
    record(name, F.batch_norm(x, None, None, w, b, training=True), {"x": x, "weight": w, "bias": b})
write("norms.json", {"cases": cases})
