#!/usr/bin/env python3
"""Records outputs and gradients of PyTorch's layers and losses in float64, for RecordedLayerTests.swift.

Run: python3 record_layers.py (PyTorch on the CPU); it writes ../Recorded/layers.json.
"""
import torch
import torch.nn.functional as F

from recording import rounded, tensor, write

IDS = torch.tensor([[1, 2, 0, 0, 5], [3, 3, 3, 1, 0], [0, 0, 0, 0, 0]])
cases = []


def leaf(key, shape, scale=1.0):
    return tensor(key, shape, scale, torch.float64).requires_grad_()


def record(name, output, leaves):
    """The loss is the output's sum weighted by numbers of key 9, or the output itself when it is a scalar."""
    loss = output if output.dim() == 0 else (output * tensor(9, output.shape, 1.0, torch.float64)).sum()
    loss.backward()
    gradients = {key: rounded(value.grad) for key, value in leaves.items()}
    cases.append({"name": name, "output": rounded(output), "gradients": gradients})


x, w, b = leaf(1, (5, 7)), leaf(2, (3, 7)), leaf(3, (3,))
record("linear", F.linear(x, w, b), {"x": x, "weight": w, "bias": b})

table = leaf(2, (6, 4))
record("embedding", F.embedding(IDS, table), {"weight": table})

table = leaf(2, (6, 4))
mask = (IDS != 0).to(torch.float64).unsqueeze(2)
pooled = (F.embedding(IDS, table) * mask).sum(1) / mask.sum(1).clamp(min=1)
record("pooling", pooled, {"weight": table})

for name, function in [("relu", F.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("gelu", F.gelu),
                       ("geluTanh", lambda x: F.gelu(x, approximate="tanh")), ("silu", F.silu),
                       ("softplus", F.softplus), ("leakyReLU", F.leaky_relu), ("elu", F.elu)]:
    x = leaf(1, (4, 5), 3.0)
    record(name, function(x), {"x": x})

x = leaf(1, (5, 4), 4.0)
record("softmaxCrossEntropy", F.cross_entropy(x, torch.tensor([0, 3, 1, 1, 2]), reduction="sum"), {"x": x})

for name, options in [("ignored", {"ignore_index": -100}), ("smoothed", {"label_smoothing": 0.1}),
                      ("ignoredSmoothed", {"ignore_index": -100, "label_smoothing": 0.3})]:
    x = leaf(1, (2, 3, 4), 4.0)
    labels = torch.tensor([0, -100, 3, 1, 2, -100]) if "ignore_index" in options else torch.tensor([0, 1, 3, 1, 2, 2])
    record("softmaxCrossEntropy-" + name, F.cross_entropy(x.reshape(6, 4), labels, reduction="sum", **options), {"x": x})

x = leaf(1, (6, 1), 4.0)
targets = (tensor(4, (6, 1), 0.5, torch.float64) + 0.5)
record("sigmoidCrossEntropy", F.binary_cross_entropy_with_logits(x, targets, reduction="sum"), {"x": x})

x = leaf(1, (4, 3))
record("meanSquaredError", F.mse_loss(x, tensor(4, (4, 3), 1.0, torch.float64), reduction="sum"), {"x": x})

for name, weight, temperature in [("plain", 0.3, 1.0), ("softened", 0.7, 2.5), ("alone", 1.0, 2.0)]:
    x = leaf(1, (5, 4), 4.0)
    taught = F.softmax(tensor(4, (5, 4), 3.0, torch.float64) / temperature, dim=1)
    own = F.cross_entropy(x, torch.tensor([0, 3, 1, 1, 2]), reduction="sum")
    other = -(taught * F.log_softmax(x / temperature, dim=1)).sum()
    record("distillation-" + name, (1 - weight) * own + weight * temperature ** 2 * other, {"x": x})

write("layers.json", {"cases": cases})
