"""Named graphs in a store on disk, and the journal that they can be made anew from.

An Oxigraph store, reached through rdflib. Oxigraph calls reading beside a writer undefined,
so a file lock lets one in at a time, and everyone opens, does one thing and closes: some tens
of milliseconds. Each change is one transaction, so a kill at any point leaves the state before
or after it. Beside the store lies a journal of what was written; a store that is damaged is
set aside and made anew from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .errors import StoreError
from .experiments import run_iri
from .journal import Journal
from .namespaces import DOMAIN_GRAPH, EXPERIMENTS_GRAPH, RECIPES_GRAPH, RULES_GRAPH
from .oxigraph import (
    Damaged,
    copied,
    experiments,
    locked,
    opened,
    serialised,
    stored_digest,
    stored_entries,
)
from .redaction import redact_rdf
from .sources import Source
from .strategies import select_rows
from .updates import counted, inserted, noted, ntriples, replacement
from .user_files import UserFile, UserFiles

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.store import Store

    from .ledger import Ledger

UserGraph = Literal["domain", "rules", "recipes"]
ACCOUNT, LESSONS = "knowledge", "lessons"  # as the ledger keeps them
_NAMED = {"domain": DOMAIN_GRAPH, "rules": RULES_GRAPH, "recipes": RECIPES_GRAPH}
_BULK_BYTES = 2_000_000  # of N-Triples; more is loaded past the transaction log
_T = TypeVar("_T")


class StoredGraphs:
    """Named graphs on disk, kept up to what they are loaded from; making one touches no file.

    Args:
        folder: Where the store lies.
        sources: What each named graph is loaded from, by its IRI.
        ledger: Where each run's account is kept once more, for a graph that is lost as a whole.
        on_restore: Told in a line when the store was damaged and made anew.
    """

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Source],
        *,
        ledger: Ledger | None = None,
        on_restore: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._sources = sources
        self._journal = Journal(folder / "journal.txt")
        self._ledger = ledger
        self._tell = on_restore
        self._store_path = folder / "store"
        self._loading = folder / "loading"
        self._fresh = False

    def _forget(self) -> None:
        """Drop what was made of the sources: they may have changed."""

    def refresh(self) -> None:
        """Load ontology, recipes, rules and the user's files, if they have changed.

        Every other method does this once before its first access.

        Raises:
            StoreError: A file is missing or is not Turtle, or the store cannot be written.
        """
        with locked(self.folder):
            try:
                self._refresh()
            except Damaged as error:
                self._rebuild(str(error))
        self._fresh = True
        self._forget()

    def _refresh(self) -> None:
        """Bring the store up to its sources; the lock must be held."""
        digests = {graph: source.digest() for graph, source in self._sources.items()}
        stale, stored, found = list(digests), 0, ""
        if not self._store_path.exists():
            self._take_from_ledger()
        written, torn = self._journal.entries()
        if self._store_path.exists():
            with opened(self._store_path, read_only=True) as store:
                stale = [g for g in digests if stored_digest(store, g) != digests[g]]
                stored = stored_entries(store)
                if torn or stored > len(written) or (not stored and not written):
                    found = experiments(store)
        if found:  # the journal is damaged, or older than this code: the store knows all
            self._journal.replace([found])
            written = [found]
        small = [g for g in stale if not self._files(g)]
        updates = [replacement(g, self._sources[g], digests[g]) for g in small]
        if stored < len(written) or found:
            updates += [*written[stored:], counted(len(written))]
        if updates:
            self._apply(updates, flushed=bool(small))
        for graph in stale:
            if graph not in small:
                self._replace_with_files(graph)

    def _take_from_ledger(self) -> None:
        """Write runs of the ledger that the journal lacks into it; the lock must be held."""
        if self._ledger is None:
            return
        known = "\n".join(self._journal.entries()[0])
        missing = []
        for row in reversed(self._ledger.runs()):
            accounts = [self._ledger.kept(row.run, name) for name in (ACCOUNT, LESSONS)]
            if f"<{run_iri(row.run)}>" not in known:
                missing += [account for account in accounts if account]
        for account in missing:
            self._journal.append(inserted(EXPERIMENTS_GRAPH, account))
        if missing:
            self._tell("The knowledge graph was lost; the runs of the ledger are in it again.")

    def _files(self, graph: str) -> tuple[UserFile, ...]:
        return self._sources[graph].files()

    def _replace_with_files(self, graph: str) -> None:
        """Replace a graph that the user has added files to; the lock must be held.

        Large files go past the transaction log, so a mark says until the end that the
        graph is to be loaded again.
        """
        from pyoxigraph import NamedNode, RdfFormat

        self._loading.touch()
        self._apply([replacement(graph, self._sources[graph], None)])
        with opened(self._store_path, read_only=False) as store:
            for file in self._files(graph):
                if not file.is_whole:
                    file.path.rename(file.path.with_suffix(".damaged"))
                    self._tell(
                        f"{file.path} is damaged and was set aside as {file.path.stem}.damaged; "
                        f"load {file.name} into the knowledge graph again."
                    )
                    continue
                large = file.path.stat().st_size > _BULK_BYTES
                # No name may hold the inner store: the last reference closes it.
                load = store._inner.bulk_load if large else store._inner.load
                load(path=file.path, format=RdfFormat.N_TRIPLES, to_graph=NamedNode(graph))
                del load
        self._apply([noted(graph, self._sources[graph].digest())])
        self._loading.unlink()

    def _rebuild(self, why: str) -> None:
        """Set the damaged store aside and make it anew; the lock must be held."""
        aside = self._store_path.with_name(f"store.damaged-{datetime.now():%Y%m%d-%H%M%S}")
        self._store_path.rename(aside)
        written, torn = self._journal.entries()
        self._refresh()
        lost = f"; {torn} entries could not be read and are lost" if torn else ""
        self._tell(
            f"The knowledge graph {self._store_path} was damaged ({why}), set aside as "
            f"{aside.name} and made anew from the recipes and {len(written)} entries of its "
            f"journal{lost}."
        )

    def select(self, sparql: str, **bound: Any) -> list[dict[str, Any]]:
        """Answer a SELECT of our own over all graphs together, in this process.

        For queries that stand in the code: they are not judged, and have no limits. What
        comes from outside goes through `query`.

        Args:
            bound: Values of selected variables: rdflib terms, or plain values for literals.

        Returns:
            A row each: literals as plain values, IRIs as `rdflib.URIRef`, None where unbound.
        """
        return self._reading(lambda store: select_rows(store, sparql, **bound))

    def select_each(self, queries: Mapping[str, str], **bound: Any) -> dict[str, list[Any]]:
        """Answer several SELECTs of our own on one state of the store; see `select`."""
        return self._reading(
            lambda store: {n: select_rows(store, q, **bound) for n, q in queries.items()}
        )

    def graph(self, iri: str) -> Graph:
        """Return a copy of a named graph, in memory; see namespaces.py for the names.

        The store's own notes (checksum, journal count) are left out.
        """
        return self._reading(lambda store: copied(store, iri))

    def written(self, graph: str | None, form: str) -> tuple[bytes, int]:
        """Return a named graph, or all of them, as text in an RDF format, and its triples.

        Args:
            form: As in pyoxigraph.RdfFormat, such as TURTLE; all graphs need TRIG or N_QUADS.
        """
        return self._reading(lambda store: serialised(store, graph, form))

    def put(self, name: str, content: Graph | bytes, graph: UserGraph = "domain") -> None:
        """Keep what a user brings in the graph `domain`, `rules` or `recipes`, under a name.

        It replaces what was put under this name before. The rest of the graph stays.

        Args:
            content: An rdflib graph, or N-Triples as bytes. It is not judged here.

        Raises:
            StoreError: It cannot be written.
        """
        triples = content if isinstance(content, bytes) else ntriples(content)
        with self._changing(graph) as files:
            files.put(name, triples)

    def remove(self, name: str, graph: UserGraph = "domain") -> bool:
        """Forget what was put under a name; False when nothing was."""
        with self._changing(graph) as files:
            return files.remove(name)

    def loaded(self, graph: UserGraph = "domain") -> tuple[str, ...]:
        """Return the names under which something was put."""
        return tuple(file.name for file in self._files(_NAMED[graph]))

    @contextmanager
    def _changing(self, graph: UserGraph) -> Iterator[UserFiles]:
        """Change the user's files of a graph, and load the graph again."""
        self._ensure_fresh()
        self._forget()
        with locked(self.folder):
            files = self._sources[_NAMED[graph]].user
            assert files is not None
            yield files
            try:
                self._refresh()
            except Damaged as error:
                self._rebuild(str(error))

    def _reading(self, read: Callable[[Store], _T]) -> _T:
        """Read from the store, made anew first where it is damaged."""
        self._ensure_fresh()
        with locked(self.folder):
            try:
                with opened(self._store_path, read_only=True) as store:
                    return read(store)
            except Damaged as error:
                self._rebuild(str(error))
            with opened(self._store_path, read_only=True) as store:
                return read(store)

    def _update(self, updates: list[str]) -> None:
        """Write SPARQL updates into the journal, and apply them in one transaction."""
        self._ensure_fresh()
        whole = redact_rdf(" ;\n".join(updates))
        with locked(self.folder):
            try:
                self._journal.append(whole)
            except OSError as error:
                raise StoreError(f"{self._journal.path} cannot be written: {error}.") from error
            written, _ = self._journal.entries()
            try:
                self._apply([whole, counted(len(written))])
            except Damaged as error:
                self._rebuild(str(error))

    def _apply(self, updates: list[str], *, flushed: bool = False) -> None:
        """Apply SPARQL updates in one transaction; the lock must be held.

        Args:
            flushed: Write them into sorted files at once: what is only in the transaction log
                is read again by whoever opens the store.
        """
        with opened(self._store_path, read_only=False) as store:
            store._inner.update(" ;\n".join(updates))
            if flushed:
                store._inner.flush()

    def _ensure_fresh(self) -> None:
        if not self._fresh or not self._store_path.exists() or self._loading.exists():
            self.refresh()
