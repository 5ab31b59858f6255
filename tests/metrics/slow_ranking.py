"""The benchmark's definitions written down as plainly as possible: the oracle of these tests."""

import numpy as np


def slow_ranking(vectors, labels, ks, groups=None):
    """P@N_R, P@k and R@k of each query, one full stable argsort at a time."""
    vectors = np.asarray(vectors, dtype=np.float64)
    at_nr, precision, recall = [], [], []
    for i in range(len(labels)):
        distance = np.sqrt(((vectors - vectors[i]) ** 2).sum(axis=1)).astype(np.float32)
        allowed = [
            j
            for j in np.argsort(distance, kind="stable")
            if j != i and (groups is None or groups[i] < 0 or groups[j] != groups[i])
        ]
        right = [labels[j] == labels[i] for j in allowed]
        to_find = sum(right)
        at_nr.append(sum(right[:to_find]) / to_find if to_find else np.nan)
        precision.append([sum(right[:k]) / k for k in ks])
        recall.append([sum(right[:k]) / to_find if to_find else np.nan for k in ks])
    return np.array(at_nr), np.array(precision), np.array(recall)
