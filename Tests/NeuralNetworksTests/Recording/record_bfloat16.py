#!/usr/bin/env python3
"""Records models around one operation each in PyTorch's mixed precision (torch.autocast of bfloat16 on the CPU), for
Bfloat16Tests.swift: logits and all gradients of the summed cross-entropy, for weights and batches by hash. They are just
large enough for products of bfloat16.

Run: python3 record_bfloat16.py (PyTorch on the CPU); it writes ../Recorded/bfloat16.json.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
import transformers

import model_modules as modules
from hashing import field, numbers, weight
from recording import rounded, write

cases = []


class Attention(nn.Module):
    """Tokens that attend to those before them, and the mean of the results."""

    def __init__(self, vocabulary, width, heads, outputs):
        super().__init__()
        self.embedding, self.projection = nn.Embedding(vocabulary, width), nn.Linear(width, 3 * width)
        self.head, self.heads = nn.Linear(width, outputs), heads

    def forward(self, ids):
        packed = self.projection(self.embedding(ids)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*packed, is_causal=True).transpose(1, 2).flatten(2)
        return self.head(seen.mean(1))


class Pooled(nn.Module):
    """Two convolutions with a norm between them, and the mean over pixels."""

    def __init__(self, channels, outputs):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, channels, 3, bias=False), nn.BatchNorm2d(channels)
        self.second, self.head = nn.Conv2d(channels, channels, 3, 2), nn.Linear(channels, outputs)

    def forward(self, x):
        return self.head(F.gelu(self.second(F.gelu(self.norm(self.first(x))))).mean((2, 3)))


class Resampled(nn.Module):
    """Pixels made fewer by average pooling, then more by a transposed convolution, and their mean."""

    def __init__(self, channels, outputs):
        super().__init__()
        self.first, self.pool = nn.Conv2d(3, channels, 3, bias=False), nn.AvgPool2d(2)
        self.second, self.head = nn.ConvTranspose2d(channels, channels, 3, 2), nn.Linear(channels, outputs)

    def forward(self, x):
        return self.head(F.gelu(self.second(self.pool(self.first(x)))).mean((2, 3)))


class Between(nn.Module):
    """Something between two products."""

    def __init__(self, middle, bias=True):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(48, 96, bias), middle, nn.Linear(96, 40)

    def forward(self, x):
        return self.last(self.middle(self.first(x)))


class Words(nn.Module):
    """The embeddings of all tokens side by side."""

    def __init__(self, vocabulary, width, tokens, outputs):
        super().__init__()
        self.embedding, self.head = nn.Embedding(vocabulary, width), nn.Linear(tokens * width, outputs)

    def forward(self, ids):
        return self.head(self.embedding(ids).flatten(1))


def run(module, entry, narrow, forward):
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(weight(name, list(parameter.shape)))
            parameter.grad = None
    batch = [field(f"input{i}", 0, entry["samples"], d) for i, d in enumerate(entry["inputs"])]
    batch = [x.float() if x.is_floating_point() else x for x in batch]
    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        logits = forward(module, *batch)
    labels = field("label", 0, entry["samples"], entry["label"])
    F.cross_entropy(logits.float().flatten(0, -2), labels.flatten(), reduction="sum").backward()
    return logits.detach().float(), {name: p.grad.clone() for name, p in module.named_parameters()}


def summary(narrow, exact):
    """The length, how far it is from float32's relative to that, and sums weighted by hashed numbers, whose differences
    tell the length of a difference."""
    flat = narrow.double().flatten()
    off = (narrow - exact).double().norm() / flat.norm()
    sums = [(flat * numbers(f"weights{i}", [flat.numel()])).sum() for i in range(16)]
    return rounded(torch.stack([flat.norm(), off] + sums), 5)


def record(name, module, *inputs, samples=160, label={"shape": [], "limit": 40}, forward=lambda m, x: m(x)):
    entry = {"name": name, "samples": samples, "inputs": list(inputs), "label": label,
             "loss": "softmaxCrossEntropy", "rate": 0.001, "losses": [], "narrowLosses": [], "buffers": {}}
    entry["tensors"] = {name: list(value.shape) for name, value in module.state_dict().items()}
    if isinstance(module, transformers.GPT2LMHeadModel):
        del entry["tensors"]["lm_head.weight"]  # the table of tokens again
    logits, gradients = run(module, entry, True, forward)
    exact, full = run(module, entry, False, forward)
    entry["logits"] = summary(logits, exact)
    entry["gradients"] = {key: summary(value, full[key]) for key, value in gradients.items()}
    cases.append(entry)
    print(name, "off float32 by", entry["logits"][1], {key: value[1] for key, value in entry["gradients"].items()})


row = {"shape": [48]}
record("linear", Between(nn.Identity()), row)
record("gelu", Between(nn.GELU()), row)
record("layerNorm", Between(nn.LayerNorm(96)), row)
record("rmsNorm", Between(nn.RMSNorm(96, eps=1e-5)), row)
record("batchNorm", Between(nn.BatchNorm1d(96), bias=False), row)
record("groupNorm", Between(nn.GroupNorm(8, 96)), row)
record("resampling", Resampled(16, 40), {"shape": [3, 12, 12]}, samples=32)
record("convolution", Pooled(16, 40), {"shape": [3, 12, 11]}, samples=32)
record("pooling", modules.Convolutional([16, 24], 24 * 2 * 2, [48, 40]), {"shape": [3, 15, 15]})
record("attention", Attention(13, 48, 2, 40), {"shape": [9], "limit": 13})
record("embedding", Words(13, 16, 6, 40), {"shape": [6], "limit": 13})
text = {"shape": [6], "limit": 13, "padded": True}
record("rnn", modules.Recurrent("RNN", 13, 48, 64, 40, 1, False, False), text)
record("lstm", modules.Recurrent("LSTM", 13, 48, 64, 40, 1, False, False), text)
record("gru", modules.Recurrent("GRU", 13, 48, 64, 40, 1, False, False), text)
# Whole transformers: residual streams of float32, parts of bfloat16.
words = {"shape": [12], "limit": 40}
size = dict(vocab_size=40, hidden_size=96, num_hidden_layers=2)
gpt = transformers.GPT2Config(vocab_size=40, n_positions=12, n_embd=96, n_layer=2, n_head=3, resid_pdrop=0, embd_pdrop=0,
                              attn_pdrop=0)
record("gpt", transformers.GPT2LMHeadModel(gpt), words, samples=32, label=words, forward=lambda m, x: m(x).logits)
llama = transformers.LlamaConfig(intermediate_size=128, num_attention_heads=6, num_key_value_heads=2, rms_norm_eps=1e-5,
                                 max_position_embeddings=12, tie_word_embeddings=False, **size)
record("llama", transformers.LlamaForCausalLM(llama), words, samples=32, label=words, forward=lambda m, x: m(x).logits)
bert = transformers.BertConfig(num_attention_heads=3, intermediate_size=128, max_position_embeddings=12, num_labels=40,
                               hidden_dropout_prob=0, attention_probs_dropout_prob=0, **size)
record("bertClassifier", transformers.BertForSequenceClassification(bert), words | {"padded": True}, samples=48,
       forward=lambda m, x: m(x, attention_mask=(x != 0).long()).logits)
record("translation", modules.Translation(40, 96, 3, 2, 128, True), words | {"padded": True},
       {"shape": [9], "limit": 40, "padded": True}, samples=48, label={"shape": [9], "limit": 40, "ignored": "input1"},
       forward=lambda m, x, y: m.translate(x, y))
write("bfloat16.json", {"cases": cases, "counts": {}})
