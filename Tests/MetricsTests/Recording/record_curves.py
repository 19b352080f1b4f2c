#!/usr/bin/env python3
"""Records precision-recall curves and top-k accuracy of scikit-learn, and calibration by its definition in numpy, for
ClassificationCurvesTests.swift.

Run: python3 record_curves.py (scikit-learn, numpy); it writes curves.json.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn import metrics

rng = np.random.default_rng(11)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def calibration(probabilities, labels, bins):
    """Guo et al. 2017: samples with confidence in (i / bins, (i + 1) / bins]."""
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    gaps = []
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins)
        if inside.any():
            gaps.append((inside.mean(), abs((predicted[inside] == labels[inside]).mean() - confidence[inside].mean())))
    return sum(share * gap for share, gap in gaps), max(gap for _, gap in gaps)


def record(name, logits, labels, classes):
    logits = logits.astype(np.float32)
    exact = logits.astype(np.float64)
    probabilities = softmax(exact) if classes > 2 else 1 / (1 + np.exp(-exact))
    full = probabilities if classes > 2 else np.column_stack([1 - probabilities, probabilities])
    curve = metrics.precision_recall_curve(labels == 1, full[:, 1])
    expected, maximum = calibration(full, labels, 15)
    top = [metrics.top_k_accuracy_score(labels, exact, k=k, labels=range(classes)) for k in (1, 2, 3)] \
        if classes > 2 else None
    return {"name": name, "classes": classes, "logits": logits.flatten().tolist(), "labels": labels.tolist(),
            "precision": curve[0].tolist(), "recall": curve[1].tolist(), "thresholds": curve[2].tolist(),
            "average": metrics.average_precision_score(labels == 1, full[:, 1]), "expected": expected,
            "maximum": maximum, "top": top}


many = rng.integers(0, 5, 83)
logits = rng.normal(size=(83, 5)) + 1.5 * np.eye(5)[many]
two = rng.integers(0, 2, 61)
# Rounded, so that scores tie.
binary = np.round(rng.normal(size=61) + two, 1)
cases = [record("five classes", logits, many, 5), record("binary with ties", binary, two, 2)]
path = pathlib.Path(__file__).parent / "curves.json"
path.write_text(json.dumps({"recordedWith": f"scikit-learn {sklearn.__version__}", "cases": cases}) + "\n")
print(path.name, path.stat().st_size, "bytes")
