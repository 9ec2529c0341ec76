"""Generated text against sacrebleu and rouge-score, and what is counted by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sacrebleu
from tuneos.evals.benchmarks import references
from tuneos.evals.benchmarks.runs import DATA
from tuneos.evals.measures import bleu, chrf, distinct, rouge, score, tokens, value
from tuneos.evals.statistics import compare, interval

TATOEBA = DATA / "translation/tatoeba_en_de/test.jsonl"
SCITLDR = DATA / "summarisation/scitldr/test.jsonl"
WORDS = [
    *("the", "cat", "sat", "on", "a", "mat", ",", "while", "dogs", "(two)", "don't", "run"),
    *("3.5", "km/h", "over", "Łódź's", "bridge", "!"),
]


def texts(n: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """References, one to three each, and answers that share most words with the first."""
    rng = np.random.default_rng(seed)
    golds = [
        [" ".join(rng.choice(WORDS, rng.integers(2, 14))) for _ in range(rng.integers(1, 4))]
        for _ in range(n)
    ]
    given = [
        " ".join(w if rng.random() < 0.8 else str(rng.choice(WORDS)) for w in g[0].split())
        for g in golds
    ]
    given[0] = ""
    return golds, given


@pytest.mark.parametrize("seed", range(3))
def test_bleu_and_chrf_are_those_of_sacrebleu(seed: int) -> None:
    golds, given = texts(60, seed)
    found = score({"bleu": bleu.rows(golds, given), "chrf": chrf.rows(golds, given)})
    assert found == references.translation(golds, given)


def test_a_resample_is_the_corpus_score_of_the_rows_drawn() -> None:
    golds, given = texts(40, 0)
    rows = np.random.default_rng(1).integers(0, 40, 40)
    wanted = references.translation([golds[i] for i in rows], [given[i] for i in rows])
    assert bleu.over("bleu", bleu.rows(golds, given))(rows) == wanted["bleu"]
    assert chrf.over("chrf", chrf.rows(golds, given))(rows) == wanted["chrf"]


def test_answers_that_share_no_word_or_are_empty_score_0() -> None:
    for given in (["x y z w"], [""]):
        stats = {"bleu": bleu.rows([["a b c d"]], given), "chrf": chrf.rows([["a b c d"]], given)}
        assert score(stats) == {"bleu": 0, "chrf": 0}


@pytest.mark.parametrize(
    ("language", "wanted"),
    [("de", "13a"), ("", "13a"), ("zh", "zh"), ("zh-CN", "zh"), ("pt_BR", "13a"), ("th", "char")],
)
def test_the_tokeniser_follows_the_target_language(language: str, wanted: str) -> None:
    assert bleu.tokenizer(language) == wanted
    assert f"tok:{wanted}" in bleu.signature([["a"]], language=language)


def test_chinese_is_scored_by_its_own_tokeniser() -> None:
    golds, given = [["今天天气很好我们去公园"]], ["今天天气不好我们去公园"]
    found = value("bleu", {"bleu": bleu.rows(golds, given, language="zh")})
    assert found == sacrebleu.corpus_bleu(given, [golds[0]], tokenize="zh").score > 40
    assert value("bleu", {"bleu": bleu.rows(golds, given)}) == 0


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_japanese_and_korean_are_scored_whether_or_not_mecab_is_there(language: str) -> None:
    text = {"ja": "今日は天気がいいです", "ko": "오늘은 날씨가 좋습니다"}[language]
    assert value("bleu", {"bleu": bleu.rows([[text]], [text], language=language)}) == pytest.approx(
        100
    )
    assert f"tok:{bleu.tokenizer(language)}" in bleu.signature([[text]], language=language)


def test_signatures_say_how_many_references_there_were() -> None:
    assert bleu.signature([["a"], ["b"]]).startswith(
        "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|"
    )
    assert chrf.signature([["a", "b"]]).startswith("nrefs:2|case:mixed|eff:yes|nc:6|nw:0|")
    assert bleu.signature([["a", "b"], ["c"]]).startswith("nrefs:var|")


@pytest.mark.skipif(not TATOEBA.exists(), reason=f"{TATOEBA} is not on this machine")
def test_real_translations_agree_with_sacrebleu_to_the_last_digit() -> None:
    with TATOEBA.open(encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    golds = [[p["target"]] for p in pairs]
    rng = np.random.default_rng(0)
    given = [p["target"] if rng.random() < 0.3 else p["source"] for p in pairs]
    stats = {"bleu": bleu.rows(golds, given), "chrf": chrf.rows(golds, given)}
    found = score(stats)
    assert found == references.translation(golds, given)
    copied = [p["source"] for p in pairs]
    weak = {"bleu": bleu.rows(golds, copied), "chrf": chrf.rows(golds, copied)}
    for metric in found:
        low, high = interval(metric, stats, seed=0)
        assert low < found[metric] < high
        assert compare(metric, stats, weak, seed=0).low > 0


def test_rouge_is_the_mean_of_the_best_reference() -> None:
    golds, given = texts(50, 0)
    plain = [[g.replace("Łódź's", "lodz") for g in row] for row in golds]
    found = score({"rouge": rouge.rows(plain, given)})
    assert rouge.scheme(plain) == "english, stemmed"
    assert found == pytest.approx(references.summaries(plain, given), abs=1e-12)


@pytest.mark.parametrize("gold", ["Кошка сидит на ковре", "高速列车很快", "Größere Häuser"])
def test_rouge_reads_words_of_any_script(gold: str) -> None:
    assert rouge.scheme([[gold]]) == "any script"
    assert rouge.rows([[gold]], [gold])[0] == pytest.approx([1, 1, 1])


@pytest.mark.skipif(not SCITLDR.exists(), reason=f"{SCITLDR} is not on this machine")
def test_real_summaries_agree_with_rouge_score_to_the_last_digit() -> None:
    with SCITLDR.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:150]
    golds = [row.get("summaries") or [row["summary"]] for row in rows]
    lead = [row["source"].split(". ")[0] for row in rows]
    assert rouge.scheme(golds) == "english, stemmed"
    found, wanted = score({"rouge": rouge.rows(golds, lead)}), references.summaries(golds, lead)
    assert {k: f"{v:.6f}" for k, v in found.items()} == {k: f"{v:.6f}" for k, v in wanted.items()}


def test_distinct_counts_words_and_pairs_of_all_answers() -> None:
    stats = distinct.rows(["The cat the cat", "the dog", "", "cat"])
    found = score({"distinct": stats})
    assert found == pytest.approx({"distinct_1": 3 / 7, "distinct_2": 3 / 4})  # pairs: tc ct tc td
    assert distinct.over("distinct_2", stats)(np.array([1, 1])) == 0.5
    assert score({"distinct": distinct.rows(["", ""])}) == {}


def test_answers_of_unlike_length_are_compared_for_variety() -> None:
    dull = {"distinct": distinct.rows(["yes"] * 40)}
    rng = np.random.default_rng(0)
    lively = {
        "distinct": distinct.rows(
            [" ".join(map(str, rng.integers(0, 99, 9)))] * 1
            + [" ".join(map(str, rng.integers(0, 99, 9))) for _ in range(39)]
        )
    }
    assert compare("distinct_1", lively, dull, seed=0).low > 0
    assert compare("distinct_1", dull, lively, seed=0).high < 0


def test_likelihood_is_a_mean_over_tokens() -> None:
    found = score({"tokens": tokens.rows([4.0, 2.0], [3, 1])})
    assert found == pytest.approx({"nll": 1.5, "perplexity": math.exp(1.5)})
    assert score({"tokens": tokens.rows([9e9], [1])})["perplexity"] < math.inf
