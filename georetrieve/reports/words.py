"""What the measures of a record are called in words."""

from __future__ import annotations

import re

__all__ = ["measure_words"]

_WORDS = {
    "nn_f1": "nn F1",
    "p_at_nr": "P@N_R",
    "p_at_nr_chance": "Chance",
    "nn_precision": "nn precision",
    "nn_recall": "nn recall",
    "pr_auc": "Area under precision–recall",
    "p_at_nr_class_balanced": "P@N_R, classes alike",
    "precision_at_1_class_balanced": "P@1, classes alike",
    "macro_f1": "Macro-F1",
    "f1": "F1",
    "balanced_accuracy": "Balanced accuracy",
    "mean_precision": "Mean precision",
    "log_loss": "Log loss (lower is better)",
    "mean_iou": "Mean IoU",
    "miou": "Mean IoU",
    "pixel_accuracy": "Pixel accuracy",
    "frequency_weighted_iou": "IoU weighted by frequency",
    "iou": "IoU",
    "iou_low": "IoU, low",
    "iou_high": "IoU, high",
    "iou_chance": "IoU by chance",
    "map": "mAP",
    "mean_average_precision": "mAP",
}
_PREFIXES = {
    "cosine": "by cosine",
    "stratified": "random split",
    "same_slices": "tested on what was trained on",
    "slice_blocks": "split by blocks of slices",
    "groups": "own group left out",
    "random": "random split",
    "group_out": "own group left out",
    "grouped": "split by group",
    "logistic": "logistic regression",
    "linear": "logistic regression",
    "centroid": "nearest class mean",
}


def measure_words(name: str) -> str:
    """``knn_5/macro_f1`` as people say it: "Macro-F1, k = 5"."""
    *prefixes, last = name.split("/")
    words = [_words(last), *map(_prefix, prefixes)]
    return ", ".join(words)


def _words(name: str) -> str:
    if name in _WORDS:
        return _WORDS[name]
    at = re.fullmatch(r"(precision|recall)_at_(\d+)", name)
    if at:
        return f"{'P' if at[1] == 'precision' else 'R'}@{at[2]}"
    iou = re.fullmatch(r"iou_(.+)", name)
    text = f"IoU of {iou[1]}" if iou else name
    text = text.replace("_", " ")
    return text[:1].upper() + text[1:]


def _prefix(name: str) -> str:
    k = re.fullmatch(r"(?:knn_?|k[_=]?)(\d+)", name)
    return f"k = {k[1]}" if k else _PREFIXES.get(name, name.replace("_", " "))
