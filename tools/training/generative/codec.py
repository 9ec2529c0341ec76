"""A row as token ids: what the model reads, what it learns, and what had to be cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel as Model
from pydantic import ConfigDict, Field

from .chat import pieces, plain_chat
from .prompted import Message, Prompted

IGNORED = -100  # label of a token that is not learned, as torch has it
SEPARATOR = "\n"  # between a plain prompt and its target
Ids = NDArray[np.int32]


class Limits(Model):
    """How many tokens there is room for: of a prompt, and of a target with its end."""

    model_config = ConfigDict(frozen=True)

    prompt: int = Field(ge=1)
    target: int = Field(ge=1)


@dataclass(frozen=True)
class Pair:
    """A row, encoded.

    Attributes:
        read: Token ids: a causal LM's whole sequence, or an encoder's input.
        labels: A causal LM: as long as `read`, IGNORED where nothing is learned. An
            encoder-decoder: the ids of the target.
        cut_prompt, cut_target: Whether either lost tokens.
    """

    read: Ids
    labels: Ids
    cut_prompt: bool = False
    cut_target: bool = False


@dataclass(frozen=True)
class Codec:
    """Rows to ids and back, for one model.

    Attributes:
        kind: "causal" or "seq2seq".
        source: Tokenizer of what is read.
        target: Tokenizer of what is written; often the same.
        limits: Where to cut; None for nowhere.
    """

    kind: Literal["causal", "seq2seq"]
    source: Any
    target: Any
    limits: Limits | None = None

    def pair(self, row: Prompted) -> Pair:
        """Encode a row with its target."""
        if self.kind == "seq2seq":
            given, wanted = self._source_ids(row), self._target_ids(row.target)
            marks = given
        else:
            given, marks, wanted = self._sequence(row, row.target)
        kept = self._kept(given, row)
        room = self.limits.target if self.limits else len(wanted)
        read, said = [given[i] for i in kept], wanted[:room]
        labels = said
        if self.kind == "causal":
            # What begins a sequence has nothing before it to be told from.
            labels = [IGNORED, *(marks[i] for i in kept[1:]), *said]
            read = read + said
        return Pair(_array(read), _array(labels), len(kept) < len(given), len(wanted) > room)

    def prompt(self, row: Prompted) -> Ids:
        """Encode a row without its target: what is there when an answer is asked for."""
        seq2seq = self.kind == "seq2seq"
        given = self._source_ids(row) if seq2seq else self._sequence(row, None)[0]
        return _array([given[i] for i in self._kept(given, row)])

    def lengths(self, row: Prompted) -> tuple[int, int]:
        """Tokens of a row's prompt and of its target, before any cut."""
        whole = replace(self, limits=None)
        return len(whole.prompt(row)), len(whole._wanted(row))

    def text(self, ids: Sequence[int], row: Prompted) -> str:
        """What was written, without special tokens; edge spaces stay where it goes on a text."""
        said = str(self.target.decode(list(ids), skip_special_tokens=True))
        return said if row.continued else said.strip()

    def stops(self) -> list[int]:
        """Ids that end an answer: the end of the sequence and, in a chat, of a turn."""
        ends = {self._wanted(Prompted("a", "b"))[-1], self.target.eos_token_id}
        return sorted(int(i) for i in ends if i is not None)

    def _wanted(self, row: Prompted) -> list[int]:
        if self.kind == "seq2seq":
            return self._target_ids(row.target)
        return self._sequence(row, row.target)[2]

    def _kept(self, given: Sequence[int], row: Prompted) -> list[int]:
        """Positions of a prompt that stay: all, or one end of it and what frames it."""
        room = self.limits.prompt if self.limits else len(given)
        if len(given) <= room:
            return list(range(len(given)))
        before, after = self._frame
        head = len(before) if given[: len(before)] == before else 0
        tail = len(after) if self.kind == "seq2seq" and given[-len(after) :] == after else 0
        body = range(head, len(given) - tail)
        size = max(1, room - head - tail)
        middle = body[-size:] if row.keep == "end" else body[:size]
        return [*range(head), *middle, *range(len(given) - tail, len(given))]

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after every text, as it reads them."""
        bare = list(self.source("a", add_special_tokens=False)["input_ids"])
        full = list(self.source("a")["input_ids"])
        start = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
        return full[:start], full[start + len(bare) :]

    @cached_property
    def _special(self) -> frozenset[int]:
        """Ids of marks; a template's own are often added tokens with no role of their own."""
        added = self.source.added_tokens_decoder.items()
        return frozenset(self.source.all_special_ids) | {i for i, t in added if t.special}

    # Encoder-decoders

    def _source_ids(self, row: Prompted) -> list[int]:
        text = row.bare or row.prompt
        if row.messages:
            text = plain_chat(row.messages, ask=True)
        before, after = self._frame
        return [*before, *_ids(self.source, text), *after]

    def _target_ids(self, text: str) -> list[int]:
        ids = list(self.target(text_target=text, split_special_tokens=True)["input_ids"])
        end = self.target.eos_token_id
        return ids if ids[-1:] == [end] else [*ids, end]

    # Causal LMs

    def _sequence(
        self, row: Prompted, target: str | None
    ) -> tuple[list[int], list[int], list[int]]:
        """Ids given, their labels, and ids of the target with its end (none if not known)."""
        before = self._frame[0]
        templated = bool(self.source.chat_template) and not row.continued
        if not templated and not row.messages:
            joint = (
                "" if row.continued or row.prompt[-1:].isspace() or not row.prompt else SEPARATOR
            )
            given = [*before, *_ids(self.source, row.prompt + joint)] or [self._first()]
            end = [self.source.eos_token_id]
            wanted = [] if target is None else [*_ids(self.source, target), *end]
            return given, [IGNORED] * len(given), wanted
        special = self._special
        marks = [m for m in self.source.convert_ids_to_tokens(sorted(special)) if len(m) > 1]
        said = row.messages or (Message("user", row.prompt),)
        clean = [Message(m.role, _unmarked(m.content, marks)) for m in said]
        wanted_text = None if target is None else _unmarked(target, marks)
        found = pieces(self.source, clean, wanted_text, every_turn=row.every_turn)
        ids, labels, wanted = ([] if templated else [*before]), [], []
        labels = [IGNORED] * len(ids)
        for piece in found:
            text = piece.text.rstrip() if piece.last else piece.text
            new = list(self.source(text, add_special_tokens=False)["input_ids"])
            spoken = self._spoken(new) if piece.learned else []
            if piece.last:
                stopped = bool(spoken) and spoken[-1] in special
                wanted = spoken if stopped else [*spoken, self.source.eos_token_id]
            else:
                ids += new
                labels += spoken + [IGNORED] * (len(new) - len(spoken))
        if not ids:
            ids, labels = [self._first()], [IGNORED]
        return ids, labels, wanted

    def _spoken(self, ids: list[int]) -> list[int]:
        """Up to the mark that ends the turn; a template's line break behind it is not said."""
        last = max((i for i, t in enumerate(ids) if t in self._special), default=len(ids) - 1)
        return ids[: last + 1]

    def _first(self) -> int:
        bos = self.source.bos_token_id
        return int(self.source.eos_token_id if bos is None else bos)


def fit_limits(codec: Codec, rows: Sequence[Prompted], room: int) -> Limits:
    """Share out the room, by what the training rows need.

    A causal LM has prompt and target in one window: the longest target gets what it
    needs, but no more than half of it unless the prompts leave more. An encoder-decoder
    has as much for either.

    Args:
        codec: Without limits.
        rows: Of the train split.
        room: Tokens that the model reads at once, at most.
    """
    lengths = np.array([codec.lengths(row) for row in rows])
    prompt, target = (int(n) for n in lengths.max(axis=0))
    if codec.kind == "seq2seq":
        return Limits(prompt=room, target=max(1, min(target, room)))
    target = max(1, min(target, room - min(prompt, room // 2)))
    return Limits(prompt=max(1, room - target), target=target)


def _ids(tokenizer: Any, text: str) -> list[int]:
    """Read "</s>" in someone's text as four characters, not as the end of everything."""
    found = tokenizer(text, add_special_tokens=False, split_special_tokens=True)
    return list(found["input_ids"])


def _unmarked(text: str, marks: Sequence[str]) -> str:
    """Break up what would close a turn; in a template's text marks must be read as such."""
    for mark in marks:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _array(ids: Sequence[int]) -> Ids:
    return np.asarray(ids, np.int32)
