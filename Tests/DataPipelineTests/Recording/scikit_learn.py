"""Records the numbers of FittedTableTests.swift with scikit-learn, printed as Swift literals.

Run: python -m venv v && v/bin/pip install scikit-learn && v/bin/python scikit_learn.py
"""

import sys
from pathlib import Path

import numpy
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

print("scikit-learn", __import__("sklearn").__version__, file=sys.stderr)


def show(name, values):
    print(f"// {name}\n[{', '.join(repr(float(value)) for value in values)}]")


cancer = load_breast_cancer().data
train = cancer[:400]
scaler = StandardScaler().fit(train)
show("standard mean, columns 0, 3, 29", scaler.mean_[[0, 3, 29]])
show("standard scale, columns 0, 3, 29", scaler.scale_[[0, 3, 29]])
show("standard, row 500, columns 0, 3, 29", scaler.transform(cancer[500:501])[0, [0, 3, 29]])
scaler = MinMaxScaler().fit(train)
show("minMax, row 500, columns 0, 3, 29", scaler.transform(cancer[500:501])[0, [0, 3, 29]])

# The table of FittedTableTests.gaps: the first five rows are fitted, all six are encoded.
nan = numpy.nan
gaps = numpy.array([[1, 10, 7], [nan, 20, 7], [4, nan, 7], [6, 10, 7], [9, 50, 7], [nan, nan, 8]], float)
for strategy in ["mean", "median", "most_frequent"]:
    pipeline = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler()).fit(gaps[:5])
    show(f"{strategy} fill", pipeline[0].statistics_)
    show(f"{strategy} center", pipeline[1].mean_)
    show(f"{strategy} scale", pipeline[1].scale_)
    show(f"{strategy} encoded row 5", pipeline.transform(gaps)[5])
