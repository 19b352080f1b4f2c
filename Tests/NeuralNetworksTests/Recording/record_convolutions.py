#!/usr/bin/env python3
"""Records outputs and gradients of PyTorch's convolutions and poolings in float64, for RecordedConvolutionTests.swift.

Run: python3 record_convolutions.py (PyTorch on the CPU); it writes ../Recorded/convolutions.json.
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
    gradients = {key: rounded(value.grad, 10) for key, value in leaves.items()}
    cases.append({"name": name, "output": rounded(output, 10), "gradients": gradients})


def convolution(name, image, weight, function=F.conv2d, transposed=False, **options):
    outputs = weight[1] * options.get("groups", 1) if transposed else weight[0]
    x, w, b = leaf(1, image), leaf(2, weight), leaf(3, (outputs,))
    record(name, function(x, w, b, **options), {"x": x, "weight": w, "bias": b})


convolution("conv3x3", (2, 3, 6, 5), (4, 3, 3, 3))
convolution("conv1x1", (2, 5, 3, 4), (7, 5, 1, 1))
convolution("convStem", (1, 3, 11, 13), (2, 3, 7, 7), stride=2, padding=3)
convolution("convDilated", (1, 2, 9, 8), (3, 2, 3, 2), stride=(2, 1), padding=(1, 2), dilation=(2, 3))
convolution("convGroups", (1, 6, 5, 5), (4, 3, 3, 3), padding=1, groups=2)
convolution("convDepthwise", (1, 4, 6, 7), (4, 1, 3, 3), stride=2, groups=4)
convolution("conv1d", (2, 3, 11), (4, 3, 3), F.conv1d, stride=2, padding=2, dilation=2)

convolution("transposed", (2, 3, 4, 3), (3, 2, 3, 3), F.conv_transpose2d, True, stride=2, padding=1, output_padding=1)
convolution("transposedDilated", (1, 2, 3, 4), (2, 3, 2, 3), F.conv_transpose2d, True, dilation=(2, 1))
convolution("transposedGroups", (1, 4, 3, 3), (4, 1, 3, 2), F.conv_transpose2d, True, stride=(3, 2), groups=2,
            output_padding=(2, 0))
convolution("transposed1d", (2, 3, 5), (3, 2, 4), F.conv_transpose1d, True, stride=3, padding=1, output_padding=2)

POOLS = {
    "maxPool": lambda x: F.max_pool2d(x, 2),
    "maxPoolOverlapping": lambda x: F.max_pool2d(x, 3, stride=2, padding=1),
    "maxPoolOblong": lambda x: F.max_pool2d(x, (1, 3), stride=(2, 1), padding=(0, 1)),
    "averagePool": lambda x: F.avg_pool2d(x, (3, 2), stride=(2, 1), padding=1),
    "averagePoolInside": lambda x: F.avg_pool2d(x, (3, 2), stride=(2, 1), padding=1, count_include_pad=False),
    "globalAverage": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "globalMax": lambda x: F.adaptive_max_pool2d(x, 1).flatten(1),
}
for name, function in POOLS.items():
    x = leaf(1, (2, 3, 7, 6))
    record(name, function(x), {"x": x})

# Equal numbers: the first maximum of a window gets the gradient.
x = (tensor(1, (1, 2, 6, 6), 1.5, torch.float64).round()).requires_grad_()
record("maxPoolTies", F.max_pool2d(x, 3, stride=1), {"x": x})
x = (tensor(1, (1, 2, 6, 6), 1.5, torch.float64).round()).requires_grad_()
record("reluMaxPoolTies", F.max_pool2d(F.relu(x), 2), {"x": x})

x = leaf(1, (2, 3, 9))
record("maxPool1d", F.max_pool1d(x, 3, stride=2, padding=1), {"x": x})
x = leaf(1, (2, 3, 9))
record("averagePool1d", F.avg_pool1d(x, 2, stride=3, padding=1), {"x": x})
write("convolutions.json", {"cases": cases})
