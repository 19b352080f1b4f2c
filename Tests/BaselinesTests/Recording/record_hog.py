#!/usr/bin/env python3
"""Tells what scikit-image's histograms of gradients and scikit-learn's logistic regression reach on a folder of classes,
on the same test pictures as a run of Lockstep: the figure that README.md sets beside `train --baseline`.

    pip install scikit-image==0.26.0 scikit-learn==1.9.1 pillow
    python record_hog.py FOLDER RUN [SIDE]

FOLDER holds a folder a class; RUN/predictions.safetensors names the test pictures by a hash of their last two path
parts (FNV-1a). All other pictures train: give the run `data.split={train: 0.9, validation: 0, test: 0.1}`.
"""
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression


def identity(path):
    value = 0xCBF29CE484222325
    for byte in "/".join(path.parts[-2:]).encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def tested(run):
    data = (Path(run) / "predictions.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    start, end = json.loads(data[8:8 + length])["samples"]["data_offsets"]
    return set(np.frombuffer(data[8 + length + start:8 + length + end], "<u8").tolist())


def features(path, side):
    picture = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BOX)
    grey = np.asarray(picture, np.float32).mean(axis=2) / 255
    return hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2")


def main():
    folder, run, side = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 64
    paths = sorted(p for p in folder.glob("*/*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    test = tested(run)
    is_test = np.array([identity(p) in test for p in paths])
    assert is_test.sum() == len(test), "the run has seen other pictures"
    start = time.time()
    rows = np.stack([features(p, side) for p in paths])
    labels = np.array([p.parent.name for p in paths])
    model = LogisticRegression(max_iter=1000).fit(rows[~is_test], labels[~is_test])
    accuracy = model.score(rows[is_test], labels[is_test])
    print(f"{rows.shape[1]} features, {(~is_test).sum()} train, {is_test.sum()} test: "
          f"accuracy {accuracy:.4f}, {time.time() - start:.1f} s")


main()
