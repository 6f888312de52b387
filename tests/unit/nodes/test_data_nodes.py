"""set, map, filter, merge, switch, template, log, output."""

import pytest

from penstock.nodes.api import NodeFailure
from penstock.nodes.filter.run import run as run_filter
from penstock.nodes.log.run import run as run_log
from penstock.nodes.map.run import run as run_map
from penstock.nodes.merge.run import run as run_merge
from penstock.nodes.output.run import run as run_output
from penstock.nodes.set.run import run as run_set
from penstock.nodes.switch.run import run as run_switch
from penstock.nodes.switch.spec import SWITCH
from penstock.nodes.template.run import run as run_template
from support.node_calls import make_call, plain


async def test_set_gives_its_value_with_expressions_evaluated():
    done = await run_set(make_call({"value": {"a": "${{ input.x.n }}", "b": 2}}, {"x": {"n": 1}}))
    assert plain(done.output) == {"a": 1, "b": 2}


async def test_map_evaluates_a_structure_for_every_element():
    call = make_call(
        {"list": "${{ input.x }}", "each": {"twice": "${{ item.n * 2 }}", "at": "${{ index }}"}},
        {"x": [{"n": 1}, {"n": 5}]},
    )
    assert plain((await run_map(call)).output) == [{"twice": 2, "at": 0}, {"twice": 10, "at": 1}]


async def test_map_refuses_what_is_no_list():
    with pytest.raises(NodeFailure, match="NOT_A_LIST"):
        await run_map(make_call({"list": "${{ input.x }}", "each": "${{ item }}"}, {"x": 3}))


async def test_filter_keeps_elements_by_javascript_truth_in_order():
    call = make_call({"list": "${{ input.x }}", "where": "${{ item.keep }}"}, {
        "x": [{"keep": 1}, {"keep": ""}, {"keep": []}, {"keep": 0}, {"keep": None}, {"keep": "a"}]
    })  # fmt: skip
    assert plain((await run_filter(call)).output) == [{"keep": 1}, {"keep": []}, {"keep": "a"}]


@pytest.mark.parametrize(
    ("mode", "outputs", "expected"),
    [
        ("object", {"a": {"x": 1, "y": 1}, "b": {"y": 2}}, {"x": 1, "y": 2}),
        ("deep", {"a": {"x": {"p": 1}}, "b": {"x": {"q": 2}}}, {"x": {"p": 1, "q": 2}}),
        ("concat", {"a": [1, 2], "b": [], "c": [3]}, [1, 2, 3]),
        ("list", {"a": 1, "b": None}, [1, None]),
        ("by_id", {"a": 1, "b": [2]}, {"a": 1, "b": [2]}),
    ],
)
async def test_merge_joins_the_parents(mode, outputs, expected):
    assert plain((await run_merge(make_call({"mode": mode}, outputs))).output) == expected


async def test_merge_says_which_value_does_not_fit():
    with pytest.raises(NodeFailure, match="needs objects, got 5"):
        await run_merge(make_call({}, {"a": {}, "b": 5}))


async def test_switch_chooses_the_first_case_that_holds_and_passes_the_payload_on():
    cases = [
        {"when": "${{ input.x > 10 }}", "action": "big"},
        {"when": "${{ input.x > 1 }}", "action": "some"},
        {"when": True, "action": "any"},
    ]
    done = await run_switch(make_call({"cases": cases}, {"x": 5}))
    assert done.chosen == ("some",)
    assert plain(done.output) == 5


async def test_switch_with_match_all_chooses_each_action_once():
    cases = [
        {"when": True, "action": "a"},
        {"when": True, "action": "b"},
        {"when": True, "action": "a"},
    ]
    done = await run_switch(make_call({"cases": cases, "match": "all"}, {"x": 5}))
    assert done.chosen == ("a", "b")


async def test_switch_without_a_match_takes_the_default_or_nothing():
    cases = [{"when": False, "action": "a"}]
    assert (await run_switch(make_call({"cases": cases, "default": "z"}))).chosen == ("z",)
    assert (await run_switch(make_call({"cases": cases}))).chosen == ()


def test_switch_tells_the_actions_it_can_choose():
    config = {"cases": [{"when": "x", "action": "a"}, {"when": "y", "action": "b"}], "default": "a"}
    assert SWITCH.actions_of is not None
    assert SWITCH.actions_of(config) == ("a", "b")
    assert SWITCH.actions_of({"cases": "nonsense"}) == ()


async def test_template_fills_expressions_and_paths_in_one_pass():
    call = make_call(
        {"text": "Hi {{ user.name }}, ${{ input.x.n }} left: ${{ input.x.list }}{{ gone }}."},
        {"x": {"user": {"name": "{{ n }}"}, "n": 2, "list": [1, "a"]}},
    )
    assert (await run_template(call)).output == 'Hi {{ n }}, 2 left: [1,"a"].'


async def test_template_escapes_for_html_only_what_is_filled_in():
    call = make_call({"text": "<b>{{ a }}</b>", "values": {"a": "<i>"}, "escape": "html"})
    assert (await run_template(call)).output == "<b>&lt;i&gt;</b>"


async def test_template_refuses_more_than_a_path_in_braces():
    with pytest.raises(NodeFailure, match="BAD_TEMPLATE"):
        await run_template(make_call({"text": "{{ a + 1 }}"}))


async def test_log_writes_a_line_and_passes_the_payload_on():
    lines = []
    call = make_call(
        {"message": {"n": 1}, "level": "warn"}, {"x": [7]}, log=lambda *line: lines.append(line)
    )
    assert plain((await run_log(call)).output) == [7]
    assert lines == [("warn", '{"n":1}')]


async def test_output_gathers_completed_parents_by_id():
    done = await run_output(make_call({}, {"a": 1, "b": {"c": 2}}, collects=True))
    assert plain(done.output) == {"a": 1, "b": {"c": 2}}


async def test_output_evaluates_its_value():
    done = await run_output(make_call({"value": {"n": "${{ nodes.a.output }}"}}, {"a": 1}))
    assert plain(done.output) == {"n": 1}
