"""Local LLMs in control: tiny random models, saved and loaded as real ones are."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from tiny_lms import CHATML, STRICT, byte_level, save_adapter, save_lm, unigram
from tuneos.agent.controller import ControllerError
from tuneos.agent.controllers import check_controller, find_controller
from tuneos.agent.local import weights
from tuneos.agent.local.chat import LocalChat, render
from tuneos.agent.local.prompt import Turn
from tuneos.agent.plan import plan_run
from tuneos.agent.runs import create_run
from tuneos.agent.session import go_on
from tuneos.agent.spec import make_spec
from tuneos.evals.result import RunResult
from tuneos.graphs.asking import answer_in_time
from tuneos.graphs.faults import ControllerFailed
from tuneos.tools.registry import TOOLS

SCHEMAS = [tool.schema() for tool in TOOLS.values()]
SAID: list[BaseMessage] = [SystemMessage("You tune."), HumanMessage("State: {}\n\nNext step?")]
LMS = {
    "llama": ("llama", byte_level, CHATML, 4096),
    "gpt2": ("gpt2", byte_level, None, 1024),
    "qwen2": ("qwen2", byte_level, STRICT, 2048),
    "unigram": ("llama", unigram, CHATML, 4096),
}


@pytest.fixture(scope="module")
def lms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models by name, and adapters for two of them."""
    folder = tmp_path_factory.mktemp("lms")
    for name, (kind, tokenizer, template, window) in LMS.items():
        save_lm(folder / name, kind, tokenizer=tokenizer(template), window=window)
    save_lm(folder / "wide", tokenizer=byte_level(CHATML), hidden=64)
    save_adapter(folder / "adapter", folder / "llama")
    save_adapter(folder / "wide+adapter", folder / "wide")
    return folder


def opened(ref: str, **changed: Any) -> LocalChat:
    model = find_controller(ref).model
    assert isinstance(model, LocalChat)
    return model.model_copy(update=changed)


def asked(model: LocalChat, messages: list[BaseMessage] | None = None) -> AIMessage:
    return model.bind_tools(SCHEMAS).invoke(messages or SAID)


def arguments_hold(answer: AIMessage) -> bool:
    (call,) = answer.tool_calls
    TOOLS[call["name"]].arguments.model_validate(call["args"])
    return bool(answer.text)


@pytest.mark.parametrize("name", LMS)
def test_random_weights_always_make_a_valid_call(name: str, lms: Path) -> None:
    model = opened(f"local:{lms / name}")
    check_controller(f"local:{lms / name}")
    assert arguments_hold(asked(model))
    for seed in range(4):
        assert arguments_hold(asked(model.model_copy(update={"temperature": 1.0, "seed": seed})))


def test_same_state_gives_the_same_call_also_after_loading_anew(lms: Path) -> None:
    model = opened(f"local:{lms / 'llama'}")
    first = asked(model)
    weights._load_model.cache_clear()
    again = asked(opened(f"local:{lms / 'llama'}"))
    assert (first.text, first.tool_calls[0]["args"]) == (again.text, again.tool_calls[0]["args"])
    drawn = model.model_copy(update={"temperature": 1.0})
    assert asked(drawn).text == asked(drawn).text
    assert asked(drawn).text != asked(drawn.model_copy(update={"seed": 1})).text


def test_tokens_are_counted_as_they_are_read_and_written(lms: Path) -> None:
    model = opened(f"local:{lms / 'llama'}")
    answer = asked(model)
    read, most = model.tokens_ahead(SAID, SCHEMAS)
    usage = answer.usage_metadata
    assert usage is not None
    assert usage["input_tokens"] == read
    assert 0 < usage["output_tokens"] <= most
    words = {
        "reason": answer.text,
        "call": {"name": "x" * 9, "arguments": answer.tool_calls[0]["args"]},
    }
    assert usage["output_tokens"] <= len(json.dumps(words)) + 20


def test_without_tools_it_answers_in_words(lms: Path) -> None:
    answer = opened(f"local:{lms / 'llama'}").invoke("What did you try?")
    assert isinstance(answer, AIMessage)
    assert answer.text
    assert not answer.tool_calls


def test_adapter_changes_the_answers(lms: Path) -> None:
    both = f"local:{lms / 'llama'}+{lms / 'adapter'}"
    check_controller(both)
    plain, tuned = asked(opened(f"local:{lms / 'llama'}")), asked(opened(both))
    assert arguments_hold(tuned)
    assert plain.text != tuned.text


def test_folder_with_a_plus_in_its_name_is_found(lms: Path) -> None:
    check_controller(f"local:{lms / 'wide'}+{lms / 'wide+adapter'}")


def test_adapter_of_another_shape_is_refused(lms: Path) -> None:
    with pytest.raises(
        ControllerError, match=r"made for another model .*is \[4, 64\], not \[4, 32\]"
    ):
        check_controller(f"local:{lms / 'llama'}+{lms / 'wide+adapter'}")


def test_adapter_of_another_architecture_is_refused(lms: Path) -> None:
    with pytest.raises(ControllerError, match="made for another model"):
        check_controller(f"local:{lms / 'gpt2'}+{lms / 'adapter'}")


def changed(source: Path, folder: Path, **config: Any) -> Path:
    """A copy of a model's folder with its config changed, weights left out."""
    folder.mkdir()
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    said = json.loads((source / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**said, **config}), "utf-8")
    return folder


def test_pickled_weights_are_refused(lms: Path, tmp_path: Path) -> None:
    folder = changed(lms / "llama", tmp_path / "lm")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ControllerError, match=r"only pytorch_model\.bin.*safetensors"):
        check_controller(f"local:{folder}")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_bytes(
        (lms / "adapter/adapter_config.json").read_bytes()
    )
    (adapter / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(ControllerError, match=r"only adapter_model\.bin"):
        check_controller(f"local:{lms / 'llama'}+{adapter}")


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("local:", "no folder"),
        ("local:/nowhere", "no folder /nowhere"),
        ("local:/nowhere+/neither", "no folder /nowhere;"),
        ("local:{lms}/llama+/nowhere", "no adapter folder /nowhere"),
        ("local:{lms}", "holds no config.json"),
        ("local:{lms}/llama+{lms}/gpt2", "holds no adapter_config.json"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(ref: str, why: str, lms: Path) -> None:
    with pytest.raises(ControllerError, match=why) as error:
        check_controller(ref.format(lms=lms))
    assert "\n" not in str(error.value)


def test_encoder_is_no_causal_lm(lms: Path, tmp_path: Path) -> None:
    folder = changed(lms / "llama", tmp_path / "lm", architectures=["LlamaModel"])
    with pytest.raises(ControllerError, match="LlamaModel is no causal LM"):
        check_controller(f"local:{folder}")


def test_model_with_code_of_its_own_is_refused(lms: Path, tmp_path: Path) -> None:
    auto = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    folder = changed(lms / "llama", tmp_path / "lm", model_type="own", auto_map=auto)
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: ...\n")
    with pytest.raises(ControllerError, match="config cannot be used"):
        check_controller(f"local:{folder}")
    assert not (tmp_path / "ran").exists()


def test_missing_extra_is_named(lms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ControllerError, match=r"pip install 'tuneos\[local\]'"):
        check_controller(f"local:{lms / 'llama'}")


def test_weights_that_lack_a_tensor_are_refused_when_they_are_read(
    lms: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = changed(lms / "llama", tmp_path / "lm")
    tensors = load_file(lms / "llama/model.safetensors")
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ControllerError, match="1 tensors are missing"):
        asked(opened(f"local:{folder}"))


def test_prompt_fits_a_small_window_whatever_there_is_to_say(lms: Path) -> None:
    model = opened(f"local:{lms / 'gpt2'}")
    assert model.window == 1024
    state = json.dumps({"strategies": [{"name": f"s{i}", "seconds": i} for i in range(300)]})
    long: list[BaseMessage] = [
        SystemMessage("You tune. " * 300),
        *(AIMessage(f"words {i} " * 50) for i in range(20)),
        HumanMessage(f"Goal: all.\n\nState:\n{state}\n\nNext step?"),
    ]
    read, most = model.tokens_ahead(long, SCHEMAS)
    assert read + most <= 1024
    assert arguments_hold(asked(model, long))


def test_window_too_small_for_a_call_is_said_before_anything_is_spent(
    lms: Path, tmp_path: Path
) -> None:
    folder = save_lm(tmp_path / "lm", tokenizer=byte_level(), window=512)
    with pytest.raises(ControllerError, match="window of 512 tokens is too small"):
        check_controller(f"local:{folder}")


def test_chat_template_is_used_and_one_that_takes_no_system_turn_gets_by(lms: Path) -> None:
    turns = [Turn("system", "rules </s>"), Turn("user", "state")]
    shown = {}
    for name in LMS:
        words = weights.load_words(weights.read_ref(f"local:{lms / name}"))
        shown[name] = words.tokenizer.decode(render(words, turns))
    assert shown["llama"].startswith("<|im_start|>system\nrules < /s><|im_end|>")
    assert shown["llama"].endswith("<|im_start|>assistant\n")
    assert shown["qwen2"] == "[user]rules < /s>\n\nstate</s>[assistant]"
    assert "### Answer" in shown["gpt2"]


def test_answer_is_given_up_when_its_time_is_over(lms: Path) -> None:
    with pytest.raises(Exception, match="no whole answer in time"):
        asked(opened(f"local:{lms / 'llama'}", patience=0.0))


def test_answer_ends_when_nobody_waits_any_longer(lms: Path) -> None:
    model = opened(f"local:{lms / 'llama'}")
    asked(model)  # the model is loaded by now
    before = set(threading.enumerate())
    with pytest.raises(ControllerFailed, match="no answer within"):
        answer_in_time(model, SCHEMAS, SAID, 0.01)
    (left,) = set(threading.enumerate()) - before
    left.join(5)
    assert not left.is_alive()


def driven(
    lms: Path, tickets: Path, workspace: Path, **said: Any
) -> tuple[RunResult, list[dict[str, Any]]]:
    """A whole run with the Llama in control, and its events; a search, its pet, is refused."""
    given = {"data": str(tickets), "workspace": str(workspace), "llm": f"local:{lms / 'llama'}"}
    limits = {"targets": ["macro_f1>=0.8"], "budget": "10m", "max_trials": 0}
    spec = make_spec({**given, **limits, **said}, "test")
    events: list[dict[str, Any]] = []
    result = go_on(create_run(plan_run(spec)), on_event=events.append)
    assert Path(str(result.report)).is_file()
    return result, events


def test_run_ends_with_a_report_and_its_token_budget_holds_to_the_token(
    lms: Path, tickets: Path, workspace: Path
) -> None:
    read, most = opened(f"local:{lms / 'llama'}").tokens_ahead(SAID, SCHEMAS)
    limit = 2 * (read + most)
    result, events = driven(lms, tickets, workspace, max_tokens=limit)
    decided = [e for e in events if e["kind"] == "decided"]
    counted = sum(e["read"] + e["written"] for e in decided)
    assert decided
    assert not any(e["estimated"] for e in decided)
    assert 0 < counted == result.budget["tokens"].spent <= limit
    assert [e["kind"] for e in events].count("took_over") == 1
    assert result.met


@pytest.mark.slow
def test_planner_takes_over_from_random_weights_and_the_run_ends_with_a_report(
    lms: Path, tickets: Path, workspace: Path
) -> None:
    result, events = driven(lms, tickets, workspace)
    assert [e["kind"] for e in events].count("took_over") == 1
    assert result.controller.startswith("local:")
    assert result.met
