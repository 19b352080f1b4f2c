"""Models of this package in PyTorch, with its parameter names, where no library has a namesake."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchvision.models.resnet import BasicBlock


class Dense(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(widths, widths[1:])])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class PooledText(nn.Module):
    """The mean of the embeddings of tokens that are not padding."""

    def __init__(self, vocabulary, width, widths):
        super().__init__()
        self.embedding, self.layers = nn.Embedding(vocabulary, width), Dense([width] + widths)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(2)
        return self.layers((self.embedding(ids) * mask).sum(1) / mask.sum(1).clamp(min=1))


class Step(nn.Conv2d):
    """A convolution with ReLU, which are one layer here."""

    def forward(self, x):
        return F.relu(super().forward(x))


class Convolutional(nn.Module):
    def __init__(self, channels, features, widths):
        super().__init__()
        steps = [[Step(a, b, 3), nn.MaxPool2d(2)] for a, b in zip([3] + channels, channels)]
        self.features, self.classifier = nn.Sequential(*sum(steps, [])), Dense([features] + widths)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Shortcut(nn.Module):
    """Option A of He et al. 2015: every second pixel, new channels zero."""

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))


class residual(nn.Module):
    """The form for CIFAR out of torchvision's blocks."""

    def __init__(self, depth):
        super().__init__()
        self.conv1, self.bn1, inputs = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), 16
        for stage, width in enumerate([16, 32, 64]):
            blocks = []
            for block in range((depth - 2) // 6):
                halves = stage > 0 and block == 0
                blocks.append(BasicBlock(inputs, width, 2 if halves else 1, Shortcut() if halves else None))
                inputs = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class TextCNN(nn.Module):
    """Kim 2014."""

    def __init__(self, vocabulary, width, channels, lengths, outputs):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.convolutions = nn.ModuleList([nn.Conv1d(width, channels, length) for length in lengths])
        self.classifier = nn.Linear(channels * len(lengths), outputs)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        return self.classifier(torch.cat([F.relu(c(x)).amax(2) for c in self.convolutions], 1))


class Recurrent(nn.Module):
    """The last states of packed samples, or the mean over their tokens."""

    def __init__(self, kind, vocabulary, width, hidden, outputs, layers, both, mean):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.recurrent = getattr(nn, kind)(width, hidden, layers, batch_first=True, bidirectional=both)
        self.head, self.mean = nn.Linear(hidden * (1 + both), outputs), mean

    def forward(self, ids):
        lengths = (ids != 0).sum(1)
        packed = pack_padded_sequence(self.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
        states, last = self.recurrent(packed)
        if self.mean:
            padded, _ = pad_packed_sequence(states, batch_first=True)
            return self.head(padded.sum(1) / lengths[:, None])
        last = last[0] if isinstance(last, tuple) else last
        return self.head(last[-1] if not self.recurrent.bidirectional else torch.cat([last[-2], last[-1]], 1))


class Translation(nn.Transformer):
    """torch.nn.Transformer between a scaled embedding with sinusoids and the same table as the output."""

    def __init__(self, vocabulary, width, heads, layers, hidden, first):
        super().__init__(width, heads, layers, layers, hidden, 0.0, batch_first=True, norm_first=first)
        self.encoder.enable_nested_tensor = False
        self.embedding = nn.Embedding(vocabulary, width)

    def embedded(self, ids):
        weight = self.embedding.weight
        width = weight.shape[1]
        angle = torch.arange(ids.shape[1])[:, None] / 10000.0 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
        waves = torch.stack([torch.sin(angle), torch.cos(angle)], -1).flatten(1)
        return self.embedding(ids) * math.sqrt(width) + waves.to(weight.dtype)

    def translate(self, source, target):
        later = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        read = self(self.embedded(source), self.embedded(target), tgt_mask=later, src_key_padding_mask=source == 0,
                    tgt_key_padding_mask=target == 0, memory_key_padding_mask=source == 0)
        return read @ self.embedding.weight.T
