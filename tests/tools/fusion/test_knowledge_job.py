"""From the graph to a model folder that answers with it, and the rungs of descriptions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rdflib import Graph
from tuneos.memory.artifacts import ArtifactStore
from tuneos.memory.errors import StoreError
from tuneos.tools.datasets.splits import read_split
from tuneos.tools.deployment.model import load_model
from tuneos.tools.deployment.saved import read_card
from tuneos.tools.errors import ModelError
from tuneos.tools.facts import Candidate, DataVersion, Facts
from tuneos.tools.fusion import job
from tuneos.tools.fusion.domain import read_domain
from tuneos.tools.fusion.facts import DomainFacts
from tuneos.tools.fusion.files import read_files, write_domain
from tuneos.tools.fusion.fit import Fitted
from tuneos.tools.fusion.kept import keep_facts, labels_of, read_facts, said_of
from tuneos.tools.fusion.tool import chosen
from tuneos.tools.fusion.use import KNOWLEDGE, read_knowledge, write_knowledge
from tuneos.tools.jobs.spec import JobSpec
from tuneos.tools.tool import ToolRefused
from tuneos.tools.training import probe
from tuneos.tools.training.described import fit_drawn, label_texts
from tuneos.tools.training.linear import LinearHead

MakeJob = Callable[..., JobSpec]
TURTLE = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix d: <http://example.org/> .
d:food skos:prefLabel "food" ; skos:broader d:thing ; skos:definition "bread soup" .
d:animal skos:prefLabel "animal" ; skos:broader d:thing ; skos:definition "dog cat" .
d:thing skos:prefLabel "thing" .
"""


@pytest.fixture
def facts(tiny_rows: Path) -> DomainFacts:
    labels = labels_of(read_split(tiny_rows / "train.jsonl"))
    return read_domain(Graph().parse(data=TURTLE, format="turtle"), "text-classification", labels)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("knowledge")


@pytest.fixture
def tfidf(make_job: MakeJob, words: Path) -> Path:
    """The folder of a small model, made once."""
    if not (words / "tfidf_linear").exists():
        wanted = {"tfidf_linear": True, "frozen_linear": False}
        probe.run(make_job("probe", settings=wanted), words, lambda _: None)
    return words / "tfidf_linear"


def knowing(make_job: MakeJob, tfidf: Path, kept: tuple[str, Path]) -> JobSpec:
    digest, path = kept
    spec = make_job(
        "knowledge",
        models=(("tfidf_linear", str(tfidf)),),
        settings={"knowledge": digest, "folds": 3},
        space=({"setting": "taxonomy", "choices": (0.5, 1.0)},),
    )
    return spec.model_copy(update={"knowledge": str(path)})


def test_knowledge_that_does_not_pay_makes_no_candidate(
    make_job: MakeJob, tfidf: Path, facts: DomainFacts, tmp_path: Path
) -> None:
    spec = knowing(make_job, tfidf, keep_facts(ArtifactStore(tmp_path / "store"), facts))
    found = job.run(spec, tmp_path, lambda _: None)
    assert found.candidates == ()
    (use,) = found.knowledge
    assert (use.candidate, use.sources, use.used) == ("tfidf_linear", ["taxonomy"], False)
    assert not (tmp_path / "model").exists()


def test_knowledge_that_pays_is_saved_inside_the_model(
    make_job: MakeJob,
    tfidf: Path,
    facts: DomainFacts,
    tmp_path: Path,
    tiny_rows: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def paying(fitted: list[Fitted], metric: str) -> Fitted:
        return Fitted(fitted[0].use, {"taxonomy": 0.5}, fitted[0].stats)

    monkeypatch.setattr(job, "best_use", paying)
    spec = knowing(make_job, tfidf, keep_facts(ArtifactStore(tmp_path / "store"), facts))
    (candidate,) = job.run(spec, tmp_path, lambda _: None).candidates
    assert candidate.strategy == "knowledge"
    assert candidate.settings == {"of": "tfidf_linear", "strength of taxonomy": 0.5}
    model = load_model(tmp_path / "model")
    (answer, *_) = model.answers(read_split(tiny_rows / "validation.jsonl"))
    labels = model.card.labels
    if answer["label"] in facts.ancestors:
        assert [n["name"] for n in answer["path"]] == ["thing", answer["label"]]
    assert answer["_probabilities"].shape == (len(labels),)
    assert model.task.faults(model.card, read_split(tiny_rows / "validation.jsonl"), [answer]) == []


@pytest.mark.parametrize("change", ["strength", "broken"])
def test_changed_knowledge_is_refused(
    tfidf: Path, facts: DomainFacts, tmp_path: Path, change: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tfidf, folder)
    write_knowledge(folder, facts, {"taxonomy": 0.5})
    assert read_knowledge(folder) is not None
    path = folder / KNOWLEDGE
    text = path.read_text()
    said = json.loads(text)
    said["strengths"] = {"taxonomy": 2.0}
    path.write_text(json.dumps(said) if change == "strength" else text[:-20])
    with pytest.raises(ModelError, match=KNOWLEDGE):
        load_model(folder)


def test_model_without_knowledge_answers_as_before(tfidf: Path) -> None:
    assert read_knowledge(tfidf) is None
    assert read_card(tfidf).strategy == "tfidf_linear"


def test_facts_come_back_as_they_were_kept(facts: DomainFacts, tmp_path: Path) -> None:
    digest, path = keep_facts(ArtifactStore(tmp_path), facts)
    assert read_facts(path, digest) == facts
    with pytest.raises(StoreError, match="changed"):
        read_facts(path, "0" * 64)
    said = said_of(facts)
    assert said.matched == 2
    assert len(said.unmatched) == 1


@pytest.mark.usefixtures("float32")
def test_described_labels_make_two_rungs_on_request(
    make_job: MakeJob, facts: DomainFacts, tmp_path: Path
) -> None:
    digest, path = keep_facts(ArtifactStore(tmp_path / "store"), facts)
    settings = {"tfidf_linear": False, "label_descriptions": True, "knowledge": digest}
    spec = make_job("probe", settings=settings).model_copy(update={"knowledge": str(path)})
    found = probe.run(spec, tmp_path / "probes", lambda _: None).candidates
    names = [c.name for c in found]
    assert names == ["majority", "frozen_linear", "label_descriptions", "described_linear"]
    loaded = load_model(tmp_path / "probes" / "label_descriptions")
    assert loaded.card.encoder == "base"
    plain = probe.run(make_job("probe"), tmp_path / "plain", lambda _: None).candidates
    assert "label_descriptions" not in [c.name for c in plain]


def test_head_stays_at_its_start_without_trust_in_rows_and_leaves_it_with() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 4)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int64)
    start = LinearHead(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))
    near = fit_drawn(features, labels, start, strength=1e-5)
    assert np.abs(near.weight).max() < 0.01
    far = fit_drawn(features, labels, start, strength=10.0)
    assert (far.probabilities(features).argmax(1) == labels).mean() > 0.95


def test_label_texts_begin_with_the_name_in_words() -> None:
    assert label_texts(["card_arrival", "X"], {"X": ("the unknown",)}) == [
        ["card arrival"],
        ["x", "the unknown"],
    ]


def made(name: str, strategy: str, value: float) -> Candidate:
    scores = {"macro_f1": value}
    return Candidate(name=name, strategy=strategy, validation=scores, seconds=1, folder=name)


def test_knowledge_goes_to_the_best_candidate_that_has_none() -> None:
    version = DataVersion(key="k", name="as read", folder="f", train_rows=1, validation_rows=1)
    known = Facts(
        data=version,
        candidates=(
            made("majority", "majority", 0.9),
            made("full-1", "full", 0.7),
            made("lora-1", "lora", 0.8),
            made("knowledge-1", "knowledge", 0.85),
        ),
    )
    assert chosen(None, known, "macro_f1").name == "lora-1"
    assert chosen("full-1", known, "macro_f1").name == "full-1"
    with pytest.raises(ToolRefused, match="no candidate 'knowledge-1'"):
        chosen("knowledge-1", known, "macro_f1")
    with pytest.raises(ToolRefused, match="probe_baselines first"):
        chosen(None, Facts(data=version), "macro_f1")


def test_file_that_is_no_knowledge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text("this is not turtle")
    with pytest.raises(StoreError, match="urtle"):
        read_files([path])


def test_files_of_a_run_are_kept_as_one_graph(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    path.write_text(TURTLE)
    write_domain(tmp_path / "domain.nt", read_files([path]))
    assert len(Graph().parse(tmp_path / "domain.nt", format="nt")) == 7
