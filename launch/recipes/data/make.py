"""Writes breast-cancer.csv and iris.csv, from the copies that scikit-learn carries.

Run: python -m venv v && v/bin/pip install scikit-learn && v/bin/python make.py
The numbers are written in their shortest form that reads back as the same float64, in scikit-learn's row order.
"""

import csv
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_iris

FOLDER = Path(__file__).parent


def write(name, data, label):
    """One row a sample: the features, then the class by name."""
    with open(FOLDER / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [feature.removesuffix(" (cm)") for feature in data.feature_names]
        writer.writerow([*names, label])
        for features, target in zip(data.data.tolist(), data.target.tolist()):
            writer.writerow([*features, data.target_names[target]])


write("breast-cancer.csv", load_breast_cancer(), "diagnosis")
write("iris.csv", load_iris(), "species")
