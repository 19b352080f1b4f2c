#!/usr/bin/env python3
"""Records what scikit-learn's linear models reach, for BaselineTests.swift. Run: python3 record.py; it writes
recorded.json.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

rng = np.random.default_rng(4)


def rounded(array):
    return np.round(array, 5).astype(np.float32)


def classes(count, features, class_count):
    truth = np.concatenate([np.arange(class_count), rng.integers(0, class_count, count - class_count)])
    x = rounded(rng.normal(size=(count, features)) + rng.normal(size=(class_count, features))[truth])
    x[rng.random(x.shape) < 0.4] = 0
    model = LogisticRegression(tol=1e-10, max_iter=10_000).fit(x.astype(np.float64), truth)
    scores = model.decision_function(x.astype(np.float64))
    return {"classes": class_count, "features": x.tolist(), "labels": truth.tolist(),
            "scores": scores.flatten().tolist()}


def numbers(count, features):
    x = rounded(rng.normal(size=(count, features)))
    y = rounded(x @ rng.normal(size=features) + 40 + 0.3 * rng.normal(size=count))
    model = Ridge(tol=1e-12).fit(x.astype(np.float64), y.astype(np.float64))
    return {"features": x.tolist(), "targets": y.tolist(),
            "scores": model.predict(x.astype(np.float64)).tolist()}


TEXTS = ["The quick brown fox, it's 3.14 a_b", "A naïve café: Über-Straße 10km ½ x²", "don't stop e-mail I a to",
         "日本語 テキスト ok", "tab\tnew\nline  UPPER lower", "", "!!! ... 42", "re\u0301sume\u0301 hello_world __x"]
counter = CountVectorizer().fit(TEXTS)
pathlib.Path(__file__).with_name("recorded.json").write_text(json.dumps({
    "recordedWith": f"scikit-learn {sklearn.__version__}",
    "classifications": [classes(80, 5, 4), classes(60, 6, 2)], "regressions": [numbers(50, 4)],
    "texts": TEXTS, "words": [sorted(counter.build_analyzer()(text)) for text in TEXTS]}) + "\n")
