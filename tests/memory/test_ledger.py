"""Runs, budgets and jobs, from one process and from several."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tuneos.memory.errors import StoreError
from tuneos.memory.ledger import BudgetSpent, Ledger, Spent


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def elsewhere(path: Path, code: str) -> subprocess.Popen[str]:
    """Run code with a ledger `l` in another process."""
    head = (
        "from pathlib import Path\nfrom tuneos.memory.ledger import *\n"
        f"l = Ledger(Path({str(path)!r}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_run_goes_from_started_to_finished(ledger: Ledger) -> None:
    ledger.start_run("a", {"data": "x.csv", "seed": 1})
    row = ledger.run("a")
    assert (row.status, row.ended, row.result) == ("running", None, None)
    ledger.set_status("a", "finished", {"met": True})
    row = ledger.run("a")
    assert (row.status, row.spec["seed"], row.result) == ("finished", 1, {"met": True})
    assert row.ended is not None


def test_status_without_result_keeps_the_result(ledger: Ledger) -> None:
    ledger.start_run("a", {})
    ledger.set_status("a", "interrupted", {"best": 0.9})
    ledger.set_status("a", "running")
    row = ledger.run("a")
    assert (row.status, row.result, row.ended) == ("running", {"best": 0.9}, None)


def test_runs_come_newest_first(ledger: Ledger) -> None:
    for name in "abc":
        ledger.start_run(name, {})
    assert [row.run for row in ledger.runs()] == ["c", "b", "a"]


def test_starting_a_run_twice_needs_the_same_spec(ledger: Ledger) -> None:
    ledger.start_run("a", {"x": 1, "y": 2})
    ledger.start_run("a", {"y": 2, "x": 1})
    with pytest.raises(StoreError, match="other settings"):
        ledger.start_run("a", {"x": 2})
    assert len(ledger.runs()) == 1


def test_unknown_run_is_refused(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="no run 'b'"):
        ledger.run("b")
    with pytest.raises(StoreError, match="no run 'b'"):
        ledger.set_status("b", "finished")


def test_run_whose_process_was_killed_shows_as_interrupted(ledger: Ledger, tmp_path: Path) -> None:
    child = elsewhere(
        tmp_path / "ledger.sqlite",
        "l.start_run('a', {})\nprint('up', flush=True)\nimport time; time.sleep(60)",
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    assert ledger.run("a").status == "running"
    child.kill()
    child.communicate()
    assert ledger.run("a").status == "interrupted"


def test_reservation_is_refused_when_the_budget_does_not_cover_it(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 100)
    ledger.charge("a", "seconds", 30)
    ledger.reserve("a", "seconds", 50)
    with pytest.raises(BudgetSpent, match="21 seconds asked, 20 of 100 left") as caught:
        ledger.reserve("a", "seconds", 21)
    assert (caught.value.resource, caught.value.left) == ("seconds", 20)
    ledger.reserve("a", "seconds", 20)


def test_settling_gives_back_what_was_not_spent(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 100)
    number = ledger.reserve("a", "seconds", 80)
    assert ledger.spending("a") == {"seconds": Spent(100, 0, 80)}
    ledger.settle(number, 25)
    assert ledger.spending("a") == {"seconds": Spent(100, 25, 0)}
    assert (ledger.left("a", "seconds"), ledger.left("a", "tokens")) == (75, None)


def test_settling_twice_counts_once(ledger: Ledger) -> None:
    number = ledger.reserve("a", "seconds", 80)
    ledger.settle(number, 25)
    ledger.settle(number, 25)
    assert ledger.spending("a")["seconds"].spent == 25


def test_overspending_is_booked_and_stops_the_next_step(ledger: Ledger) -> None:
    ledger.set_limit("a", "trials", 2)
    ledger.settle(ledger.reserve("a", "trials", 2), 3)
    with pytest.raises(BudgetSpent, match="0 of 2 left"):
        ledger.reserve("a", "trials", 1)


def test_without_limit_everything_may_be_reserved(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 1)
    ledger.set_limit("a", "seconds", None)
    ledger.reserve("a", "seconds", 1e9)
    ledger.reserve("a", "trials", 1e9)


def test_budgets_of_runs_do_not_mix(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 1)
    ledger.charge("b", "seconds", 5)
    ledger.reserve("a", "seconds", 1)
    assert ledger.spending("b") == {"seconds": Spent(None, 5, 0)}


def test_sums_of_fractions_reach_the_limit(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 1.0)
    for _ in range(10):
        ledger.reserve("a", "seconds", 0.1)


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_impossible_amounts_are_programming_errors(ledger: Ledger, amount: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        ledger.reserve("a", "seconds", amount)


def test_resume_releases_reservations_of_dead_processes(ledger: Ledger, tmp_path: Path) -> None:
    code = (
        "import os\nn = l.reserve('a', 'seconds', 50)\nl.note_spent(n, 12)\n"
        "l.reserve('b', 'seconds', 9)\nos._exit(9)"
    )
    elsewhere(tmp_path / "ledger.sqlite", code).communicate()
    mine = ledger.reserve("a", "seconds", 7)
    assert ledger.release_open("a") == 1
    assert ledger.spending("a")["seconds"] == Spent(None, 12, 7)
    assert ledger.spending("b")["seconds"].reserved == 9
    assert ledger.release_open("a", include_own=True) == 1
    ledger.settle(mine, 7)
    assert ledger.spending("a")["seconds"] == Spent(None, 12, 0)


def test_processes_together_never_reserve_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (
        "import sys\nl.set_limit('a', 'trials', 25)\nwon = 0\n"
        "for _ in range(20):\n"
        "    try:\n        l.reserve('a', 'trials', 1); won += 1\n"
        "    except BudgetSpent: pass\n"
        "print(won); sys.stdout.flush()"
    )
    # All make the file at once as well.
    children = [elsewhere(path, code) for _ in range(4)]
    won = [int(child.communicate()[0]) for child in children]
    assert sum(won) == 25


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ledger.charge("a", "trials", 1), range(80)))
    assert ledger.spending("a")["trials"].spent == 80


def test_job_is_claimed_once_and_its_result_found_again(ledger: Ledger) -> None:
    mine = ledger.claim_job("k", "train", "a", os.getpid())
    assert mine is not None
    assert mine.status == "running"
    assert ledger.claim_job("k", "train", "a", os.getpid()) is None
    ledger.finish_job("k", 12.5, "0.93")
    again = ledger.claim_job("k", "train", "b", os.getpid())
    assert again is not None
    assert (again.status, again.seconds, again.note, again.run) == ("done", 12.5, "0.93", "a")
    assert ledger.jobs("a") == (again,)
    assert ledger.job("other") is None


def test_failed_job_can_be_claimed_again(ledger: Ledger) -> None:
    ledger.claim_job("k", "train", "a", os.getpid())
    ledger.fail_job("k", "out of memory")
    row = ledger.job("k")
    assert row is not None
    assert (row.status, row.note) == ("failed", "out of memory")
    retry = ledger.claim_job("k", "train", "a", os.getpid())
    assert retry is not None
    assert retry.status == "running"


def test_done_job_stays_done(ledger: Ledger) -> None:
    ledger.claim_job("k", "train", "a", os.getpid())
    ledger.finish_job("k", 1.0)
    ledger.fail_job("k", "late")
    row = ledger.job("k")
    assert row is not None
    assert row.status == "done"
    with pytest.raises(StoreError, match="nobody claimed"):
        ledger.finish_job("unclaimed", 1.0)


def test_job_of_a_dead_process_is_handed_out_again(ledger: Ledger, tmp_path: Path) -> None:
    code = "import os\nassert l.claim_job('k', 'train', 'a', os.getpid())\nos._exit(9)"
    elsewhere(tmp_path / "ledger.sqlite", code).communicate()
    row = ledger.claim_job("k", "train", "a", os.getpid())
    assert row is not None
    assert (row.status, row.pid) == ("running", os.getpid())


def test_one_of_many_processes_gets_the_job(tmp_path: Path) -> None:
    code = (
        "import os, sys\nrow = l.claim_job('k', 'train', 'a', os.getpid())\n"
        "print(int(row is not None), flush=True)\nsys.stdin.read()"
    )
    path = tmp_path / "ledger.sqlite"
    children = [elsewhere(path, code) for _ in range(4)]
    won = []
    for child in children:  # all stay alive until the last one has asked
        assert child.stdout is not None
        won.append(int(child.stdout.readline()))
    for child in children:
        child.communicate()
    assert sum(won) == 1


def test_one_of_many_processes_takes_an_interrupted_run(ledger: Ledger, tmp_path: Path) -> None:
    ledger.start_run("a", {})
    ledger.set_status("a", "interrupted")
    code = (
        "import sys\nfrom tuneos.memory.errors import StoreError\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "try:\n    l.take_run('a')\n    print('mine', flush=True)\n"
        "except StoreError as error:\n    print(error, flush=True)\nsys.stdin.read()"
    )
    children = [elsewhere(tmp_path / "ledger.sqlite", code) for _ in range(4)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:  # now all at once
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.stdout.readline() for child in children if child.stdout is not None]
    for child in children:
        child.communicate()
    holder = ledger.run("a").pid
    assert said.count("mine\n") == 1
    assert sum(f"is held by process {holder}" in line for line in said) == 3


def test_run_that_has_finished_meanwhile_is_not_taken_up_again(ledger: Ledger) -> None:
    ledger.start_run("a", {})
    ledger.set_status("a", "finished", {"met": True})
    ledger.take_run("a")
    assert ledger.run("a").status == "finished"


SPENDER = """
import os, random
rng, booked = random.Random({seed}), 0.0
for _ in range(40):
    l.release_open("a")
    amount = rng.uniform(0, 3)
    try:
        held = l.reserve("a", "seconds", amount)
    except BudgetSpent:
        continue
    spent = rng.uniform(0, amount)
    l.note_spent(held, spent)
    booked += spent
    if rng.random() < 0.05:
        print(booked, flush=True)
        os._exit(9)
    l.settle(held, spent)
    if rng.random() < 0.1:
        l.settle(held, spent)  # a node of the graph may run twice
print(booked, flush=True)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_no_mix_of_parallel_jobs_and_kills_overspends(
    ledger: Ledger, tmp_path: Path, seed: int
) -> None:
    ledger.start_run("a", {})
    ledger.set_limit("a", "seconds", 30.0)
    path = tmp_path / "ledger.sqlite"
    children = [elsewhere(path, SPENDER.format(seed=10 * seed + n)) for n in range(6)]
    said = [child.communicate()[0] for child in children]
    ledger.release_open("a")
    spending = ledger.spending("a")["seconds"]
    assert spending.reserved == 0
    assert spending.spent == pytest.approx(sum(float(text) for text in said))
    assert 20 < spending.spent <= 30.0 + 6 * 1e-9


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    with pytest.raises(
        StoreError, match=r"ledger.sqlite was damaged .* set aside as .* no whole copy"
    ):
        Ledger(path)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere.*Check that the folder exists"):
        Ledger(tmp_path / "nowhere" / "ledger.sqlite")


def test_job_is_charged_when_it_is_noted_as_done_and_never_again(ledger: Ledger) -> None:
    ledger.claim_job("k", "search", "a", os.getpid())
    for _ in range(2):
        ledger.finish_job("k", 1.0, costs={"trials": 4.0, "gpu_seconds": 2.5})
    spent = {name: s.spent for name, s in ledger.spending("a").items()}
    assert spent == {"trials": 4.0, "gpu_seconds": 2.5}


def test_failed_job_is_not_charged(ledger: Ledger) -> None:
    ledger.claim_job("k", "search", "a", os.getpid())
    ledger.fail_job("k", "odd")
    assert ledger.spending("a") == {}


def test_hold_is_never_refused(ledger: Ledger) -> None:
    ledger.set_limit("a", "seconds", 1.0)
    number = ledger.hold("a", "seconds", 5.0)
    assert ledger.spending("a")["seconds"].reserved == 5.0
    ledger.settle(number, 3.0)
    assert ledger.spending("a")["seconds"].spent == 3.0


def test_reservation_is_held_until_it_is_settled_and_its_number_is_not_given_again(
    ledger: Ledger,
) -> None:
    number = ledger.reserve("a", "seconds", 1.0)
    assert ledger.holds("a", number)
    assert not ledger.holds("b", number)
    ledger.settle(number, 0.5)
    assert not ledger.holds("a", number)
    assert ledger.reserve("a", "seconds", 1.0) != number
