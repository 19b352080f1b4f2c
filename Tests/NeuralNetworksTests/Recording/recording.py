"""What the recording scripts share: numbers by formula, so that both sides compute the same inputs and weights."""
import json
import math
import pathlib

import torch

torch.set_num_threads(1)
torch.manual_seed(0)  # nothing below draws random numbers; this keeps it so by accident too


def number(key, index):
    """A number in [-1, 1): the same formula is in RecordedNumbers.swift of the tests."""
    wave = math.sin(index * 12.9898 + key * 78.233) * 43758.5453
    return (wave - math.floor(wave)) * 2 - 1


def tensor(key, shape, scale=1.0, dtype=torch.float32):
    count = math.prod(shape)
    values = [number(key, i) * scale for i in range(count)]
    # Through float32, so that float64 recordings start from what the engine holds.
    return torch.tensor(values, dtype=torch.float64).to(torch.float32).to(dtype).reshape(shape)


def rounded(values, digits=9):
    return [float(f"%.{digits}g" % v) for v in values.detach().flatten().tolist()]


def write(name, contents):
    path = pathlib.Path(__file__).parent.parent / "Recorded" / name
    contents = {"recordedWith": f"torch {torch.__version__.split('+')[0]}", **contents}
    path.write_text(json.dumps(contents, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    print(path.name, path.stat().st_size, "bytes")
