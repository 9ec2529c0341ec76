"""Chat templates are programs: is one small, ending, and kept to its messages?

transformers renders them in jinja's sandbox, which stops them from calling out; it does not
stop one that loops for hours. So the template's tree is looked at before it is used.
"""

from __future__ import annotations

LONGEST = 100_000  # characters
DEEPEST_LOOPS = 3  # in each other
MOST_NODES = 20_000
MOST_RANGE = 1_000
_FILTERS_THAT_GROW = {"center", "indent", "format", "wordwrap"}


def template_fault(template: str) -> str | None:
    """Say why a template may not be rendered; None: it may."""
    from jinja2 import Environment, TemplateError, nodes

    if len(template) > LONGEST:
        return f"is {len(template):,} characters long; {LONGEST:,} are allowed"
    # Tags that transformers adds, as it does: unknown ones would not parse.
    source = template.replace("{% generation %}", "").replace("{%- generation %}", "")
    source = source.replace("{%- generation -%}", "").replace("{% generation -%}", "")
    for end in ("{% endgeneration %}", "{%- endgeneration %}", "{%- endgeneration -%}"):
        source = source.replace(end, "")
    source = source.replace("{% endgeneration -%}", "")
    try:
        tree = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(source)
    except (TemplateError, RecursionError) as error:
        return f"is no template: {str(error).splitlines()[0][:100] if str(error) else 'too deep'}"
    found = list(tree.find_all(nodes.Node))
    if len(found) > MOST_NODES:
        return f"has {len(found):,} parts; {MOST_NODES:,} are allowed"
    for node in found:
        fault = _node_fault(node)
        if fault is not None:
            return fault
    if _loops(tree) > DEEPEST_LOOPS:
        return f"has loops in loops, more than {DEEPEST_LOOPS} deep: it may never end"
    return None


def _node_fault(node: object) -> str | None:
    from jinja2 import nodes

    if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        return "reads other files; a chat template stands alone"
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return f"reaches for {node.attr[:40]!r}, which no chat template needs"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        if isinstance(node.arg.value, str) and node.arg.value.startswith("__"):
            return f"reaches for {node.arg.value[:40]!r}, which no chat template needs"
        return None
    if isinstance(node, nodes.Pow):
        return "computes powers, which may never end"
    if isinstance(node, nodes.Mul):
        numbers = [p.value for p in (node.left, node.right) if isinstance(p, nodes.Const)]
        if any(isinstance(n, int) and n > MOST_RANGE for n in numbers):
            return "repeats something without need, which may never end"
    if isinstance(node, nodes.Filter) and node.name in _FILTERS_THAT_GROW:
        wide = [a.value for a in node.args if isinstance(a, nodes.Const)]
        if any(isinstance(n, int) and n > MOST_RANGE for n in wide):
            return f"pads with {node.name}, which may never end"
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
        if node.node.name in {"lipsum", "cycler", "joiner"}:
            return f"calls {node.node.name}, which no chat template needs"
        if node.node.name == "range":
            ends = [a.value for a in node.args if isinstance(a, nodes.Const)]
            if any(isinstance(n, int) and n > MOST_RANGE for n in ends):
                return f"counts beyond {MOST_RANGE:,}: it may never end"
    if isinstance(node, nodes.For) and node.recursive:
        return "loops recursively: it may never end"
    return None


def _loops(node: object, depth: int = 0) -> int:
    """How deep loops stand in loops; a macro that calls itself counts as too deep."""
    from jinja2 import nodes

    if not isinstance(node, nodes.Node):
        return depth
    if isinstance(node, nodes.Macro):
        calls = node.find_all(nodes.Call)
        own = any(isinstance(c.node, nodes.Name) and c.node.name == node.name for c in calls)
        if own:
            return DEEPEST_LOOPS + 1
    inner = depth + isinstance(node, nodes.For)
    return max([inner, *(_loops(child, inner) for child in node.iter_child_nodes())])
