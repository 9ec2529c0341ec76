"""Hosted and self-hosted LLMs: the real client against a real server on loopback."""

from __future__ import annotations

import builtins
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llm_server import FINISH, HTML, USAGE, LLMServer, Reply, Script, fails, says
from tuneos.agent import patient
from tuneos.agent.answers import read_arguments, written_call
from tuneos.agent.cli import app
from tuneos.agent.controller import ControllerError
from tuneos.agent.controllers import check_controller, find_controller
from tuneos.agent.patient import PatientChat
from tuneos.agent.session import run_agent
from tuneos.agent.spec import RunSpec
from tuneos.memory.ledger import Ledger
from typer.testing import CliRunner

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

KEY = "sk-a-very-secret-key-0123456789"
OPENAI_KEY = "sk-openai-only-9876543210"
NAMES = ("look", "finish")
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} at something",
            "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
        },
    }
    for name in NAMES
]
LOOK = says("I look.", ("look", {"at": "it"}))
Serve = Callable[..., LLMServer]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of every kind, no proxy, short waits."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TUNEOS_LLM_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("TUNEOS_LLM_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    monkeypatch.setattr(patient, "FIRST_WAIT", 0.001)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that stop when the test ends."""
    running: list[Any] = []

    def start(*script: Script, models: Sequence[str] = ("m",)) -> LLMServer:
        manager = LLMServer(script, models).running()
        running.append(manager)
        server: LLMServer = manager.__enter__()
        return server

    yield start
    for manager in running:
        manager.__exit__(None, None, None)


def ask(server: LLMServer, *, listener: BaseCallbackHandler | None = None) -> AIMessage:
    """One question to the controller that `--llm URL` gives, with tools bound."""
    model = find_controller(server.url, "m").model
    answer = model.bind_tools(TOOLS).invoke(
        [HumanMessage("Next step?")], {"callbacks": [listener] if listener else []}
    )
    assert isinstance(answer, AIMessage)
    return answer


def calls(answer: AIMessage) -> list[tuple[str, dict[str, Any]]]:
    """What it calls, without ids."""
    return [(c["name"], c["args"]) for c in answer.tool_calls]


def test_answer_brings_words_calls_and_token_counts(serve: Serve) -> None:
    server = serve(says("Both at once.", ("look", {"at": "a"}), ("look", {"at": "b"})))
    answer = ask(server)
    assert answer.text.strip() == "Both at once."
    assert calls(answer) == [("look", {"at": "a"}), ("look", {"at": "b"})]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == USAGE["prompt_tokens"]
    assert answer.usage_metadata["output_tokens"] == USAGE["completion_tokens"]


def test_request_asks_for_nothing_that_a_simple_server_may_not_know(serve: Serve) -> None:
    server = serve(LOOK)
    ask(server)
    assert set(server.requests[0]) == {"model", "messages", "tools", "stream", "stream_options"}
    assert server.requests[0]["tools"] == TOOLS
    assert "strict" not in json.dumps(server.requests[0])


class Listener(BaseCallbackHandler):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def on_llm_new_token(self, token: str | list[str | dict[str, Any]], **_: Any) -> None:
        self.words.append(str(token))


def test_words_are_heard_as_they_come(serve: Serve) -> None:
    listener = Listener()
    ask(serve(says("one two three", ("look", {}))), listener=listener)
    heard = [word for word in listener.words if word]
    assert heard == ["one ", "two ", "three "]


def test_graph_streams_the_words_of_the_controller(serve: Serve) -> None:
    from langchain_core.messages import AIMessageChunk
    from langgraph.graph import START, MessagesState, StateGraph

    model = find_controller(serve(says("one two", drop=True), says("one two")).url, "m").model

    def decide(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("decide", decide).add_edge(START, "decide")
    given: Any = {"messages": [HumanMessage("Next?")]}
    pieces = [m for m, _ in graph.compile().stream(given, stream_mode="messages")]
    heard = [m for m in pieces if isinstance(m, AIMessageChunk) and m.text]
    assert [m.text for m in heard][-2:] == ["one ", "two "]
    assert heard[0].id != heard[-1].id, "a second attempt can be told from the first"


FAULTS: dict[str, Script] = {
    "429": fails(429, retry_after="0"),
    "500": fails(500),
    "503 without JSON": Reply(body="loading", status=503, headers={"Content-Type": "text/plain"}),
    "dropped stream": says("I loo", ("look", {"at": "nothing"}), drop=True),
    "body that is not JSON": Reply(body='{"choices": ['),
    "event that is not JSON": Reply(
        body='data: {"choices": [\n\n', headers={"Content-Type": "text/event-stream"}
    ),
    "body that is a list": Reply(body="[]"),
    "a web page": Reply(body=HTML, headers={"Content-Type": "text/html"}),
    "no choices": Reply(None),
    "null choices": Reply(body='{"choices": null, "usage": {"prompt_tokens": 3}}'),
    "nothing said": says(""),
    "stream that ends early": Reply(
        body='data: {"choices": [{"delta": {"content": "I l"}}]}\n\n',
        headers={"Content-Type": "text/event-stream"},
    ),
    "error in the stream": Reply(
        body='data: {"error": {"message": "out of memory", "code": 500}}\n\n',
        headers={"Content-Type": "text/event-stream"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_followed_by_another_try(fault: str, serve: Serve) -> None:
    server = serve(FAULTS[fault], LOOK)
    answer = ask(server)
    assert calls(answer) == [("look", {"at": "it"})]
    assert answer.text.strip() == "I look."
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_that_stays_ends_in_one_line(fault: str, serve: Serve) -> None:
    server = serve(*[FAULTS[fault]] * 20)
    with pytest.raises(ControllerError) as caught:
        ask(server)
    assert len(server.requests) == patient.ATTEMPTS
    line = str(caught.value)
    assert "\n" not in line
    assert server.url in line
    assert len(line) < 400


def test_silent_server_is_given_up_after_the_time_set(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEOS_LLM_TIMEOUT", "0.05")
    server = serve(Reply(silent=True), LOOK)
    assert calls(ask(server)) == [("look", {"at": "it"})]
    server = serve(*[Reply(silent=True)] * 9)
    with pytest.raises(ControllerError, match="cannot be reached"):
        ask(server)


def test_all_tries_together_have_an_end(serve: Serve) -> None:
    server = serve(fails(429, retry_after="3600"), LOOK)
    with pytest.raises(ControllerError, match="answered 429"):
        ask(server)
    assert len(server.requests) == 1, "an hour is longer than our patience"


def test_signs_of_life_are_not_waited_on_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneos.agent import compatible

    monkeypatch.setattr(compatible, "PATIENCE", 0.5)
    assert calls(ask(serve(Reply(LOOK.message, pings=True), LOOK))) == [("look", {"at": "it"})]


def test_answer_without_an_end_is_cut_off(serve: Serve) -> None:
    model = find_controller(serve(says("on and on")).url, "m").model
    assert isinstance(model, PatientChat)
    hasty = model.model_copy(update={"patience": -1.0})
    with pytest.raises(ControllerError, match="no end of its answer"):
        hasty.invoke("Next?")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (fails(401, f"Incorrect API key provided: {KEY}"), "set TUNEOS_LLM_API_KEY"),
        (fails(403), "set TUNEOS_LLM_API_KEY"),
        (fails(404, "The model 'm' does not exist"), "'m' does not exist"),
        (fails(400, "maximum context length is 4096 tokens"), "no longer fits its window"),
        (fails(400, "context_length_exceeded"), "no longer fits its window"),
        (fails(422, f"bad header Bearer {KEY}"), "answered 422"),
        (Reply(body="", status=307, headers={"Location": "http://example.org/"}), "307"),
    ],
)
def test_refusal_fails_at_once_without_the_key(reply: Reply, said: str, serve: Serve) -> None:
    server = serve(reply, LOOK)
    with pytest.raises(ControllerError) as caught:
        ask(server)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__
    assert len(server.requests) == 1


def test_server_that_cannot_stream_is_asked_without(serve: Serve) -> None:
    server = serve(fails(400, "stream is not supported with tools"), LOOK, LOOK)
    model = find_controller(server.url, "m").model.bind_tools(TOOLS)
    for _ in range(2):
        answer = model.invoke("Next?")
        assert calls(answer) == [("look", {"at": "it"})]
        assert answer.usage_metadata is not None
    assert [r["stream"] for r in server.requests] == [True, False, False]


def test_whole_answer_in_place_of_a_stream_is_read(serve: Serve) -> None:
    server = serve(says("I look.", ("look", {"at": "it"}), streams=False))
    assert calls(ask(server)) == [("look", {"at": "it"})]
    assert len(server.requests) == 1


def test_counts_that_add_up_by_themselves_are_not_added(serve: Serve) -> None:
    answer = ask(serve(says("one two three four", count_up=True)))
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == USAGE["total_tokens"]


def test_tokens_are_estimated_and_marked_where_the_server_does_not_count(serve: Serve) -> None:
    answer = ask(serve(says("one two three", ("look", {}), usage=None)))
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] > 20
    assert answer.response_metadata["tokens_estimated"]


def call_of(function: object, **more: object) -> Reply:
    """A reply with one tool call as this server writes it."""
    call = {"type": "function", "function": function, **more}
    return Reply({"role": "assistant", "content": "hm", "tool_calls": [call]})


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        (call_of({"name": "look", "arguments": {"at": "it"}}), [("look", {"at": "it"})]),
        (call_of({"name": "look", "arguments": '{"at": "it"}'}), [("look", {"at": "it"})]),
        (call_of({"name": "look", "arguments": '"{\\"at\\": 1}"'}, id=""), [("look", {"at": 1})]),
        (call_of({"name": "look", "arguments": ""}, id="x"), [("look", {})]),
        (call_of({"name": "look", "arguments": None}, id=None), [("look", {})]),
        (call_of({"name": "look"}, index=0), [("look", {})]),
        (call_of({"name": "dig", "arguments": "{}"}, id="x", index=0), [("dig", {})]),
    ],
)
@pytest.mark.parametrize("streams", [True, False])
def test_odd_call_is_read(
    reply: Reply, read: list[tuple[str, dict[str, Any]]], streams: bool, serve: Serve
) -> None:
    server = serve(Reply(reply.message, streams=streams))
    answer = ask(server)
    assert calls(answer) == read
    assert answer.tool_calls[0]["id"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        call_of({"name": "look", "arguments": '{"at": "i'}, id="x", index=0),
        call_of({"name": "look", "arguments": "at=it"}, id="x", index=0),
        call_of({"name": "look", "arguments": "[1]"}, id="x", index=0),
        call_of({"name": "look", "arguments": [1]}, id="x", index=0),
        call_of({"name": "look", "arguments": "[" * 9000}, id="x", index=0),
        call_of({"name": None, "arguments": "{}"}, id="x", index=0),
        call_of({"name": 7, "arguments": "{}"}, id="x", index=0),
        call_of("look", id="x", index=0),
        call_of(None),
    ],
)
@pytest.mark.parametrize("streams", [True, False])
def test_broken_call_is_marked_as_such_and_shown_again_readably(
    reply: Reply, streams: bool, serve: Serve
) -> None:
    server = serve(Reply(reply.message, streams=streams), LOOK)
    model = find_controller(server.url, "m").model.bind_tools(TOOLS)
    first = model.invoke("Next?")
    assert calls(first) == []
    (broken,) = first.invalid_tool_calls
    refused = ToolMessage("refused", tool_call_id=str(broken["id"]))
    assert calls(model.invoke([HumanMessage("Next?"), first, refused])) == [("look", {"at": "it"})]
    (again,) = server.requests[1]["messages"][1]["tool_calls"]
    assert isinstance(json.loads(again["function"]["arguments"]), dict)
    assert again["id"] == server.requests[1]["messages"][2]["tool_call_id"] != "None"


def test_calls_that_share_an_id_are_told_apart(serve: Serve) -> None:
    same = [
        {"id": "call", "index": n, "function": {"name": "look", "arguments": {"at": str(n)}}}
        for n in range(2)
    ]
    answer = ask(serve(Reply({"content": "", "tool_calls": same})))
    assert calls(answer) == [("look", {"at": "0"}), ("look", {"at": "1"})]
    assert len({c["id"] for c in answer.tool_calls}) == 2


@pytest.mark.parametrize(
    ("pieces", "together"),
    [
        # as the protocol has it
        ([(0, "a", "look", "{"), (0, None, None, "}"), (1, "b", "dig", "{}")], ["look", "dig"]),
        # every call numbered 0
        ([(0, "a", "look", "{}"), (0, "b", "dig", "{"), (0, None, None, "}")], ["look", "dig"]),
        # no numbers
        ([(None, "a", "look", "{"), (None, None, None, "}")], ["look"]),
        ([(None, "a", "look", "{}"), (None, "b", "dig", "{}")], ["look", "dig"]),
        # neither numbers nor ids
        ([(None, None, "look", "{}"), (None, None, "look", "{}")], ["look", "look"]),
        # name and id in every piece
        ([(0, "a", "look", "{"), (0, "a", "look", "}")], ["look"]),
    ],
)
def test_pieces_of_calls_find_their_places(
    pieces: list[tuple[int | None, str | None, str | None, str]],
    together: list[str],
    serve: Serve,
) -> None:
    events = [
        {"tool_calls": [{"index": number, "id": i, "function": {"name": name, "arguments": given}}]}
        for number, i, name, given in pieces
    ]
    said = [{"choices": [{"delta": e}]} for e in events] + [
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}
    ]
    body = "".join(f"data: {json.dumps(s)}\n\n" for s in said)
    answer = ask(serve(Reply(body=body, headers={"Content-Type": "text/event-stream"})))
    assert calls(answer) == [(name, {}) for name in together]


def test_two_answers_never_share_an_id(serve: Serve) -> None:
    # Some servers number every answer the same; the state would drop the first.
    server = serve(LOOK, LOOK)
    assert ask(server).id != ask(server).id


@pytest.mark.parametrize(
    ("content", "words", "found"),
    [
        ('Sure.\n```json\n{"name": "look", "arguments": {"at": 1}}\n```', "Sure.", {"at": 1}),
        ('{"name": "look", "parameters": {"at": 1}}', "", {"at": 1}),
        ('<tool_call>\n{"name": "look", "arguments": "{}"}\n</tool_call>', "", {}),
        ('{"type": "function", "function": {"name": "look", "arguments": {}}}', "", {}),
        ('I would not ```{"name": "look"}``` because it is dear.', None, None),
        ('```json\n{"name": "rm_rf", "arguments": {}}\n```', None, None),
        ('```json\n{"name": "look", "arguments": [1]}\n```', None, None),
        ('{"name": ["look"]}', None, None),
        ('{"name": "look"', None, None),
        ("plain words {with} braces", None, None),
        ("{" * 20_000, None, None),
    ],
)
def test_call_written_into_the_words_counts_at_their_end(
    content: str, words: str | None, found: dict[str, Any] | None
) -> None:
    left, made = written_call(content, NAMES)
    assert [c["args"] for c in made] == ([] if found is None else [found])
    assert left == (content if words is None else words)


@pytest.mark.parametrize(
    ("text", "read"), [(None, {}), (" ", {}), ('{"a": 1}', {"a": 1}), ("null", None), ("{", None)]
)
def test_arguments_are_read_or_refused_never_guessed(
    text: str | None, read: dict[str, Any] | None
) -> None:
    assert read_arguments(text) == read


def test_keys_and_names_of_openai_go_to_no_other_host(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TUNEOS_LLM_API_KEY")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: header-secret")
    server = serve(LOOK)
    check_controller(server.url, None)
    ask(server)
    assert len(server.headers) == 2
    seen = json.dumps(server.headers)
    assert OPENAI_KEY not in seen
    assert "secret" not in seen


def test_key_for_urls_goes_along(serve: Serve) -> None:
    server = serve(LOOK)
    check_controller(server.url, None)
    ask(server)
    assert [h["authorization"] for h in server.headers] == [f"Bearer {KEY}"] * 2


def test_only_model_of_a_server_is_taken(serve: Serve) -> None:
    assert check_controller(serve(models=["qwen"]).url, None) == "qwen"
    assert check_controller(serve(models=["qwen"]).url, "adapter") == "adapter"


@pytest.mark.parametrize(
    ("models", "reply", "said"),
    [
        (["a", "b"], None, "--llm-model; it has a, b"),
        ([], None, "name the model with --llm-model"),
        ([], fails(401), "set TUNEOS_LLM_API_KEY"),
        ([], fails(503), "not ready"),
        ([], Reply(body="", status=308, headers={"Location": "/"}), "elsewhere"),
        ([], Reply(body=HTML, headers={"Content-Type": "text/html"}), "ends in /v1"),
        ([], Reply(body='{"data": [1, {"id": null}]}'), "name the model"),
    ],
)
def test_server_that_cannot_serve_is_told_when_planning(
    models: list[str], reply: Reply | None, said: str, serve: Serve
) -> None:
    server = serve(models=models)
    server.models_reply = reply
    with pytest.raises(ControllerError, match=said):
        check_controller(server.url, None)


def test_server_that_lists_nothing_is_taken_at_its_word(serve: Serve) -> None:
    server = serve()
    server.models_reply = fails(404)
    assert check_controller(server.url, "m") == "m"


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def test_nothing_listening_is_one_line_and_exit_code_2(
    tickets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    url = f"http://127.0.0.1:{free_port()}/v1"
    done = CliRunner().invoke(app, ["run", str(tickets), "--llm", url, "--llm-model", "m"])
    assert done.exit_code == 2
    assert f"{url}: nothing answers there" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / ".tuneos").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://me:{KEY}@127.0.0.1:1/v1", "TUNEOS_LLM_API_KEY"),
        (f"http://{KEY}@127.0.0.1:1/v1", "TUNEOS_LLM_API_KEY"),
        (f"http://127.0.0.1:1/v1?key={KEY}", "TUNEOS_LLM_API_KEY"),
        (f"http://127.0.0.1:1/v1#{KEY}", "TUNEOS_LLM_API_KEY"),
        (f"http://me:{KEY}@127.0.0.1:port/v1", "http://HOST:PORT/v1"),
        (f"ftp://me:{KEY}@127.0.0.1/v1", "TUNEOS_LLM_API_KEY"),
        ("ftp://127.0.0.1/v1", "http://HOST:PORT/v1"),
        ("http:///v1", "http://HOST:PORT/v1"),
        ("http://127.0.0.1:1/v1/chat/completions", "leave /chat/completions out"),
    ],
)
def test_url_that_cannot_be_used_is_refused_without_its_secret(url: str, said: str) -> None:
    for refuse in (check_controller, find_controller):
        with pytest.raises(ControllerError) as caught:
            refuse(url, "m")
        assert said in str(caught.value)
        assert KEY not in str(caught.value)


@pytest.mark.usefixtures("socket_disabled")
class TestPlanningTouchesNoNetwork:
    """What can be known without asking anybody."""

    def test_url_needs_a_model(self) -> None:
        with pytest.raises(ControllerError, match="--llm-model"):
            find_controller("http://127.0.0.1:1/v1")

    def test_controllers_are_made(self) -> None:
        assert find_controller("http://127.0.0.1:1/v1/", "m").name == "m at http://127.0.0.1:1/v1"
        assert find_controller("openai:gpt-4o").name == "openai:gpt-4o"

    def test_window_is_known_where_langchain_knows_it(self) -> None:
        assert find_controller("openai:gpt-4o").context_tokens == 128_000
        # A server may call anything gpt-4o.
        assert find_controller("http://127.0.0.1:1/v1", "gpt-4o").context_tokens is None

    def test_tokens_are_estimated_without_a_download(self) -> None:
        assert find_controller("openai:gpt-4o").model.get_num_tokens("some words " * 40) > 50

    @pytest.mark.parametrize(
        ("ref", "said"),
        [
            ("anthropic:claude-x", r"pip install 'tuneos\[anthropic\]'"),
            ("ollama:qwen3", r"pip install 'tuneos\[ollama\]'"),
            ("groq:llama", r"pip install 'tuneos\[llm\]' langchain-groq"),
            ("nobody:x", "no such provider; known: anthropic.*, openai"),
            ("openai:", "provider:model"),
            ("gpt", "provider:model"),
        ],
    )
    def test_what_is_missing_is_named(
        self, ref: str, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "x")
        monkeypatch.setenv("GROQ_API_KEY", "x")
        block(monkeypatch, "langchain_anthropic", "langchain_ollama", "langchain_groq")
        with pytest.raises(ControllerError, match=said):
            find_controller(ref)

    @pytest.mark.parametrize(
        ("ref", "absent"),
        [("openai:gpt-5", "langchain"), ("http://127.0.0.1:1/v1", "langchain_openai")],
    )
    def test_missing_extra_is_named_before_anything_is_sent(
        self, ref: str, absent: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        block(monkeypatch, absent)
        monkeypatch.delitem(sys.modules, "tuneos.agent.compatible", raising=False)
        with pytest.raises(ControllerError, match=r"pip install 'tuneos\[openai\]'"):
            check_controller(ref, "m")

    def test_missing_key_names_its_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(ControllerError, match="set OPENAI_API_KEY"):
            find_controller("openai:gpt-5")

    @pytest.mark.parametrize("said", ["soon", "-1", "0", "inf", "nan"])
    def test_time_out_that_is_none_is_refused(
        self, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TUNEOS_LLM_TIMEOUT", said)
        with pytest.raises(ControllerError, match="seconds above zero"):
            find_controller("http://127.0.0.1:1/v1", "m")


def block(monkeypatch: pytest.MonkeyPatch, *absent: str) -> None:
    """Make packages look as if they weren't installed."""
    real = builtins.__import__

    def load(name: str, *rest: Any, **named: Any) -> Any:
        if name.split(".")[0] in absent:
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest, **named)

    for name in [n for n in sys.modules if n.split(".")[0] in absent]:
        monkeypatch.delitem(sys.modules, name)
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", load)


def test_run_goes_through_faults_to_its_report_and_leaves_no_key(
    serve: Serve, tickets: Path, tmp_path: Path
) -> None:
    probe = {"rungs": ["tfidf_linear"]}
    server = serve(
        fails(429, f"slow down, {KEY}", retry_after="0"),
        says("First a look.", ("inspect_dataset", {})),
        fails(500, f"server error for {KEY}"),
        says("A broken call.", ("probe_baselines", '{"frozen_linear": ')),
        says("Cut off.", ("probe_baselines", probe), drop=True),
        says("The cheapest rung.", ("probe_baselines", probe)),
    )
    events: list[dict[str, Any]] = []
    spec = RunSpec(
        data=str(tickets),
        workspace=str(tmp_path / "work"),
        targets=("macro_f1>=0.80",),
        budget="10m",
        llm=server.url,
    )
    result = run_agent(spec, on_event=events.append)
    assert result.met
    assert result.controller == f"m at {server.url}"
    assert Path(str(result.report)).is_file()
    steps = [e["tool"] for e in events if e["kind"] == "step_started"]
    assert steps[:2] == ["inspect_dataset", "probe_baselines"]
    assert len(server.requests) == 6
    assert server.paths.count("/v1/models") == 1, "asked once, when planning"
    run = Ledger(tmp_path / "work" / "ledger.sqlite").run(result.run)
    assert run.spec["llm_model"] == "m", "a resumed run needs not ask again"
    assert_nowhere(tmp_path / "work", result.model_dump_json())


def test_run_whose_key_is_refused_says_so_and_leaves_no_key(
    serve: Serve, tickets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    server = serve(*[fails(401, f"Incorrect API key provided: {KEY}")] * 40)
    words = ["run", str(tickets), "--llm", server.url, "--workspace", str(tmp_path / "work")]
    done = CliRunner().invoke(app, [*words, "--target", "macro_f1>=0.80", "--json"])
    assert "Traceback" not in done.output
    assert_nowhere(tmp_path / "work", done.output)


def assert_nowhere(folder: Path, printed: str) -> None:
    """No file of the workspace, and nothing printed, holds a key."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert files
    for key in (KEY, OPENAI_KEY):
        assert key not in printed
        assert [p for p in files if key.encode() in p.read_bytes()] == []


@pytest.mark.parametrize(
    ("said", "found"), [("0.3", 0.3), ("0", 0.0), ("soon", None), ("-1", None), ("inf", None)]
)
def test_wait_that_a_server_asks_for_is_read(said: str, found: float | None) -> None:
    assert patient.retry_after(busy(said)) == found


def test_wait_may_be_given_as_a_date() -> None:
    soon, past = (formatdate(time.time() + s, usegmt=True) for s in (60, -60))
    assert 50 < (patient.retry_after(busy(soon)) or 0) <= 60
    assert patient.retry_after(busy(past)) == 0


def busy(retry_after: str) -> Exception:
    """An SDK's error with this header."""
    error = RuntimeError("busy")
    vars(error)["response"] = SimpleNamespace(headers={"retry-after": retry_after})
    return error


def test_wait_that_a_server_asks_for_is_kept(serve: Serve) -> None:
    server = serve(fails(429, retry_after="0.4"), LOOK)
    start = time.monotonic()
    assert calls(ask(server)) == [("look", {"at": "it"})]
    assert time.monotonic() - start >= 0.4


def test_command_runs_with_a_server_until_its_report_and_counts_what_it_cost(
    serve: Serve, tickets: Path, tmp_path: Path
) -> None:
    server = serve(
        fails(500, f"out of order, {KEY}"),
        says("A look.", ("inspect_dataset", {})),
        says("The cheapest rung.", ("probe_baselines", {"rungs": ["tfidf_linear"]})),
    )
    work = tmp_path / "work"
    words = [sys.executable, "-P", "-m", "tuneos.agent.cli", "run", tickets, "--json"]
    words += ["--target", "macro_f1>=0.80", "--budget", "10m", "--workspace", work]
    words += ["--llm", server.url, "--llm-model", "m", "--llm-price", "2/10", "--max-cost", "1"]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["met"]
    assert result["controller"] == f"m at {server.url}"
    assert result["taken_over"] is None
    assert Path(result["report"]).is_file()
    assert result["budget"]["tokens"]["spent"] == 2 * 120, "as the server counted"
    assert result["budget"]["usd"]["spent"] == pytest.approx(2 * (100 * 2 + 20 * 10) / 1e6)
    assert result["budget"]["usd"]["limit"] == 1
    assert_nowhere(work, done.stdout + done.stderr)


def test_server_of_the_suite_finishes_when_its_script_is_over(serve: Serve) -> None:
    message = FINISH.message
    assert message is not None
    assert calls(ask(serve())) == [("finish", {"reason": "that is all"})]
