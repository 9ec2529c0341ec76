"""Metrics computed a second way, apart from `measures`: the libraries and rules they come from.

Written from the scorers' descriptions, row by row and without numpy, so that a mistake is
not made twice. The benchmark of tasks and the tests compare the two.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Rows = Sequence[Mapping[str, Any]]  # of a test file, and the answers to them


def recompute(task: str, rows: Rows, answers: Rows) -> dict[str, float]:
    """Compute a task's metrics from its test file and what `tuneos predict` wrote.

    Returns:
        Metric -> value, as targets name them; {} where there is no second way: replies of
        dialogues are more than the file's rows, and programs have to be run.
    """
    if len(rows) != len(answers) or not rows:
        return {}
    if task == "text-classification":
        return classes([str(r["label"]) for r in rows], [a["label"] for a in answers])
    if task == "multi-label-classification":
        labels = sorted(answers[0]["scores"])
        return label_sets([r["labels"] for r in rows], [a["labels"] for a in answers], labels)
    if task == "token-classification":
        pairs = [_tags(row, answer) for row, answer in zip(rows, answers, strict=True)]
        return entities([true for true, _ in pairs], [given for _, given in pairs])
    if task == "relation-extraction":
        return semeval([r["label"] for r in rows], [a["label"] for a in answers])
    if task == "question-answering":
        golds = [[] if r.get("is_impossible") else r["answers"]["text"] for r in rows]
        return squad(golds, [a["answer"] for a in answers])
    if task == "multiple-choice":
        return {
            "accuracy": _share(
                str(r["label"]) == str(a["choice"]) for r, a in _pairs(rows, answers)
            )
        }
    if task == "translation":
        tokenize = "zh" if str(rows[0].get("target_lang")) == "zh" else "13a"
        return translation([[r["target"]] for r in rows], [a["text"] for a in answers], tokenize)
    if task == "summarisation":
        golds = [r.get("summaries") or [r["summary"]] for r in rows]
        return summaries(golds, [a["text"] for a in answers])
    if task == "reasoning":
        hits = (_number(r["answer"]) == _number(a["answer"]) for r, a in _pairs(rows, answers))
        return {"exact_match": _share(hits)}
    return {}


def semeval(true: Sequence[str], given: Sequence[str]) -> dict[str, float]:
    """Macro and micro F1 without Other, and accuracy, as SemEval-2010 Task 8's scorer says.

    Precision of a relation is over all answers that name it in either direction, recall
    over all rows that hold it in either direction; only relation and direction both
    right count.
    """
    relations = sorted({_bare(label) for label in true} - {"Other"})
    macro = []
    all_right = all_named = all_held = 0
    for relation in relations:
        right = sum(a == b and _bare(a) == relation for a, b in zip(true, given, strict=True))
        named = sum(_bare(b) == relation for b in given)
        held = sum(_bare(a) == relation for a in true)
        macro.append(_f1(right / named, right / held) if right else 0.0)
        all_right, all_named, all_held = all_right + right, all_named + named, all_held + held
    return {
        "macro_f1": sum(macro) / len(macro),
        "micro_f1": _f1(all_right / all_named, all_right / all_held) if all_right else 0.0,
        "accuracy": sum(a == b for a, b in zip(true, given, strict=True)) / len(true),
    }


def squad(golds: Sequence[Sequence[str]], answers: Sequence[str]) -> dict[str, float]:
    """Exact match and F1 of all, F1 of the unanswerable, as the SQuAD 2.0 script says."""
    exact, f1 = [], []
    for gold, answer in zip(golds, answers, strict=True):
        allowed = [g for g in gold if _answer_words(g)] or [""]
        exact.append(max(float(_answer_words(g) == _answer_words(answer)) for g in allowed))
        f1.append(max(_overlap(g, answer) for g in allowed))
    none = [score for gold, score in zip(golds, f1, strict=True) if not gold]
    scores = {"exact_match": sum(exact) / len(exact), "f1": sum(f1) / len(f1)}
    return scores | ({"no_answer_f1": sum(none) / len(none)} if none else {})


def entities(true: list[list[str]], given: list[list[str]]) -> dict[str, float]:
    """Strict F1 of entities, by seqeval."""
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    return {
        name: float(
            f1_score(true, given, average=average, mode="strict", scheme=IOB2, zero_division=0)
        )
        for name, average in (("f1", "micro"), ("macro_f1", "macro"))
    }


def translation(
    golds: Sequence[Sequence[str]], given: Sequence[str], tokenize: str = "13a"
) -> dict[str, float]:
    """BLEU and chrF of a corpus, by sacrebleu."""
    import sacrebleu

    most = max(map(len, golds))
    places = [[g[i] if i < len(g) else None for g in golds] for i in range(most)]
    return {
        "bleu": sacrebleu.corpus_bleu(given, places, tokenize=tokenize).score,  # type: ignore[arg-type]
        "chrf": sacrebleu.corpus_chrf(given, places).score,  # type: ignore[arg-type]
    }


def summaries(golds: Sequence[Sequence[str]], given: Sequence[str]) -> dict[str, float]:
    """F1 of ROUGE with the best reference, its mean over the rows, by rouge-score."""
    from rouge_score.rouge_scorer import RougeScorer

    names = ("rouge1", "rouge2", "rougeL")
    scorer = RougeScorer(list(names), use_stemmer=True)
    best: Counter[str] = Counter()
    for references, answer in zip(golds, given, strict=True):
        each = [scorer.score(reference, answer) for reference in references]
        for name in names:
            best[name] += max(s[name].fmeasure for s in each)
    return {name: best[name] / len(given) for name in names}


def label_sets(
    true: Sequence[Sequence[str]], given: Sequence[Sequence[str]], labels: Sequence[str]
) -> dict[str, float]:
    """F1 of sets of labels and exact match, by scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    sets = MultiLabelBinarizer(classes=list(labels)).fit([])
    a, b = sets.transform(true), sets.transform(given)
    scores = {
        f"{average}_f1": float(f1_score(a, b, average=average, zero_division=0))
        for average in ("macro", "micro", "weighted")
    }
    return scores | {"accuracy": float(accuracy_score(a, b))}


def classes(true: Sequence[str], given: Sequence[str]) -> dict[str, float]:
    """Accuracy, F1 and Matthews correlation of single labels, by scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    scores = {
        f"{average}_f1": float(f1_score(true, given, average=average, zero_division=0))
        for average in ("macro", "micro", "weighted")
    }
    scores["mcc"] = float(matthews_corrcoef(true, given))
    return scores | {"accuracy": float(accuracy_score(true, given))}


def _pairs(rows: Rows, answers: Rows) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return zip(rows, answers, strict=True)


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found)


def _number(text: object) -> Decimal | str:
    """Read a number as people write it, so that 1,000 is 1000.0."""
    plain = str(text).strip().replace(",", "").lstrip("$").rstrip(".%")
    try:
        return Decimal(plain).normalize()
    except InvalidOperation:
        return plain


def _tags(row: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """True and given BIO tags, of tokens joined by spaces or else of characters."""
    if "tokens" not in row:
        text = row["text"]
        units = [(i, i + 1) for i in range(len(text))]
        return _bio(units, row["spans"]), _bio(units, answer["spans"])
    units, start = [], 0
    for token in row["tokens"]:
        units.append((start, start + len(token)))
        start += len(token) + 1
    return list(row["tags"]), _bio(units, answer["spans"])


def _bio(units: Sequence[tuple[int, int]], spans: Rows) -> list[str]:
    tags = ["O"] * len(units)
    for span in spans:
        inside = [i for i, (a, b) in enumerate(units) if a >= span["start"] and b <= span["end"]]
        for i in inside:
            tags[i] = f"{'B' if i == inside[0] else 'I'}-{span['label']}"
    return tags


def _bare(label: str) -> str:
    return re.sub(r"\(e[12],e[12]\)$", "", label)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)


def _answer_words(text: str) -> list[str]:
    """Lower case, no punctuation, no articles."""
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    out, word = [], ""
    for c in [*kept, " "]:
        if c.isalnum() or c == "_":
            word += c
        else:
            out += [" " if word in ("a", "an", "the") else word, c]
            word = ""
    return "".join(out).split()


def _overlap(gold: str, answer: str) -> float:
    a, b = _answer_words(gold), _answer_words(answer)
    if not a or not b:
        return float(a == b)
    common = sum((Counter(a) & Counter(b)).values())
    return _f1(common / len(b), common / len(a)) if common else 0.0
