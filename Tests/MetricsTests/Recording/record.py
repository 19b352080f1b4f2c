"""Records scikit-learn's numbers for MetricsTests. Run: python record.py > recorded.json

Needs numpy, scipy and scikit-learn. Scores are rounded to few values, so that ties are plenty.
"""
import json
import warnings

import numpy as np
import sklearn
from scipy.special import softmax
from sklearn import metrics as m

warnings.simplefilter("ignore")


def scores_of(truth, predicted, class_count):
    labels = list(range(class_count))
    out = {}
    p, r, f, s = m.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    out["perClass"] = [[*map(float, row[:3]), int(row[3])] for row in zip(p, r, f, s)]
    for average in ("macro", "weighted"):
        p, r, f, _ = m.precision_recall_fscore_support(
            truth, predicted, labels=labels, average=average, zero_division=0)
        out[average] = [float(p), float(r), float(f)]
    out["accuracy"] = float(m.accuracy_score(truth, predicted))
    out["confusion"] = m.confusion_matrix(truth, predicted, labels=labels).flatten().tolist()
    return out


def report(truth, predicted, names):
    return m.classification_report(
        truth, predicted, labels=list(range(len(names))), target_names=names, digits=4, zero_division=0)


def classification(seed, count, class_count, names, decimals, absent=None):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, class_count, count)
    if absent is not None:
        truth[truth == absent] = 0
    logits = rng.normal(size=(count, class_count))
    logits[np.arange(count), truth] += 1.2
    logits = np.round(logits, decimals).astype(np.float32)
    predicted = logits.argmax(axis=1)
    case = scores_of(truth, predicted, class_count)
    probabilities = softmax(logits.astype(np.float64), axis=1)
    if absent is None:
        area = m.roc_auc_score(
            truth, probabilities if class_count > 2 else probabilities[:, 1], multi_class="ovr")
        case["auc"] = float(area)
    else:
        case["auc"] = None
    return dict(case, task="classification", classCount=class_count, names=names,
                scores=[float(x) for x in logits.flatten()], truth=truth.tolist(),
                report=report(truth, predicted, names))


def binary(seed, count, decimals, rate=0.4):
    rng = np.random.default_rng(seed)
    truth = (rng.random(count) < rate).astype(int)
    logits = np.round(rng.normal(size=count) + 1.1 * truth - 0.4, decimals).astype(np.float32)
    predicted = (logits > 0).astype(int)
    names = ["benign", "malignant"]
    case = scores_of(truth, predicted, 2)
    case["auc"] = float(m.roc_auc_score(truth, logits)) if len(set(truth.tolist())) == 2 else None
    return dict(case, task="binaryClassification", classCount=2, names=names,
                scores=[float(x) for x in logits], truth=truth.tolist(), report=report(truth, predicted, names))


def regression(seed, count, constant=False):
    rng = np.random.default_rng(seed)
    truth = (np.full(count, 2.5) if constant else rng.normal(size=count) * 30 + 100).astype(np.float32)
    guess = (truth + rng.normal(size=count) * 4).astype(np.float32)
    a, b = truth.astype(np.float64), guess.astype(np.float64)
    mse = m.mean_squared_error(a, b)
    return dict(task="regression", scores=[float(x) for x in guess], targets=[float(x) for x in truth],
                mse=float(mse), rmse=float(m.root_mean_squared_error(a, b)),
                mae=float(m.mean_absolute_error(a, b)), r2=float(m.r2_score(a, b)))


cases = [
    classification(1, 97, 3, ["setosa", "versicolor", "virginica"], 1),
    classification(2, 60, 5, ["a", "bb", "a name longer than the averages", "d", "é"], 0),
    classification(3, 40, 4, ["0", "1", "2", "3"], 2, absent=2),
    classification(4, 50, 2, ["no", "yes"], 1),
    binary(5, 120, 1),
    binary(6, 33, 0),
    binary(7, 20, 2, rate=0.0),
    regression(8, 75),
    regression(9, 10, constant=True),
]
print(json.dumps({"scikit-learn": sklearn.__version__, "cases": cases}, indent=1))
