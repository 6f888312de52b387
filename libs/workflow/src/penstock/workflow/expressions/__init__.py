"""`${{ }}` expressions: finding them in texts, evaluating the simple ones exactly as JavaScript
would, embedding results."""

from penstock.workflow.expressions.access import Access
from penstock.workflow.expressions.errors import ExpressionFailed, TemplateSyntaxError
from penstock.workflow.expressions.evaluate import NEEDS_SANDBOX, evaluate_native
from penstock.workflow.expressions.javascript_values import UNDEFINED, to_text
from penstock.workflow.expressions.template import Expression, Template, parse_template
from penstock.workflow.expressions.tree import ValueTemplate, parse_value

__all__ = [
    "NEEDS_SANDBOX",
    "UNDEFINED",
    "Access",
    "Expression",
    "ExpressionFailed",
    "Template",
    "TemplateSyntaxError",
    "ValueTemplate",
    "evaluate_native",
    "parse_template",
    "parse_value",
    "to_text",
]
