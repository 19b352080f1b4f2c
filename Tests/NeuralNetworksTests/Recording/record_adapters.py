#!/usr/bin/env python3
"""Records a plain implementation of low-rank adapters in float64, for LowRankAdapterTests.swift.

Run: python3 record_adapters.py (PyTorch on the CPU); it writes ../Recorded/adapters.json.
"""
import torch
import torch.nn.functional as F

from recording import rounded, tensor, write

RANK, ALPHA = 2, 5.0
cases = []


def leaf(key, shape):
    return tensor(key, shape, 1.0, torch.float64).requires_grad_()


def adapted(x, weight, bias, down, up):
    """As Hugging Face's peft: result + lora_B(lora_A(x)) * (alpha / r)."""
    return F.linear(x, weight, bias) + F.linear(F.linear(x, down), up) * (ALPHA / RANK)


def record(name, output, leaves):
    """The loss is the output's sum weighted by numbers of key 9."""
    (output * tensor(9, output.shape, 1.0, torch.float64)).sum().backward()
    gradients = {key: rounded(value.grad) for key, value in leaves.items()}
    cases.append({"name": name, "output": rounded(output), "gradients": gradients})


x, weight, bias, down, up = leaf(1, (4, 3, 7)), leaf(2, (5, 7)), leaf(3, (5,)), leaf(4, (RANK, 7)), leaf(5, (5, RANK))
record("dense", F.gelu(adapted(x, weight, bias, down, up)),
       {"x": x, "weight": weight, "bias": bias, "lora_A.weight": down, "lora_B.weight": up})

# Attention of one sequence to another out of one adapted matrix of queries, keys and values, as
# torch.nn.MultiheadAttention holds it; and of a sequence to itself.
for name in ["across", "within"]:
    x, memory, weight, bias, down, up, out, shift = (
        leaf(1, (2, 3, 6)), leaf(2, (2, 4, 6)), leaf(3, (18, 6)), leaf(4, (18,)), leaf(5, (RANK, 6)), leaf(6, (18, RANK)),
        leaf(7, (6, 6)), leaf(8, (6,)))
    source = memory if name == "across" else x
    query = adapted(x, weight[:6], bias[:6], down, up[:6])
    key, value = (adapted(source, weight[r], bias[r], down, up[r]) for r in (slice(6, 12), slice(12, 18)))
    seen = F.scaled_dot_product_attention(*(t.unflatten(2, (2, 3)).transpose(1, 2) for t in (query, key, value)))
    record(name, F.linear(seen.transpose(1, 2).flatten(2), out, shift),
           {"x": x, "in_proj_weight": weight, "in_proj_bias": bias, "lora_A.weight": down, "lora_B.weight": up,
            "out_proj.weight": out, "out_proj.bias": shift})

write("adapters.json", {"cases": cases})
