"""Stories to report: a realistic run and its odd relatives, all made up, all deterministic."""

from __future__ import annotations

import random
from typing import Any

from tuneos.evals.result import (
    BaselineResult,
    CandidateResult,
    Comparison,
    Curve,
    CurvePoint,
    Finding,
    LabelResult,
    RunResult,
    RunStory,
    Spending,
    Step,
    TargetResult,
    TrialRecord,
    WrongAnswer,
)

LABELS = [
    "account_locked",
    "billing_question",
    "cancel_subscription",
    "change_address",
    "delivery_late",
    "feature_request",
    "password_reset",
    "refund_request",
    "technical_issue",
    "wrong_item",
]
HOSTILE = (
    "<script>alert(1)</script> ]]> <!-- &amp; \" ' $\\frac{1}{0}$ 漢字 "
    "\u202eevil\x00\x1b[31m {{ 7*7 }} http://evil.example/x.js"
)
CHOSEN = "lora r=32, trial 14"


def confusion(n: int, rows: int = 60, seed: int = 0) -> list[list[int]]:
    """Make a matrix with most of its weight on the diagonal."""
    rng = random.Random(seed)
    found = []
    for i in range(n):
        row = [0] * n
        for _ in range(max(4, rows - 4 * i)):
            row[i if rng.random() < 0.92 else rng.randrange(n)] += 1
        found.append(row)
    return found


def by_label(n: int, labels: list[str] = LABELS) -> list[LabelResult]:
    """Make figures that fall from label to label."""
    return [
        LabelResult(
            name=label, precision=0.97 - 0.4 * i / n, recall=0.95 - 0.5 * i / n,
            f1=0.96 - 0.45 * i / n, support=60 - 40 * i // n,
        )
        for i, label in enumerate(labels[:n])
    ]  # fmt: skip


def candidates() -> list[CandidateResult]:
    """Make six candidates, the kept one last but one."""
    scores = [
        ("frozen embeddings + head", "head", 0.872, 8.4),
        ("top 2 layers", "top_layers", 0.896, 41.0),
        ("lora r=16", "lora", 0.909, 96.2),
        ("lora r=16, masked and cleaned", "lora", 0.914, 93.7),
        (CHOSEN, "lora", 0.927, 121.5),
        ("full fine-tuning", "full", 0.921, 302.0),
    ]
    return [
        CandidateResult(
            name=name,
            strategy=strategy,
            validation={"macro_f1": f1, "accuracy": f1 + 0.012, "ece": 0.031},
            seconds=seconds,
            settings={"learning_rate": 0.001, "epochs": 4, "rank": 32, "class_weights": True},
            data="cleaned-1",
        )
        for name, strategy, f1, seconds in scores
    ]


def result(**changes: Any) -> RunResult:
    """Make the result of a run that met its target."""
    against_head = Comparison(
        against="the untuned model with a trained head",
        metric="macro_f1",
        difference=0.041,
        ci=(0.020, 0.062),
        p_value=0.001,
    )
    values: dict[str, Any] = {
        "run": "20261123-140210-tickets",
        "met": True,
        "stop_reason": "targets_met",
        "task": "text-classification",
        "controller": "planner",
        "base_model": "builtin:minilm",
        "targets": [
            TargetResult(
                metric="macro_f1",
                op=">=",
                value=0.9,
                validation=0.927,
                test=0.923,
                ci=(0.905, 0.939),
                met=True,
            ),
            TargetResult(
                metric="latency_p95_ms",
                op="<=",
                value=20,
                validation=11.8,
                test=12.4,
                ci=(11.9, 13.2),
                met=True,
            ),
        ],
        "baselines": [
            BaselineResult(name="majority class", test={"macro_f1": 0.034, "accuracy": 0.21}),
            BaselineResult(name="tf-idf + linear", test={"macro_f1": 0.861, "accuracy": 0.874}),
            BaselineResult(
                name="untuned model with a trained head",
                test={"macro_f1": 0.882, "accuracy": 0.893},
            ),
        ],
        "candidates": candidates(),
        "comparison": against_head,
        "comparisons": [
            against_head,
            Comparison(
                against="tf-idf + linear",
                metric="macro_f1",
                difference=0.062,
                ci=(0.041, 0.084),
                p_value=0.0005,
            ),
            Comparison(
                against="lora r=16",
                metric="macro_f1",
                difference=0.006,
                ci=(-0.008, 0.019),
                p_value=0.41,
            ),
        ],
        "budget": {
            "seconds": Spending(limit=1800, spent=684.2),
            "trials": Spending(limit=40, spent=20),
        },
        "chosen": CHOSEN,
        "test": {"macro_f1": 0.923, "accuracy": 0.931, "ece": 0.028, "latency_p95_ms": 12.4},
        "model": ".tuneos/runs/20261123-140210-tickets/model",
        "report": ".tuneos/runs/20261123-140210-tickets/report.html",
        "seed": 7,
        "data_hash": "sha256:9f2c1a7de0b84c55a1d3f6e27788c0de41b2a90f3c6d5e7f8091a2b3c4d5e6f7",
    }
    return RunResult(**{**values, **changes})


def steps() -> list[Step]:
    """Make eight steps, one of which failed."""
    rows: list[tuple[str, dict[str, object], str, str, bool, float]] = [
        ("inspect_dataset", {"split": "all"}, "Nothing is known of the data yet.",
         "3,000 rows, 10 labels, longest class 6 times the shortest; 41 duplicates, 7 rows leaked "
         "from train into test, 212 texts with personal data.", True, 1.9),
        ("clean_dataset", {"drop": ["duplicates", "leaks"]}, "Leaks flatter the test figures.",
         "Removed 41 duplicates and 7 leaked rows from train; test untouched.", True, 0.4),
        ("mask_personal_data", {"kinds": ["EMAIL", "PHONE", "IBAN"]},
         "212 texts hold personal data that must not be learned.",
         "Masked 239 spans in 212 texts.", True, 3.1),
        ("probe", {"methods": ["tfidf", "head"]}, "The cheapest that could work comes first.",
         "tf-idf + linear 0.861, frozen embeddings + head 0.872: short of 0.90.", True, 11.2),
        ("finetune", {"strategy": "full", "learning_rate": 0.01},
         "The gap is large enough for training.",
         "Loss became NaN at step 12; a learning rate of 0.01 is too high for full fine-tuning.",
         False, 6.0),
        ("finetune", {"strategy": "lora", "rank": 16},
         "LoRA changes less and has paid on this task before.",
         "macro F1 0.909 on validation, 0.009 above the target.", True, 96.2),
        ("search", {"trials": 20, "space": "lora"},
         "The gap to a safe margin is small: search rather than climb.",
         "20 trials, 5 pruned, 1 failed; best 0.927 with rank 32.", True, 548.0),
        ("evaluate", {"candidate": CHOSEN}, "Every target holds on validation.",
         "Targets hold on validation by 0.027.", True, 17.4),
    ]  # fmt: skip
    return [
        Step(number=i, tool=t, arguments=a, reason=r, summary=s, ok=ok, seconds=sec)
        for i, (t, a, r, s, ok, sec) in enumerate(rows, 1)
    ]


def curves() -> list[Curve]:
    """Make three learning curves."""
    rng = random.Random(1)
    found = []
    for name, top, speed in (
        ("lora r=16", 0.909, 70),
        (CHOSEN, 0.927, 55),
        ("full fine-tuning", 0.921, 90),
    ):
        points = []
        for step in range(20, 321, 20):
            fall = 2.3 * 2.718 ** (-step / speed) + 0.12 + rng.random() * 0.05
            score = top - 0.35 * 2.718 ** (-step / 50) if step % 80 == 0 else None
            points.append(CurvePoint(step=step, epoch=step / 80, loss=fall, validation=score))
        found.append(Curve(candidate=name, metric="macro_f1", points=points))
    return found


def trials() -> list[TrialRecord]:
    """Make twenty trials: pruned, failed and one far below all the others."""
    rng = random.Random(3)
    found = []
    for i in range(20):
        state = "pruned" if i in (4, 7, 11, 12, 17) else "failed" if i == 9 else "complete"
        value = (
            None if state == "failed" else 0.905 + 0.02 * rng.random() - 0.05 * (state == "pruned")
        )
        value = 0.31 if i == 2 else 0.927 if i == 14 else value
        found.append(
            TrialRecord(
                number=i,
                state=state,
                value=value,
                settings={
                    "rank": rng.choice([8, 16, 32]),
                    "learning_rate": 10 ** -rng.uniform(2.5, 4),
                },
                seconds=12 + 20 * rng.random(),
                note="out of memory at batch size 256" if state == "failed" else "",
            )
        )
    return found


def story(**changes: Any) -> RunStory:
    """Make the story of a realistic run."""
    values: dict[str, Any] = {
        "result": result(),
        "source": "tickets.csv",
        "started": "2026-11-23 14:02 UTC",
        "machine": "AMD EPYC 9354P, 2 cores, 8 GB, no accelerator",
        "versions": {"tuneos": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "peft": "0.21.0",
                     "transformers": "5.23.0", "optuna": "5.0.1"},
        "rows": {"train": 2100, "validation": 450, "test": 450},
        "labels": LABELS,
        "label_counts": {label: 520 - 48 * i for i, label in enumerate(LABELS)},
        "guesses": ["text column: message", "label column: intent", "task: text-classification"],
        "findings": [
            Finding(what="exact duplicates", count=41, action="removed from train, one copy kept"),
            Finding(what="rows of test also in train", count=7, action="removed from train",
                    examples=["train.csv row 17 = test.csv row 3"]),
            Finding(what="texts with personal data", count=212, action="masked before training",
                    examples=["Please write to <EMAIL> about my order"]),
            Finding(what="same text, different labels", count=12, action="reported, kept"),
            Finding(what="blank text", count=1, action="left out, listed in the log"),
        ],
        "steps": steps(),
        "curves": curves(),
        "trials": trials(),
        "confusion": confusion(10),
        "per_label": by_label(10),
        "worst": [
            WrongAnswer(place=f"test.csv row {31 + 7 * i}", text=text, label=LABELS[i],
                        predicted=LABELS[(i + 3) % 10], score=0.98 - 0.03 * i)
            for i, text in enumerate((
                "I was told my parcel would be here on Monday and I still have nothing, so please "
                "just give me back what I paid.",
                "cannot log in since you moved my account to the new plan",
                "Why is there a second charge of <AMOUNT> on my card <CARD>?",
                "the app closes whenever I open the invoice page",
                "you sent me the blue one",
            ))
        ],
        "notes": [
            "The label noise found (12 texts with two labels) caps what any model can reach.",
            "Latency was measured on this machine, one text at a time.",
        ],
        "command": "tuneos run tickets.csv --target 'macro_f1>=0.90' --target 'latency_p95_ms<=20' "
                   "--budget 30m --max-trials 40 --seed 7",
    }  # fmt: skip
    return RunStory(**{**values, **changes})


def not_met() -> RunStory:
    """Make a run that fell short by less than the test split can resolve."""
    target = TargetResult(
        metric="macro_f1", op=">=", value=0.93, validation=0.927, test=0.923, ci=(0.905, 0.939),
        met=False,
    )  # fmt: skip
    return story(result=result(met=False, stop_reason="budget_spent", targets=[target]))


def no_targets() -> RunStory:
    """Make a run without targets, hence without an interval."""
    return story(
        result=result(targets=[], stop_reason="no_targets", comparison=None, comparisons=[])
    )


def baselines_only() -> RunStory:
    """Make a run that never trained anything: most sections have no content."""
    bare = result(
        met=False,
        stop_reason="controller_finished",
        candidates=[],
        comparison=None,
        comparisons=[],
        chosen=None,
        test={},
        model=None,
        report=None,
        budget={},
        targets=[
            TargetResult(
                metric="macro_f1", op=">=", value=0.9, validation=None, test=None, ci=None,
                met=False,
            )
        ],
    )  # fmt: skip
    return story(
        result=bare, steps=[], curves=[], trials=[], confusion=[], worst=[], per_label=[], notes=[],
        findings=[], guesses=[], label_counts={}, versions={}, command="", rows={},
    )  # fmt: skip


def many_classes(n: int = 77) -> RunStory:
    """Make a run over more classes than a matrix can show."""
    labels = [f"intent_{i:02d}_" + "about_cards_and_payments"[: 4 + i % 20] for i in range(n)]
    return story(
        labels=labels,
        label_counts={label: 200 - 2 * i for i, label in enumerate(labels)},
        confusion=confusion(n, 340),
        per_label=by_label(n, labels),
    )


def entities() -> RunStory:
    """Make a run that looks for entities: no confusion, answers are spans."""
    types = ["location", "person", "creative-work"]
    test = {"f1": 0.412, "macro_f1": 0.33}
    base = result(
        task="token-classification",
        targets=[
            TargetResult(
                metric="f1", op=">=", value=0.35, validation=0.45, test=0.412, ci=(0.38, 0.45),
                met=True,
            )
        ],
        baselines=[BaselineResult(name="lexicon", test={"f1": 0.06})],
        comparison=None,
        comparisons=[],
        test=test,
    )  # fmt: skip
    return story(
        result=base, source="wnut17", labels=types, per_label_of="entity type", confusion=[],
        label_counts={}, per_label=by_label(3, types),
        worst=[
            WrongAnswer(place="test.jsonl row 4", text="seen in Sonmarg with Ana",
                        label="location: Sonmarg; person: Ana", predicted="", score=None)
        ],
    )  # fmt: skip


def translations() -> RunStory:
    """Make a run that translates: answers are texts, no labels."""
    against = Comparison(
        against="copy_source", metric="bleu", difference=8.41, ci=(7.2, 9.6), p_value=0.0005
    )
    base = result(
        task="translation",
        met=False,
        stop_reason="budget_spent",
        targets=[
            TargetResult(
                metric="bleu", op=">=", value=20, validation=9.1, test=8.67, ci=(7.5, 9.9),
                met=False,
            )
        ],
        baselines=[BaselineResult(name="copy_source", test={"bleu": 0.26, "chrf": 13.62})],
        candidates=[
            CandidateResult(
                name=CHOSEN, strategy="lora", validation={"bleu": 9.1, "chrf": 27.0}, seconds=300
            )
        ],
        comparison=against,
        comparisons=[against],
        test={"bleu": 8.67, "chrf": 26.4, "perplexity": 31.5, "nll": 3.45, "size_mb": 90.0},
    )  # fmt: skip
    rows = [
        WrongAnswer(place=f"test.jsonl row {i}", text="No one saw Tom take it.",
                    label="Es hat niemand gesehen, dass Tom es genommen hat.",
                    predicted="Niemand sah Tom." if i else "")
        for i in range(3)
    ]  # fmt: skip
    return story(
        result=base, source="tatoeba_en_de", labels=[], label_counts={}, confusion=[], per_label=[],
        worst=rows[:1], examples=rows, trials=[], curves=[], steps=[], findings=[],
        signatures={"bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
    )  # fmt: skip


def hostile() -> RunStory:
    """Make a run whose every text attacks the page."""
    labels = [HOSTILE + str(i) for i in range(9)] + ["x" * 5000]
    name = HOSTILE + " candidate"
    base = result()
    changed = [c.model_copy(update={"name": name}) for c in base.candidates[:1]] + base.candidates
    return story(
        result=result(
            candidates=changed,
            chosen=name,
            run=HOSTILE,
            controller=HOSTILE,
            base_model=HOSTILE,
            model="/tmp/" + HOSTILE,
            baselines=[BaselineResult(name="y" * 5000, test={"macro_f1": 0.8})],
        ),
        source=HOSTILE,
        machine=HOSTILE,
        versions={HOSTILE: HOSTILE},
        labels=labels,
        label_counts={label: 10 + i for i, label in enumerate(labels)},
        guesses=[HOSTILE],
        findings=[Finding(what=HOSTILE, count=1, action=HOSTILE, examples=[HOSTILE])],
        steps=[
            Step(number=1, tool=HOSTILE, arguments={HOSTILE: [HOSTILE]}, reason=HOSTILE,
                 summary="z" * 5000, ok=False, seconds=1.0)
        ],
        curves=[Curve(candidate=name, metric="macro_f1", points=curves()[0].points)],
        per_label=[LabelResult(name=HOSTILE, precision=0.5, recall=0.5, f1=0.5, support=9)] * 2,
        signatures={HOSTILE: HOSTILE},
        examples=[WrongAnswer(place=HOSTILE, text=HOSTILE, label=HOSTILE, predicted=HOSTILE)],
        worst=[WrongAnswer(place=HOSTILE, text=HOSTILE + "w" * 5000, label=labels[0],
                           predicted=labels[9], score=1.0)],
        notes=[HOSTILE],
        command=HOSTILE,
    )  # fmt: skip


EVERY = {
    "met": story,
    "not_met": not_met,
    "no_targets": no_targets,
    "baselines_only": baselines_only,
    "many_classes": many_classes,
    "entities": entities,
    "translations": translations,
    "hostile": hostile,
}
