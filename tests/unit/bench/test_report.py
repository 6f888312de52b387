"""Tables say what is recorded, and documents keep what is not theirs."""

from bench.report import budget_table, cost_table, latency_table, number, put_into

LATEST = {
    "segment_nodes_per_s": 61_234.5,
    "rounds": {"segment_nodes_per_s": [60_000.0, 61_234.5, 70_000.0]},
}


def test_a_figure_is_told_with_its_spread_and_its_budget():
    assert "| 61,234 | 60,000 - 70,000 | 60,000 |" in budget_table(LATEST)


def test_figures_that_are_not_there_are_not_told():
    assert "dispatched" not in budget_table(LATEST)
    assert latency_table(LATEST) == ""


def test_each_load_has_its_percentiles():
    name = "segment_open50"
    latest = {f"{name}_ms_{p}": ms for ms, p in enumerate(("p50", "p90", "p99", "p999"), start=1)}
    latest[f"{name}_exec_per_s"] = 3_000
    table = latency_table(latest)
    assert "| ten-node chains in segments, 50 % of peak | 3,000 | 1 | 2 | 3 | 4 |" in table


def test_the_load_generator_is_in_the_table_of_costs_and_in_its_sum():
    table = cost_table({"x_per_s": {"worker": 5.0, "load": 2.0}})
    assert "| load | 2.0 |" in table
    assert "| all | 7.0 |" in table


def test_numbers_have_as_many_digits_as_are_worth_telling():
    assert [number(value) for value in (1234.5, 12.34, 1.234, 3.0)] == [
        "1,234",
        "12.3",
        "1.23",
        "3",
    ]


def test_only_the_marked_section_of_a_document_is_replaced():
    text = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    assert put_into(text, "new") == "before\n<!-- bench -->\nnew\n<!-- /bench -->\nafter\n"
