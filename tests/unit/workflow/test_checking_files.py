"""Each mistake in a workflow file gets its code, its place and its remedy, all of them at once."""

import pytest

from penstock.workflow.compile import Checked, InvalidDefinition, check, compile_source
from penstock.workflow.issues import ISSUES_MAX, Issue
from support.node_types import NODE_TYPES

HEAD = "flow: 1\nid: x\nparams: {sku: {type: string}}\nenv: [HOME_URL]\nnodes:\n"


def checked(nodes: str, tail: str = "") -> Checked:
    return check(HEAD + nodes + tail, NODE_TYPES)


def only(result: Checked) -> Issue:
    assert len(result.issues) == 1, result.issues
    return result.issues[0]


def codes(result: Checked) -> list[str]:
    return [issue.code for issue in result.issues]


def test_a_correct_file_has_no_findings_and_a_plan():
    result = checked("  a: {run: return 1}\n")
    assert result.issues == ()
    assert result.plan is not None


def test_all_findings_come_at_once_in_the_order_of_the_file():
    source = (
        "flow: 2\nid: 'a b'\nnodes:\n  a: {uses: fetsh@1}\n  b: {run: 'return (', needs: [c]}\n"
    )
    result = check(source, NODE_TYPES)
    assert codes(result) == [
        "UNKNOWN_FORMAT", "BAD_NAME", "UNKNOWN_TYPE", "BAD_JAVASCRIPT", "UNKNOWN_NODE",
    ]  # fmt: skip
    assert result.plan is None


# node text under `nodes:` (line 6 on), code, line, column, path, part of message or fix
MISTAKES = [
    ("  a: {runn: return 1, run: ;}", "UNKNOWN_KEY", 6, 7, "nodes.a.runn", '"run"'),
    ("  a: {run: ;, cache: {}}", "NOT_SUPPORTED_YET", 6, 15, "nodes.a.cache", "not supported"),
    ("  a: {}", "MISSING_KEY", 6, 6, "nodes.a.run", "run:"),
    ("  a: 5", "WRONG_TYPE", 6, 6, "nodes.a", "mapping"),
    ("  a-b c: {run: ;}", "BAD_NAME", 6, 3, 'nodes["a-b c"]', "valid node id"),
    ("  skip: {run: ;}", "BAD_NAME", 6, 3, "nodes.skip", "on_error"),
    ("  __proto__: {run: ;}", "BAD_NAME", 6, 3, "nodes.__proto__", "node id"),
    ("  a: {run: ;, uses: pay@2}", "CONFLICTING_KEYS", 6, 12, "nodes.a.run", "exclude"),
    ("  a: {uses: fetsh@1}", "UNKNOWN_TYPE", 6, 13, "nodes.a.uses", "fetch@1"),
    ("  a: {uses: fetch}", "UNKNOWN_TYPE", 6, 13, "nodes.a.uses", "fetch@1"),
    ("  a: {uses: output@1}", "UNKNOWN_TYPE", 6, 13, "nodes.a.uses", "not a known node type"),
    ("  a: {uses: js@1}", "MISSING_KEY", 6, 6, "nodes.a.run", "JavaScript"),
    ("  a: {uses: fetch@1}", "MISSING_KEY", 6, 6, "nodes.a.with", '"url" is missing'),
    ("  a: {uses: fetch@1, with: {}}", "BAD_CONFIG", 6, 28, "nodes.a.with", '"url" is missing'),
    ("  a: {uses: fetch@1, with: {url: x, methd: GET}}", "UNKNOWN_KEY", 6, 37,
     "nodes.a.with.methd", '"method"'),
    ("  a: {uses: fetch@1, with: {url: x, method: PUSH}}", "BAD_CONFIG", 6, 45,
     "nodes.a.with.method", "one of GET, POST"),
    ("  a: {uses: fetch@1, with: {url: x, fresh: yes}}", "BAD_CONFIG", 6, 44,
     "nodes.a.with.fresh", "true or false"),
    ("  a: {uses: fetch@1, with: {url: x, headers: {X: 1}}}", "BAD_CONFIG", 6, 50,
     "nodes.a.with.headers.X", "quotes"),
    ("  a: {uses: fetch@1, with: {url: x, auth: {usr: y, user: z}}}", "UNKNOWN_KEY", 6, 44,
     "nodes.a.with.auth.usr", '"user"'),
    ("  a: {run: ;, needs: [b]}", "UNKNOWN_NODE", 6, 23, "nodes.a.needs[0]", "no node"),
    ("  a: {run: ;, needs: [a]}", "CYCLE", 6, 23, "nodes.a.needs[0]", "itself"),
    ("  a: {run: ;, needs: 5}", "WRONG_TYPE", 6, 22, "nodes.a.needs", "name"),
    ("  a: {run: ;, retry: stnadard}", "UNKNOWN_POLICY", 6, 22, "nodes.a.retry", "standard"),
    ("  a: {run: ;, retry: {max_attempts: 0}}", "WRONG_TYPE", 6, 37,
     "nodes.a.retry.max_attempts", "1 to 1000"),
    ("  a: {run: ;, retry: {on: [fatal]}}", "WRONG_TYPE", 6, 28, "nodes.a.retry.on[0]",
     "transient"),
    ("  a: {run: ;, retry: {initial_delay: 5s, max_delay: 1s}}", "BAD_DURATION", 6, 53,
     "nodes.a.retry.max_delay", "longer"),
    ("  a: {run: ;, timeout: fast}", "BAD_DURATION", 6, 24, "nodes.a.timeout", "30s"),
    ("  a: {run: ;, timeout: 0}", "BAD_DURATION", 6, 24, "nodes.a.timeout", "30s"),
    ("  a: {run: ;, timeout: -1}", "BAD_DURATION", 6, 24, "nodes.a.timeout", "30s"),
    ("  a: {run: ;, timeout: 400d}", "BAD_DURATION", 6, 24, "nodes.a.timeout", "30s"),
    ("  a: {run: ;, on_error: ignore}", "UNKNOWN_NODE", 6, 25, "nodes.a.on_error", "continue"),
    ("  a: {run: ;, on_error: a}", "CYCLE", 6, 25, "nodes.a.on_error", "own failure"),
    ("  a: {run: ;, effects: maybe}", "WRONG_TYPE", 6, 24, "nodes.a.effects", "idempotent"),
    ("  a: {run: ;, pool: 'a b'}", "BAD_NAME", 6, 21, "nodes.a.pool", "letters"),
    ("  a: {run: ;, egress: ['http://x']}", "WRONG_TYPE", 6, 24, "nodes.a.egress[0]", "host"),
    ("  a: {run: ;, limits: {memory: 0}}", "WRONG_TYPE", 6, 32, "nodes.a.limits.memory", "64MB"),
    ("  a: {run: ;, importance: huge}", "WRONG_TYPE", 6, 27, "nodes.a.importance", "high"),
    ("  a: {run: ;, batch: 5}", "USELESS_KEY", 6, 22, "nodes.a.batch", "for_each"),
    ("  a: {run: ;, for_each: 5}", "WRONG_TYPE", 6, 25, "nodes.a.for_each", "list"),
    ("  a: {run: ;, for_each: [1], max_parallel: 0}", "WRONG_TYPE", 6, 44,
     "nodes.a.max_parallel", "from 1"),
    ("  a: {run: ;, for_each: [1], item: input}", "BAD_NAME", 6, 36, "nodes.a.item", "meaning"),
    ("  a: {run: ;, when: params.sku}", "WRONG_TYPE", 6, 21, "nodes.a.when", "${{ params.sku }}"),
    ("  a: {run: ;, when: '${{ true }} && x'}", "WRONG_TYPE", 6, 21, "nodes.a.when", "one ${{"),
    ("  a: {run: ;, for_each: '[${{ 1 }}]'}", "WRONG_TYPE", 6, 25, "nodes.a.for_each", "one ${{"),
    ("  a: {run: 'return 1 +'}", "BAD_JAVASCRIPT", 6, 23, "nodes.a.run", "after `+`"),
    ("  a: {run: 'return \"a'' + '}", "BAD_JAVASCRIPT", 6, 20, "nodes.a.run", "close it with"),
    ("  a: {run: \"return 'é\\u00e9' +\"}", "BAD_JAVASCRIPT", 6, 31, "nodes.a.run", "after `+`"),
    ("  a:\n    run: return foo(1,\n      2 3)", "BAD_JAVASCRIPT", 8, 9, "nodes.a.run",
     "unexpected `3`"),
    ("  a:\n    run: >-\n      const x = 1;\n      return (x;", "BAD_JAVASCRIPT", 9, 16,
     "nodes.a.run", "add `)`"),
    ("  a: {run: 'import x from \"y\"'}", "BAD_JAVASCRIPT", 6, 13, "nodes.a.run", "import"),
    ("  a: {run: ;, when: '${{ 1 + }}'}", "BAD_JAVASCRIPT", 6, 29, "nodes.a.when", "missing"),
    ("  a: {run: ;, when: '${{ a) || (b }}'}", "BAD_EXPRESSION", 6, 22, "nodes.a.when", "brackets"),
    ("  a: {run: ;, when: '${{ 1; 2 }}'}", "BAD_JAVASCRIPT", 6, 27, "nodes.a.when", "unexpected"),
    ("  a: {run: ;, when: 'is ${{ params.sku'}", "BAD_EXPRESSION", 6, 25, "nodes.a.when", "}}"),
    ("  a: {run: ;, when: '${{ }}'}", "BAD_EXPRESSION", 6, 22, "nodes.a.when", "no expression"),
    ("  a: {run: ;, when: '${{ params.sk }}'}", "UNKNOWN_PARAM", 6, 26, "nodes.a.when", '"sku"'),
    ("  a: {run: ;, when: '${{ env.HOME }}'}", "UNKNOWN_ENV", 6, 26, "nodes.a.when", "HOME_URL"),
    ("  a: {run: ;, when: '${{ run.idd }}'}", "UNKNOWN_FIELD", 6, 26, "nodes.a.when", '"id"'),
    ("  a: {run: ;, when: '${{ nope }}'}", "UNKNOWN_NAME", 6, 26, "nodes.a.when", "know"),
    ("  a: {run: ;, when: '${{ secrets.K }}'}", "NOT_SUPPORTED_YET", 6, 26, "nodes.a.when", "sec"),
    ("  a: {run: 'return secrets.get(1)'}", "NOT_SUPPORTED_YET", 6, 20, "nodes.a.run", "secrets"),
    ("  a: {run: 'return db.query(1)'}", "NOT_SUPPORTED_YET", 6, 20, "nodes.a.run", "db.query@1"),
    ("  a: {run: ;, when: '${{ http.get(1) }}'}", "NOT_POSSIBLE_HERE", 6, 26,
     "nodes.a.when", "run"),
    ("  a: {run: ;, when: '${{ item }}'}", "NOT_POSSIBLE_HERE", 6, 26, "nodes.a.when", "for_each"),
    ("  a: {run: ;, for_each: [1], when: '${{ item }}'}", "NOT_POSSIBLE_HERE", 6, 41,
     "nodes.a.when", "before"),
    ("  a: {uses: pay@2, for_each: [1], item: row, with: {v: '${{ item }}'}}", "UNKNOWN_NAME", 6,
     61, "nodes.a.with.v", "`row`"),
    ("  a: {run: return nodes.a.output}", "SELF_REFERENCE", 6, 19, "nodes.a.run", "own outcome"),
    ("  a: {run: return nodes.zzz.output}", "UNKNOWN_NODE", 6, 19, "nodes.a.run", "no node"),
    ("  a: {run: return input.zzz}", "UNKNOWN_INPUT", 6, 19, "nodes.a.run", "input"),
]  # fmt: skip


@pytest.mark.parametrize(("node", "code", "line", "column", "path", "words"), MISTAKES)
def test_a_mistake_has_code_place_and_remedy(
    node: str, code: str, line: int, column: int, path: str, words: str
):
    issue = only(checked(node + "\n"))
    assert (issue.code, issue.line, issue.column, issue.path) == (code, line, column, path)
    assert issue.severity == "error"
    assert words in f"{issue.message} {issue.fix}"


TOP_MISTAKES = [
    ("id: x\nnodes: {a: {run: ;}}", "MISSING_KEY", "flow"),
    ("flow: 1\nnodes: {a: {run: ;}}", "MISSING_KEY", "id"),
    ("flow: 1\nid: x", "MISSING_KEY", "nodes"),
    ("flow: 1\nid: x\nnodes: {}", "MISSING_KEY", "nodes"),
    ("flow: 1\nid: x\nnodes: [a]", "WRONG_TYPE", "nodes"),
    ("flow: 1\nid: x\nnoeds: {}\nnodes: {a: {run: ;}}", "UNKNOWN_KEY", "noeds"),

    ("flow: 1\nid: x\nmode: streaming\nnodes: {a: {run: ;}}", "NOT_SUPPORTED_YET", "mode"),
    ("flow: 1\nid: x\nmode: fast\nnodes: {a: {run: ;}}", "WRONG_TYPE", "mode"),
    ("flow: 1\nid: x\ntriggers: [{webhook: orders}]\nnodes: {a: {run: ;}}",
     "NOT_SUPPORTED_YET", "triggers[0].webhook"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '61 * * * *'}]\nnodes: {a: {run: ;}}",
     "BAD_CRON", "triggers[0].schedule"),
    ("flow: 1\nid: x\nparams: {n: {type: integer}}\n"
     "triggers: [{schedule: '@daily', params: {n: x}}]\nnodes: {a: {run: ;}}",
     "BAD_PARAM", "triggers.params.n"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '@daily', timezone: Mars}]\nnodes: {a: {run: ;}}",
     "BAD_TIMEZONE", "triggers[0].timezone"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '@daily', catch_up: some}]\nnodes: {a: {run: ;}}",
     "BAD_DURATION", "triggers[0].catch_up"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '@daily', overlap: no}]\nnodes: {a: {run: ;}}",
     "WRONG_TYPE", "triggers[0].overlap"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '@daily', jitter: 2d}]\nnodes: {a: {run: ;}}",
     "BAD_DURATION", "triggers[0].jitter"),
    ("flow: 1\nid: x\ntriggers: [{schedule: '@daily'}, {schedule: '0 0 * * *'}]\n"
     "nodes: {a: {run: ;}}", "DUPLICATE_ENTRY", "triggers"),
    ("flow: 1\nid: x\ntriggers: [{cron: x}]\nnodes: {a: {run: ;}}", "UNKNOWN_KEY",
     "triggers[0].cron"),
    ("flow: 1\nid: x\ndefaults: {retries: 1}\nnodes: {a: {run: ;}}", "UNKNOWN_KEY",
     "defaults.retries"),
    ("flow: 1\nid: x\nparams: {a: string}\nnodes: {a: {run: ;}}", "WRONG_TYPE", "params.a"),
    ("flow: 1\nid: x\nparams: {a: {type: txt}}\nnodes: {a: {run: ;}}", "BAD_SCHEMA",
     "params.a.type"),
    ("flow: 1\nid: x\nparams: {a: {$ref: 'file:///etc/passwd'}}\nnodes: {a: {run: ;}}",
     "BAD_SCHEMA", "params.a"),
    ("flow: 1\nid: x\nparams: {a: {type: integer, default: b}}\nnodes: {a: {run: ;}}",
     "BAD_DEFAULT", "params.a.default"),
    ("flow: 1\nid: x\nenv: [A, A]\nnodes: {a: {run: ;}}", "DUPLICATE_ENTRY", "env[1]"),
    ("flow: 1\nid: x\ntags: a\nnodes: {a: {run: ;}}", "WRONG_TYPE", "tags"),
    ("flow: 1\nid: x\ndeadline: soon\nnodes: {a: {run: ;}}", "BAD_DURATION", "deadline"),
    ("flow: 1\nid: x\nnodes: {a: {run: ;}}\noutput: '${{ nodes.b.output }}'", "UNKNOWN_NODE",
     "output"),
    ("flow: 1\nid: x\nnodes: {a: {run: ;}}\noutput: '${{ payload }}'", "NOT_POSSIBLE_HERE",
     "output"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "path"), TOP_MISTAKES)
def test_a_mistake_at_the_top_has_code_and_path(source: str, code: str, path: str):
    issue = only(check(source, NODE_TYPES))
    assert (issue.code, issue.path) == (code, path)


def test_manual_triggers_are_accepted_in_every_form():
    for form in ("manual", "[manual]", "[{manual: true}]", "{manual: {}}", "[{manual: }]"):
        source = f"flow: 1\nid: x\ntriggers: {form}\nnodes: {{a: {{run: ;}}}}\n"
        assert check(source, NODE_TYPES).issues == ()


def test_a_cycle_is_told_with_its_path():
    nodes = "  a: {run: ;, needs: [c]}\n  b: {run: ;, needs: [a]}\n  c: {run: ;, needs: [b]}\n"
    issue = only(checked(nodes + "  d: {run: ;, needs: [c]}\n"))
    assert (issue.code, issue.line) == ("CYCLE", 6)
    assert "a -> b -> c -> a" in issue.message


def test_every_cycle_is_told():
    nodes = "".join(f"  n{i}: {{run: ;, needs: [n{i ^ 1}]}}\n" for i in range(6))
    assert codes(checked(nodes)) == ["CYCLE"] * 3


def test_duplicate_node_ids_are_a_finding():
    issue = only(checked("  a: {run: ;}\n  a: {run: y}\n"))
    assert (issue.code, issue.line, issue.path) == ("DUPLICATE_KEY", 7, "nodes.a")


def test_script_errors_are_placed_inside_block_texts():
    nodes = "  a:\n    run: |\n      const x = 1;\n      return x + ;\n"
    issue = only(checked(nodes))
    assert (issue.code, issue.line, issue.column) == ("BAD_JAVASCRIPT", 9, 17)


def test_references_are_placed_inside_block_texts():
    nodes = "  a:\n    run: |\n      const é = '😀';\n      return params.nope;\n"
    issue = only(checked(nodes))
    assert (issue.code, issue.line, issue.column) == ("UNKNOWN_PARAM", 9, 14)


@pytest.mark.parametrize(
    ("schema", "path", "column", "fix"),
    [
        ("{type: int}", "params.a.type", 20, 'write "integer"'),
        ("{type: nmber}", "params.a.type", 20, 'did you mean "number"?'),
        ("{type: [string, date]}", "params.a.type", 20, "the types are string, number"),
        ("{items: {type: str}}", "params.a.items.type", 28, 'write "string"'),
        ("{anyOf: [{type: bool}]}", "params.a.anyOf[0].type", 29, 'write "boolean"'),
        ("{minimum: b}", "params.a.minimum", 23, "draft-07"),
    ],
)
def test_a_type_that_json_schema_lacks_is_told_at_its_place(
    schema: str, path: str, column: int, fix: str
):
    source = f"flow: 1\nid: x\nparams: {{a: {schema}}}\nnodes: {{a: {{run: ;}}}}\n"
    issue = only(check(source, NODE_TYPES))
    assert (issue.code, issue.path, issue.line, issue.column) == ("BAD_SCHEMA", path, 3, column)
    assert fix in issue.fix


def test_expressions_fit_wherever_the_type_wants_something_else():
    config = "{url: '${{ params.sku }}', method: '${{ params.sku }}', tries: '${{ 1 }}', headers: "
    config += "'${{ ({}) }}', auth: {user: '${{ params.sku }}'}}"
    assert checked(f"  a: {{uses: fetch@1, with: {config}}}\n").issues == ()


def test_reading_a_node_makes_the_edge_and_says_so():
    result = checked(
        "  a: {run: return 1}\n  b: {uses: pay@2, with: {v: '${{ nodes.a.output }}'}}\n"
    )
    issue = only(result)
    assert (issue.code, issue.severity) == ("IMPLIED_EDGE", "info")
    assert result.plan is not None
    assert result.plan.nodes[1].parents == (0,)


def test_reading_an_ancestor_makes_no_edge():
    nodes = "  a: {run: ;}\n  b: {run: ;, needs: [a]}\n"
    nodes += "  c: {run: 'return nodes.a.output', needs: [b]}\n"
    result = checked(nodes)
    assert result.issues == ()
    assert result.plan is not None
    assert result.plan.nodes[2].parents == (1,)
    assert result.plan.nodes[2].reads == (0, 1)


def test_reading_a_later_node_is_refused():
    nodes = "  a: {run: 'return nodes.b.output'}\n  b: {run: ;, needs: [a]}\n"
    assert codes(checked(nodes)) == ["NOT_AN_ANCESTOR"]


def test_nodes_that_read_each_other_are_a_cycle():
    nodes = "  a: {run: 'return nodes.b.output'}\n  b: {run: 'return nodes.a.output'}\n"
    assert codes(checked(nodes)) == ["CYCLE", "IMPLIED_EDGE", "IMPLIED_EDGE"]


def test_hyphenated_ids_need_brackets():
    nodes = "  my-node: {run: ;}\n  b: {run: ;, when: '${{ nodes.my-node.output }}'}\n"
    found = checked(nodes).issues
    assert 'nodes["my-node"]' in next(i for i in found if i.code == "UNKNOWN_NODE").fix


def test_fields_of_a_node_outcome_are_checked():
    nodes = "  a: {run: ;}\n  b: {run: ;, needs: [a], when: '${{ nodes.a.price }}'}\n"
    issue = only(checked(nodes))
    assert (issue.code, issue.fix) == ("UNKNOWN_FIELD", "write nodes.a.output.price")


def test_payload_needs_one_parent():
    nodes = "  a: {run: ;}\n  b: {run: ;}\n  c: {run: return payload, needs: [a, b]}\n"
    assert only(checked(nodes)).code == "NOT_POSSIBLE_HERE"


def test_input_holds_parents_only():
    nodes = "  a: {run: ;}\n  b: {run: ;, needs: [a]}\n  c: {run: return input.a, needs: [b]}\n"
    issue = only(checked(nodes))
    assert (issue.code, issue.fix) == ("UNKNOWN_INPUT", "write nodes.a.output, or add a to `needs`")


def test_actions_must_be_offered_by_the_router():
    route = "  r: {uses: route@1, with: {cases: [big, small]}}\n"
    good = route + "  a: {run: ;, needs: [{node: r, action: big}, {node: r, action: small}]}\n"
    assert checked(good).issues == ()
    issue = only(checked(route + "  a: {run: ;, needs: [{node: r, action: bug}]}\n"))
    assert (issue.code, issue.fix) == ("ACTION_NOT_OFFERED", 'did you mean "big"?')


def test_scripts_that_choose_may_choose_anything_and_others_nothing():
    needs = "  a: {run: ;, needs: [{node: r, action: big}]}\n"
    assert checked("  r: {run: 'return {__next: [\"big\"]}'}\n" + needs).issues == ()
    assert checked("  r: {run: 'next(\"big\")'}\n" + needs).issues == ()
    assert only(checked("  r: {run: return 1}\n" + needs)).code == "ACTION_NOT_OFFERED"


def test_fields_that_a_type_evaluates_itself_may_name_elements():
    nodes = (
        "  a: {run: ;}\n  b: {uses: each@1, needs: [a], with: {what: '${{ item.x + index }}'}}\n"
    )
    assert checked(nodes).issues == ()
    wrong = nodes.replace("what:", "other:")
    assert codes(checked(wrong)) == ["NOT_POSSIBLE_HERE", "UNKNOWN_NAME"]


def test_misspelt_schema_keywords_are_warned_of():
    source = "flow: 1\nid: x\nparams: {a: {type: string, defualt: b}}\nnodes: {a: {run: ;}}\n"
    result = check(source, NODE_TYPES)
    assert [(issue.code, issue.severity) for issue in result.issues] == [
        ("UNKNOWN_KEYWORD", "warning")
    ]
    assert result.plan is not None


def test_findings_are_capped_and_the_rest_counted():
    nodes = "".join(f"  n{i}: {{run: ;, needs: [m{i}]}}\n" for i in range(700))
    result = checked(nodes)
    assert len(result.issues) == ISSUES_MAX + 1
    assert result.issues[-1].code == "TOO_MANY_ISSUES"
    assert "200" in result.issues[-1].message


def test_more_nodes_than_possible_are_refused():
    nodes = "".join(f"  n{i}: {{run: ;}}\n" for i in range(10_001))
    assert "TOO_MANY_NODES" in codes(checked(nodes))


def test_compiling_an_invalid_file_raises_with_all_findings():
    with pytest.raises(InvalidDefinition) as caught:
        compile_source("flow: 1\nid: x\nnodes: {a: {}}\n", NODE_TYPES)
    assert [one["code"] for one in caught.value.to_dicts()] == ["MISSING_KEY"]
