"""Weights and batches by an integer hash, so that both sides compute the same bits and recordings stay small: the same
arithmetic is in HashedNumbers.swift of the tests."""
import math

import torch


def words(name, count):
    """Word i of a name: i times the golden ratio plus the name's FNV-1a, mixed as MurmurHash3 ends."""
    key = 2166136261
    for byte in name.encode():
        key = (key ^ byte) * 16777619 % 2**32
    mask = 2**32 - 1
    x = (torch.arange(count, dtype=torch.int64) * 0x9E3779B9 + key) & mask
    x ^= x >> 16
    x = _product(x, 0x85EBCA6B)
    x ^= x >> 13
    x = _product(x, 0xC2B2AE35)
    return x ^ (x >> 16)


def _product(x, factor):
    """The low 32 bits, by halves, since 64 bits hold no product of two numbers of 32 without a sign."""
    low, high = x & 0xFFFF, x >> 16
    return (low * factor + ((high * factor & 0xFFFF) << 16)) & (2**32 - 1)


def numbers(name, shape):
    """Numbers in [-1, 1) of 24 bits, in float64."""
    return ((words(name, math.prod(shape)) >> 8).double() * 2.0**-23 - 1).reshape(shape)


def weight(name, shape):
    """A first value that keeps activations near one, rounded to float32: scales of norms around one, other vectors near
    zero, matrices by their inputs; running statistics as a fresh network has them."""
    if name.endswith("running_var"):
        return torch.ones(shape, dtype=torch.float64)
    if name.endswith("running_mean"):
        return torch.zeros(shape, dtype=torch.float64)
    u = numbers(name, shape)
    if len(shape) > 1:
        value = u * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        value = 1 + 0.2 * u
    else:
        value = 0.2 * u
    return value.float().double()


def lengths(name, samples, tokens):
    """How many tokens of each sample are no padding."""
    return tokens - words(name + "/length", samples) % 3


def field(name, step, samples, description):
    """A field of a step's batch: ids below `limit` (padded: from 1 on, up to two tokens shorter, then zeros), of which
    -100 where `ignored`, or numbers, of two outcomes where the field is `binary`."""
    name = f"{name}/{step}"
    shape = [samples] + description["shape"]
    if description.get("binary"):
        return (words(name, math.prod(shape)) & 1).double().reshape(shape)
    if "limit" not in description:
        return numbers(name, shape)
    first = 1 if description.get("padded") else 0
    ids = (first + words(name, math.prod(shape)) % (description["limit"] - first)).reshape(shape)
    if description.get("padded"):
        ids[torch.arange(shape[1])[None] >= lengths(name, samples, shape[1])[:, None]] = 0
    if description.get("ignored"):  # two of three labels, but never the first, and those of padding
        left_out = (words(name + "/ignored", math.prod(shape)) % 3 != 0).reshape(shape)
        left_out[:, 0] = False
        behind = f"{description['ignored']}/{step}"
        ids[left_out | (torch.arange(shape[1])[None] >= lengths(behind, samples, shape[1])[:, None])] = -100
    return ids
