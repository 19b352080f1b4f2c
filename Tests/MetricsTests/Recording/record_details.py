#!/usr/bin/env python3
"""Records ROC curves, areas by class and errors of regressions of scikit-learn, and the paired bootstrap of numpy and
scipy, for EvaluationDetailsTests.swift and PairedBootstrapTests.swift.

Run: python3 record_details.py (scikit-learn, scipy, numpy); it writes details.json and bootstrap.json.
"""
import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy.special import softmax
from scipy.stats import bootstrap
from sklearn import metrics as m

rng = np.random.default_rng(21)


def classes(count, class_count, decimals):
    truth = rng.integers(0, class_count, count)
    logits = np.round(rng.normal(size=(count, class_count)) + 1.3 * np.eye(class_count)[truth], decimals)
    return truth, logits.astype(np.float32)


def curves(truth, logits):
    class_count = logits.shape[1] if logits.ndim == 2 else 2
    exact = logits.astype(np.float64)
    if logits.ndim == 2:
        probabilities = softmax(exact, axis=1)
    else:
        positive = 1 / (1 + np.exp(-exact))
        probabilities = np.column_stack([1 - positive, positive])
    result = []
    for label in range(class_count):
        positive, scores = truth == label, probabilities[:, label]
        fpr, tpr, thresholds = m.roc_curve(positive, scores)
        result.append({
            "auc": m.roc_auc_score(positive, scores), "average": m.average_precision_score(positive, scores),
            "falsePositiveRate": fpr.tolist(), "truePositiveRate": tpr.tolist(),
            "thresholds": thresholds[1:].tolist()})
    predicted = probabilities.argmax(axis=1) if logits.ndim == 2 else (exact > 0).astype(int)
    wrong = np.flatnonzero(predicted != truth)
    order = sorted(wrong, key=lambda i: (-probabilities[i, predicted[i]], i))[:5]
    return {"classes": class_count, "logits": logits.flatten().tolist(), "labels": truth.tolist(), "curves": result,
            "mistakes": [[int(i), int(truth[i]), int(predicted[i]), float(probabilities[i, predicted[i]])]
                         for i in order]}


def regression(count):
    truth = (rng.normal(size=count) * 30 + 100).astype(np.float32)
    guess = (truth + rng.normal(size=count) * 4 + 1).astype(np.float32)
    a, b = truth.astype(np.float64), guess.astype(np.float64)
    return {"scores": guess.tolist(), "targets": truth.tolist(), "maximum": m.max_error(a, b),
            "median": m.median_absolute_error(a, b), "percentage": m.mean_absolute_percentage_error(a, b),
            "explained": m.explained_variance_score(a, b)}


def value(name, truth, logits):
    if name == "accuracy":
        return np.mean(logits.argmax(1) == truth)
    if name == "macroF1":
        return m.f1_score(truth, logits.argmax(1), average="macro", labels=range(logits.shape[1]), zero_division=0)
    if name == "auc":
        return m.roc_auc_score(truth, softmax(logits.astype(np.float64), axis=1), multi_class="ovr")
    return m.log_loss(truth, softmax(logits.astype(np.float64), axis=1), labels=range(logits.shape[1]))


def resampled(name, truth, one, other, draws):
    count = len(truth)
    pairs = []
    for _ in range(draws):
        index = rng.integers(0, count, count)
        pairs.append([value(name, truth[index], one[index]), value(name, truth[index], other[index])])
    pairs = np.array(pairs)
    observed = value(name, truth, one) - value(name, truth, other)
    differences = pairs[:, 0] - pairs[:, 1]
    extreme = np.abs(differences - differences.mean()) >= abs(observed) * (1 - 1e-12)
    return {"metric": name, "values": [value(name, truth, one), value(name, truth, other)],
            "low": np.percentile(pairs, 2.5, axis=0).tolist(), "high": np.percentile(pairs, 97.5, axis=0).tolist(),
            "p": (1 + int(extreme.sum())) / (draws + 1)}


details = [curves(*classes(90, 4, 1)), curves(*classes(40, 3, 0))]
truth = (rng.random(70) < 0.4).astype(int)
details.append(curves(truth, np.round(rng.normal(size=70) + 1.1 * truth, 1).astype(np.float32)))
folder = pathlib.Path(__file__).parent
(folder / "details.json").write_text(json.dumps(
    {"recordedWith": f"scikit-learn {sklearn.__version__}", "cases": details,
     "regressions": [regression(41), regression(8)]}) + "\n")

truth, one = classes(300, 3, 1)
other = np.round(0.75 * one + 0.6 * rng.normal(size=one.shape), 1).astype(np.float32)
cases = [resampled(name, truth, one, other, 10_000 if name in ("accuracy", "loss") else 2_000)
         for name in ("accuracy", "loss", "macroF1", "auc")]
right = (one.argmax(1) == truth).astype(float)
by_scipy = bootstrap((right,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(1))
cases[0]["scipy"] = [float(by_scipy.confidence_interval.low), float(by_scipy.confidence_interval.high)]
(folder / "bootstrap.json").write_text(json.dumps(
    {"recordedWith": f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
     "labels": truth.tolist(), "one": one.flatten().tolist(), "other": other.flatten().tolist(),
     "cases": cases}) + "\n")
