"""Writes interop.safetensors with the reference library. Run: python record.py

Needs numpy and safetensors. The numbers are repeated in SafetensorsInteropTests.swift.
"""
import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
        "layer.bias": np.array([1.5, -2.0], dtype=np.float64),
        "ids": np.array([[1, -2, 3]], dtype=np.int64),
        "counts": np.array([7, -8], dtype=np.int32),
        "bytes": np.array([1, 2, 255], dtype=np.uint8),
        "half": np.array([0.5, 65504], dtype=np.float16),
        "scalar": np.array(3.25, dtype=np.float32),
        "empty": np.zeros((0, 4), dtype=np.float32),
        "ünïcode \"quoted\"\n": np.array([9], dtype=np.float32),
    },
    "interop.safetensors",
    metadata={"format": "np", "note": "a \"quote\" and ü"},
)
