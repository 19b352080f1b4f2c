#!/usr/bin/env python3
"""Records residual networks in PyTorch in float64, for ResidualNetworkTests.swift: predictions while training and
evaluating, the loss, and of each parameter's gradient the sum weighted by numbers of key 7. ResNet-18 is written here as
torchvision has it, with its names.

The gradient jumps where a ReLU's input changes sign, and float32 moves inputs by about 1e-6: the images are the first
numbered ones for which every input keeps 1e-5 from zero.

Run: python3 record_residual.py (PyTorch on the CPU); it writes ../Recorded/residual.json.
"""
import copy

import torch
import torch.nn.functional as F
from torch import nn

from recording import rounded, tensor, write

cases = []


class Block(nn.Module):
    def __init__(self, inputs, channels, stride, projects):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.added = stride, channels - inputs
        self.downsample = None
        if projects and (stride != 1 or inputs != channels):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.stride != 1 or self.added:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.added))
        return F.relu(y + x)


class Network(nn.Module):
    def __init__(self, stem, pooling, widths, blocks, projects, classes):
        super().__init__()
        self.conv1, self.bn1, self.maxpool = stem, nn.BatchNorm2d(stem.out_channels), pooling
        inputs = stem.out_channels
        for stage, width in enumerate(widths):
            layers = []
            for block in range(blocks):
                layers.append(Block(inputs, width, 2 if stage and not block else 1, projects))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.stages = len(widths)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


def cifar(blocks, projects):
    return Network(nn.Conv2d(3, 16, 3, 1, 1, bias=False), None, [16, 32, 64], blocks, projects, 10)


def resnet18(classes):
    return Network(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.MaxPool2d(3, 2, 1), [64, 128, 256, 512], 2, True, classes)


def decided(network, shape):
    """Images, their number and the predictions for them, such that no ReLU is near its kink."""
    state = copy.deepcopy(network.state_dict())
    relu, least = F.relu, []

    def observed(x):
        least.append(x.detach().abs().min().item())
        return relu(x)

    F.relu = observed
    for images in range(1000, 1200):
        least.clear()
        network.load_state_dict(state)
        x = tensor(images, shape, 1.0, torch.float64)
        predictions = network(x)
        if min(least) > 1e-5:
            F.relu = relu
            return images, x, predictions
    raise SystemExit("no images keep every ReLU's input from zero: use fewer or smaller ones")


def record(name, network, batch, size):
    network = network.to(torch.float64)
    names = []
    with torch.no_grad():
        for key, (path, parameter) in enumerate(network.named_parameters()):
            names.append(path)
            shape = parameter.shape
            if len(shape) == 4:
                values = tensor(20 + key, shape, (3 / shape[1:].numel()) ** 0.5)
            elif len(shape) == 2:
                values = tensor(20 + key, shape, shape[1] ** -0.5)
            else:
                values = tensor(20 + key, shape, 0.5) + (1 if path.endswith("weight") else 0)
            parameter.copy_(values)
    y = torch.arange(batch) * 3 % 10
    network.train()
    images, x, predictions = decided(network, (batch, 3, size, size))
    loss = F.cross_entropy(predictions, y, reduction="sum")
    loss.backward()
    gradients = []
    for parameter in network.parameters():
        gradients.append((parameter.grad * tensor(7, parameter.shape, 1.0, torch.float64)).sum())
    network.eval()
    cases.append({
        "name": name, "batch": batch, "size": size, "images": images, "names": names, "predictions": rounded(predictions),
        "loss": loss.item(), "gradients": rounded(torch.stack(gradients)), "evaluation": rounded(network(x))})


record("cifar", cifar(1, False), 6, 12)
record("cifarProjecting", cifar(2, True), 5, 9)
record("resNet18", resnet18(10), 3, 40)
counts = {"resNet18": resnet18(1000), "cifar20": cifar(3, False), "cifar56": cifar(9, False)}
write("residual.json", {
    "cases": cases,
    "counts": {name: sum(p.numel() for p in network.parameters()) for name, network in counts.items()}})
