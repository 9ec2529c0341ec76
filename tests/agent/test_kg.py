"""`tuneos kg`: what a person brings is checked, loaded, asked for, drawn and written again."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import Result
from rdflib import Graph
from tuneos.agent.cli import app
from typer.testing import CliRunner

TABLE = "id,label,broader,definition,alt\ncard,Cards,,,\nlost,Lost card,card,Gone,stolen|missing\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kg")
    (folder / "labels.csv").write_text(TABLE)
    assert kg(folder, "load", str(folder / "labels.csv")).exit_code == 0
    return folder


def kg(folder: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["kg", command, *arguments, "--workspace", str(folder / "w")])


def test_query_answers_as_table_and_as_json(folder: Path) -> None:
    query = "SELECT ?l { ?c skos:broader ?b ; skos:prefLabel ?l }"
    shown = kg(folder, "query", query)
    assert "Lost card" in shown.output
    (folder / "q.rq").write_text(query)
    found = json.loads(kg(folder, "query", f"@{folder / 'q.rq'}", "--json").stdout)
    assert found == {
        "columns": ["l"], "rows": [{"l": "Lost card"}], "truncated": False, "remark": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query", "DROP ALL"), "DROP changes data"),
        (("query", "SELECT * { ?s a t:Strategi }"), "did you mean t:Strategy"),
        (("query", "@nowhere.rq"), "cannot be read"),
        (("show", "Lost crd"), "Near: Lost card"),
        (("show", "Lost card", "--out", "x.png"), ".svg or .html"),
        (("load", "nowhere.ttl"), "no such file"),
        (("load", "--remove", "other"), "there is labels"),
    ],
)
def test_mistake_is_one_line_and_exit_code_2(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = kg(folder, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_invalid_file_is_told_by_line_and_not_loaded(folder: Path) -> None:
    bad = folder / "bad.ttl"
    bad.write_text('<http://e/a>\n <http://www.w3.org/2004/02/skos/core#broader> "text" .\n')
    result = kg(folder, "load", str(bad))
    assert result.exit_code == 2
    assert f"{bad}:2: <http://e/a>: skos:broader must name" in result.output
    assert "http://e/a" not in kg(folder, "export").stdout


def test_what_was_loaded_is_written_and_read_again(folder: Path) -> None:
    before = Graph().parse(data=kg(folder, "export").stdout, format="turtle")
    assert len(before) == 10
    for form in ("nt", "xml", "jsonld"):
        suffix = {"xml": "rdf"}.get(form, form)
        path = folder / f"again.{suffix}"
        assert kg(folder, "export", "--format", form, "--output", str(path)).exit_code == 0
        assert kg(folder, "load", str(path), "--name", "labels").exit_code == 0
        after = Graph().parse(data=kg(folder, "export").stdout, format="turtle")
        assert set(after) == set(before)


def test_neighbourhood_is_drawn_in_one_file_that_fetches_nothing(folder: Path) -> None:
    for name in ("x.svg", "x.html"):
        assert kg(folder, "show", "Lost card", "--out", str(folder / name)).exit_code == 0
    drawn = (folder / "x.svg").read_text()
    ElementTree.fromstring(drawn)
    for part in ("Lost card", "Cards", "skos:broader", "skos:altLabel: stolen"):
        assert part in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace(
        "https://tuneos.org/domain/", ""
    )
    assert "<script" not in (folder / "x.html").read_text()
    assert "skos:broader" in kg(folder, "show", "Lost card").output


def test_hostile_label_stays_text_in_picture_and_table(folder: Path) -> None:
    bad = folder / "hostile.csv"
    bad.write_text('id,label\nx,"<script>alert(1)</script>\x1b[2J[red]"\n')
    assert kg(folder, "load", str(bad)).exit_code == 0
    kg(folder, "show", "https://tuneos.org/domain/x", "--out", str(folder / "h.svg"))
    assert "<script" not in (folder / "h.svg").read_text()
    ElementTree.fromstring((folder / "h.svg").read_text())
    shown = kg(folder, "query", "SELECT ?l { <https://tuneos.org/domain/x> skos:prefLabel ?l }")
    assert "\x1b" not in shown.output
    assert "[red]" in shown.output
    assert kg(folder, "load", "--remove", "hostile").exit_code == 0
