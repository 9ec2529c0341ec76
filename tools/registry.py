"""All tools by name: the one list of what the agent can do."""

from __future__ import annotations

from .augment.tool import AUGMENT
from .datasets.inspect_tool import INSPECT
from .datasets.tool import CLEAN, MASK
from .fusion.tool import APPLY_KNOWLEDGE
from .guardrails.tool import CHECK_GUARDRAILS
from .jobs.tool import FINISH, LIST_JOBS
from .knowledge.explain_tool import EXPLAIN
from .knowledge.tool import QUERY_KNOWLEDGE, RECORD_LESSON
from .search.tool import SEARCH
from .tool import Tool
from .training.blend_tool import BLEND
from .training.evaluate_tool import EVALUATE
from .training.fine_tune_tool import FINE_TUNE
from .training.probe_tool import PROBE
from .training.rank_tool import RANK_BASE_MODELS

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        INSPECT,
        CLEAN,
        MASK,
        RANK_BASE_MODELS,
        PROBE,
        AUGMENT,
        FINE_TUNE,
        SEARCH,
        BLEND,
        APPLY_KNOWLEDGE,
        EVALUATE,
        QUERY_KNOWLEDGE,
        RECORD_LESSON,
        EXPLAIN,
        CHECK_GUARDRAILS,
        LIST_JOBS,
        FINISH,
    )
}
