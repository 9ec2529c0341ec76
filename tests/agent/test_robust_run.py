"""A run whose target is that answers bear rows written otherwise, from data to report."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import PROBE, Ran, run_scripted
from tuneos.agent.plan import plan_run
from tuneos.agent.spec import SpecError, make_spec
from tuneos.evals.measures.robust import PERTURBATIONS


@pytest.fixture(scope="module")
def robust(tickets: Path, workspace: Path) -> Ran:
    return run_scripted([PROBE], tickets, workspace, targets=["robust_accuracy>=0.01"])


def test_robustness_is_measured_on_validation_and_confirmed_on_test(robust: Ran) -> None:
    (target,) = robust.result.targets
    assert robust.result.met
    assert target.validation is not None
    assert target.test is not None
    assert target.ci is not None
    assert target.ci[0] <= target.test <= target.ci[1]
    (found,) = robust.result.robustness
    assert [s.name for s in found.under] == ["original", *PERTURBATIONS]
    assert found.robust_accuracy.value == target.test <= found.under[0].value
    assert found.attack is None, "words alone give no gradients"
    assert any(c.metric == "macro_f1" for c in robust.result.comparisons)
    page = Path(str(robust.result.report)).read_text(encoding="utf-8")
    assert 'id="robustness"' in page


def test_run_without_the_target_measures_none_of_it(met: Ran) -> None:
    assert met.result.robustness == []
    assert not any("robust_accuracy" in c.validation for c in met.result.candidates)
    page = Path(str(met.result.report)).read_text(encoding="utf-8")
    assert 'id="robustness"' not in page


def test_scores_of_pairs_are_neither_right_nor_wrong(tmp_path: Path) -> None:
    rows = [f"a text {i},another {i},{i % 5 + 0.5}" for i in range(40)]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["first,second,score", *rows]), encoding="utf-8")
    asked = {"data": str(path), "targets": ["robust_accuracy>=0.5"], "workspace": str(tmp_path)}
    spec = make_spec(asked, "test")
    with pytest.raises(SpecError, match="does not measure robust_accuracy"):
        plan_run(spec)
