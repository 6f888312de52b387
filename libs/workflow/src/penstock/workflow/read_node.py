"""Reads one node of a file."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from penstock.workflow import vocabulary as words
from penstock.workflow.definition import Defaults, Need, NodeDefinition
from penstock.workflow.fields import Fields
from penstock.workflow.issues import IssueList
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.node_type import Effects, NodeType
from penstock.workflow.plan import EdgeOn, OnError, SandboxLimits
from penstock.workflow.read_policies import read_limits, read_on_uncertain, read_retry
from penstock.workflow.read_scheduling import read_scheduling


class NodeReader:
    """Reads nodes with the types and defaults of one file."""

    def __init__(
        self, types: Mapping[str, NodeType], defaults: Defaults, issues: IssueList
    ) -> None:
        self._types = types
        self._defaults = defaults
        self._issues = issues
        self._keys = Names((*words.NODE_KEYS, *words.NODE_KEYS_LATER))
        self._need_keys = Names(words.NEED_KEYS)
        self._type_names = Names(types)

    def read(self, node_id: str, value: Located, path: str) -> NodeDefinition | None:
        """The node, or None if it is not even a mapping."""
        if value.items is None:
            message = f"A node must be a mapping, not {value.kind}."
            fix = "give it `run:` or `uses:`"
            self._issues.error("WRONG_TYPE", value.place(path), message, fix)
            return None
        fields = Fields(value, path, self._issues)
        fields.check_keys(words.NODE_KEYS, words.NODE_KEYS_LATER, self._keys)
        uses, script = self._read_kind(fields)
        on_error, on_error_node = self._read_on_error(fields)
        on_uncertain, ask_for_s = read_on_uncertain(fields)
        retry = fields.get("retry")
        defaults = self._defaults
        node = NodeDefinition(
            id=node_id,
            source=value,
            path=path,
            uses=uses,
            type=self._types.get(uses),
            needs=self._read_needs(fields),
            script=script,
            config=self._read_config(fields),
            retry=defaults.retry if retry is None else read_retry(retry, fields),
            timeout_s=fields.duration_s("timeout") or defaults.timeout_s,
            deadline_s=fields.duration_s("deadline") or 0.0,
            on_error=on_error,
            on_error_node=on_error_node,
            effects=cast("Effects | None", fields.choice("effects", words.EFFECTS)),
            pool=fields.name("pool", words.POOL, words.POOL_RULE) or defaults.pool,
            egress=fields.texts("egress", words.HOST, words.HOST_RULE, 100),
            limits=read_limits(fields) if fields.get("limits") else SandboxLimits(),
            importance=fields.choice("importance", words.IMPORTANCE) or "",
            summary=fields.text("summary", 1000) or "",
            scheduling=read_scheduling(fields),
            on_uncertain=on_uncertain,
            ask_for_s=ask_for_s,
        )
        fields.text("description")
        return self._with_conditions(node, fields)

    def _with_conditions(self, node: NodeDefinition, fields: Fields) -> NodeDefinition:
        when = self._read_when(fields)
        for_each = self._read_for_each(fields)
        if for_each is None:
            for key in ("item", "max_parallel", "batch"):
                if fields.get(key) is not None:
                    message = f'"{key}" has no meaning without "for_each".'
                    fix = "add `for_each:` or remove it"
                    self._issues.error("USELESS_KEY", fields.place(key), message, fix)
            return msgspec.structs.replace(node, when=when) if when is not None else node
        return msgspec.structs.replace(
            node,
            when=when,
            for_each=for_each,
            item_name=self._read_item_name(fields),
            max_parallel=fields.integer("max_parallel", 1, words.ITEMS_MAX) or 0,
            batch=fields.integer("batch", 1, words.ITEMS_MAX) or 0,
        )

    def _read_kind(self, fields: Fields) -> tuple[str, str | None]:
        uses = fields.text("uses", 200)
        script = fields.text("run", 500_000)
        if fields.get("run") is not None:
            if uses is not None and uses != words.JS_TYPE:
                message = '"run" and "uses" exclude each other.'
                fix = "keep `run:` for JavaScript, or `uses:` with `with:` for a node type"
                self._issues.error("CONFLICTING_KEYS", fields.place("run"), message, fix)
            uses = uses or words.JS_TYPE
            self._check_type(uses, fields, "uses" if fields.get("uses") else "run")
            return uses, script
        if fields.get("uses") is None:
            fields.missing("run", "give `run:` with JavaScript, or `uses:` with a node type")
            return "", None
        if uses is not None:
            self._check_type(uses, fields, "uses")
            if uses == words.JS_TYPE:
                fields.missing("run", "write the JavaScript under `run:`")
        return uses or "", None

    def _check_type(self, uses: str, fields: Fields, key: str) -> None:
        if uses in self._types:
            return
        versions = [
            name for name in self._types if name.partition("@")[0] == uses.partition("@")[0]
        ]
        fix = f'write "{versions[-1]}"' if versions else self._type_names.hint(uses)
        message = f'"{uses[:80]}" is not a known node type.'
        known = ", ".join(sorted(self._types)[:30])
        self._issues.error("UNKNOWN_TYPE", fields.place(key), message, fix or f"one of {known}")

    def _read_config(self, fields: Fields) -> Any:
        value = fields.mapping("with", "write the settings as `key: value`")
        return value.data if value is not None else {}

    def _read_when(self, fields: Fields) -> str | None:
        value = fields.get("when")
        if value is None:
            return None
        if isinstance(value.data, bool):
            return "${{ true }}" if value.data else "${{ false }}"
        if not isinstance(value.data, str) or "${{" not in value.data:
            example = str(value.data).partition("\n")[0][:60]
            fix = f'write `when: "${{{{ {example} }}}}"`'
            fields.wrong("when", "an expression in ${{ }}", fix)
            return None
        return value.data

    def _read_for_each(self, fields: Fields) -> Any:
        value = fields.get("for_each")
        if value is None:
            return None
        is_expression = isinstance(value.data, str) and "${{" in value.data
        if value.elements is None and not is_expression:
            fields.wrong("for_each", "a list, or an expression in ${{ }} that gives one")
            return None
        if value.elements is not None and len(value.elements) > words.ITEMS_MAX:
            fields.wrong("for_each", f"a list of at most {words.ITEMS_MAX}")
            return None
        return value.data

    def _read_item_name(self, fields: Fields) -> str:
        name = fields.name("item", words.IDENTIFIER, words.IDENTIFIER_RULE)
        if name in (*words.EXPRESSION_ROOTS, *words.LATER_ROOTS, *words.HOST_FUNCTIONS):
            message = f'"{name}" already has a meaning in expressions.'
            fix = "choose another name for the item"
            self._issues.error("BAD_NAME", fields.place("item"), message, fix)
        return name or "item"

    def _read_on_error(self, fields: Fields) -> tuple[OnError, Need | None]:
        value = fields.text("on_error", 100)
        if value is None:
            return self._defaults.on_error, None
        if value in words.ON_ERROR:
            return cast("OnError", value), None
        return "fail", Need(value, fields.place("on_error"), "failure")

    def _read_needs(self, fields: Fields) -> tuple[Need, ...]:
        value = fields.get("needs")
        if value is None:
            return ()
        path = join_path(fields.path, "needs")
        if value.elements is None:
            need = self._read_need(value, path)
            return (need,) if need else ()
        found: list[Need] = []
        seen: set[tuple[str, str, str | None]] = set()
        for position, element in enumerate(value.elements):
            need = self._read_need(element, join_path(path, position))
            if need is None:
                continue
            key = (need.node, need.on, need.action)
            if key in seen:
                message = f'"{need.node}" is needed twice.'
                self._issues.error("DUPLICATE_ENTRY", need.place, message, "remove one of them")
                continue
            seen.add(key)
            found.append(need)
        return tuple(found)

    def _read_need(self, value: Located, path: str) -> Need | None:
        place = value.place(path)
        if isinstance(value.data, str):
            return Need(value.data, place)
        if value.items is None:
            message = f"A need must be a node's name or a mapping, not {value.kind}."
            fix = "write `needs: [name]` or `needs: [{node: name, on: failure}]`"
            self._issues.error("WRONG_TYPE", place, message, fix)
            return None
        fields = Fields(value, path, self._issues)
        fields.check_keys(words.NEED_KEYS, (), self._need_keys)
        node = fields.text("node", 100)
        if fields.get("node") is None:
            fields.missing("node", "name the node that is needed")
        on = fields.choice("on", words.EDGE_ON) or "success"
        action = fields.name("action", words.ACTION, "the name of one of the router's outputs")
        if node is None:
            return None
        return Need(node, fields.place("node"), cast("EdgeOn", on), action)
