"""Calls of a local LLM with random weights: `python -m tuneos.evals.benchmarks.local_calls`.

200 calls over different states, histories and tools, half of them by the likeliest token
and half drawn, by three architectures with and without a chat template. A call counts as
valid when it was parsed, its tool is there, and the tool takes its arguments. Then the
speed of constrained against free generation, the same tokens in turn, and the memory.
"""

from __future__ import annotations

import sys

from .machine import describe
from .runs import found_by

CALLS = 200

MEASURED = r"""
import json, random, statistics, sys, tempfile, time
from dataclasses import replace
from pathlib import Path
import psutil, torch
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedTokenizerFast
from transformers import Qwen2Config, set_seed
from tuneos.agent.local import weights
from tuneos.agent.local.bounds import answer_schema, bounds_for
from tuneos.agent.local.chat import check_local, open_local
from tuneos.agent.local.constraint import generate
from tuneos.evals.targets import parse_target
from tuneos.graphs.digest import make_digest
from tuneos.graphs.prompts import SYSTEM
from tuneos.tools.facts import Candidate, DataVersion, Facts, KnownStrategy
from tuneos.tools.registry import TOOLS

calls = int(sys.argv[1])
SCHEMAS = [tool.schema() for tool in TOOLS.values()]
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
            "{% endfor %}<|im_start|>assistant\n")
COMMON = {"vocab_size": 2500, "bos_token_id": 0, "eos_token_id": 1}
SIZES = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 3,
         "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 4096}
CONFIGS = {"llama": LlamaConfig(**COMMON, **SIZES), "qwen2": Qwen2Config(**COMMON, **SIZES),
           "gpt2": GPT2Config(**COMMON, n_positions=2048, n_embd=192, n_layer=3, n_head=8)}

def save(folder, config, template):
    texts = [json.dumps(s) for s in SCHEMAS] + [SYSTEM]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    made.train_from_iterator(texts * 2, trainers.BpeTrainer(vocab_size=2000,
        special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = template
    set_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())

def state(chance):
    def strategy(name, rung, tool):
        return KnownStrategy(name=name, rung=rung, tool=tool, relative_cost=chance.random() * 4,
                             typical_gain=chance.random() / 4, min_examples_per_class=4)
    tried = [Candidate(name=f"{s}-{i}", strategy=s, validation={"macro_f1": chance.random()},
                       seconds=chance.random() * 90, folder="", data="cleaned")
             for i, s in enumerate(chance.choices(["lora", "top_layers", "full"],
                                                  k=chance.randrange(6)))]
    known = [strategy("top_layers", 2, "fine_tune"), strategy("lora", 3, "fine_tune"),
             strategy("full", 4, "fine_tune")][: chance.randrange(4)]
    rows = chance.randrange(10, 100_000)
    facts = Facts(inspected=chance.random() < 0.8, median_class=chance.randrange(100),
                  data=DataVersion(key="k", name="as read", folder="", train_rows=rows,
                                   validation_rows=rows // 9),
                  dirty_rows=chance.randrange(50), candidates=tuple(tried),
                  strategies=tuple(known))
    target = parse_target(f"macro_f1>={0.5 + chance.random() / 2:.2f}")
    digest = make_digest(facts, (), (target,), "macro_f1", chance.random() * 900, None)
    said = digest.model_dump_json(exclude_none=True, exclude_defaults=True)
    before = []
    for i in range(chance.randrange(8)):
        tool = chance.choice(list(TOOLS))
        call = {"name": tool, "args": {}, "id": f"c{i}", "type": "tool_call"}
        before.append(AIMessage(f"step {i}", tool_calls=[call]))
        text = "word </s> <|im_end|> " * chance.randrange(40)
        before.append(ToolMessage(text, tool_call_id=f"c{i}", name=tool))
    last = HumanMessage(f"Goal: reach {target}.\n\nState:\n{said}\n\nNext step?")
    return [SystemMessage(SYSTEM), *before, last]

process = psutil.Process()
resident = lambda: process.memory_info().rss / 2**20
found = {"valid": 0, "wrong": [], "tools": {}}
with tempfile.TemporaryDirectory() as root:
    open_models = {}
    for name, config in CONFIGS.items():
        folder = Path(root) / name
        size = save(folder, config, None if name == "gpt2" else TEMPLATE)
        check_local(f"local:{folder}")
        open_models[name] = open_local(f"local:{folder}").model
        if name == "llama":
            found["parameters"] = size
    chance = random.Random(0)
    start, written, before = time.perf_counter(), 0, 0.0
    for number in range(calls):
        name = list(open_models)[3 * number // calls]
        draw = {"temperature": float(number % 2), "seed": number}
        model = open_models[name].model_copy(update=draw)
        if number == 5:
            before = resident()
        try:
            answer = model.bind_tools(SCHEMAS).invoke(state(chance))
            (call,) = answer.tool_calls
            TOOLS[call["name"]].arguments.model_validate(call["args"])
            written += answer.usage_metadata["output_tokens"]
            found["valid"] += 1
            found["tools"][call["name"]] = found["tools"].get(call["name"], 0) + 1
        except Exception as error:
            found["wrong"].append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
    found["seconds"], found["written"] = time.perf_counter() - start, written
    found["grown_mb"] = resident() - before

    model = open_models["llama"]
    words, loaded = weights.load_words(model.ref), weights.load_model(model.ref)
    endless = replace(words, ends=())
    schema = answer_schema(SCHEMAS, bounds_for(4096))
    prompt = [5] * 64
    def lap(schema, words, most, seed):
        start = time.perf_counter()
        _, count = generate(loaded, words, prompt, schema=schema, most=most, until=start + 1e6,
                            temperature=1.0, seed=seed, on_token=lambda _: None)
        return count, count / (time.perf_counter() - start)
    pairs = []
    for seed in range(12):
        count, held = lap(schema, words, 900, seed)
        _, free = lap(None, endless, count, seed)
        pairs.append((held, free))
    found["held"] = statistics.median(h for h, _ in pairs[2:])
    found["free"] = statistics.median(f for _, f in pairs[2:])
    found["share"] = statistics.median(h / f for h, f in pairs[2:])
    from llguidance import LLMatcher
    before = resident()
    source = LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
    start = time.perf_counter()
    kept = [LLMatcher(words.grammar, source) for _ in range(10)]
    found["grammar_ms"] = (time.perf_counter() - start) * 100
print("FOUND", json.dumps(found))
"""


def main() -> int:
    """Print the figures; 1 unless every call is valid."""
    print(describe())
    found = found_by(MEASURED, str(CALLS))
    for wrong in found["wrong"][:10]:
        print(f"  wrong: {wrong}")
    used = ", ".join(f"{n} {c}" for n, c in sorted(found["tools"].items()))
    each = found["written"] / max(1, found["valid"])
    print(f"random weights: {found['valid']} of {CALLS} calls valid ({used})")
    print(
        f"{found['seconds'] / CALLS:.2f} s a call, prompt among it; {each:.0f} tokens written; "
        f"memory grew by {found['grown_mb']:.0f} MiB over the calls"
    )
    print(
        f"Llama of {found['parameters'] / 1e6:.1f}M parameters: {found['held']:.0f} tokens/s "
        f"constrained, {found['free']:.0f} free ({found['share']:.0%}); "
        f"a grammar is made in {found['grammar_ms']:.1f} ms"
    )
    return int(found["valid"] < CALLS)


if __name__ == "__main__":
    sys.exit(main())
