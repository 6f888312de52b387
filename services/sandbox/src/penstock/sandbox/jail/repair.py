"""The slow paths: payloads that are not JSON, and the line of a syntax error."""

from collections.abc import Iterator, Mapping

import msgspec

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.sandbox.jail.isolate import Isolate

_decode = msgspec.json.decode


def _payloads(call: sandbox_pb2.Call) -> Iterator[tuple[str, bytes]]:
    yield "params", call.params_json
    yield "run", call.run_json
    yield "env", call.env_json
    yield "trigger", call.trigger_json
    for value in call.values:
        yield f"the output of {value.node_id}", value.output_json
        yield f"the error of {value.node_id}", value.error_json
    for step in call.steps:
        yield f"the item of {step.node_id}", step.item_json


def _complaint(text: bytes) -> str | None:
    try:
        if text:
            text.decode()
            _decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        return str(error)
    return None


def refuse_bad_json(request: sandbox_pb2.RunRequest) -> list[sandbox_pb2.CallResult]:
    """Take calls with broken payloads out of the request and say what is wrong with each.

    A broken answer of the host becomes a failure that is thrown in user code. Nothing of the
    request has been run yet.
    """
    refused = []
    sound = []
    for call in request.calls:
        wrong = next(
            ((name, what) for name, text in _payloads(call) if (what := _complaint(text))), None
        )
        if wrong is None:
            sound.append(call)
            continue
        failure = payload_pb2.Failure(
            error_class=payload_pb2.ERROR_CLASS_PERMANENT,
            reason="INVALID_ARGUMENT",
            message=f"{wrong[0]} is not JSON: {wrong[1]}",
        )
        refused.append(
            sandbox_pb2.CallResult(
                call_id=call.call_id, steps=[sandbox_pb2.StepResult(failure=failure)]
            )
        )
    kept = [sandbox_pb2.Call.FromString(call.SerializeToString()) for call in sound]
    del request.calls[:]
    request.calls.extend(kept)
    for result in request.host_results:
        if (what := _complaint(result.value_json)) is not None:
            result.failure.CopyFrom(
                payload_pb2.Failure(
                    error_class=payload_pb2.ERROR_CLASS_SYSTEM,
                    reason="INTERNAL",
                    message=f"The host's answer is not JSON: {what}",
                )
            )
        if _complaint(result.failure.details_json) is not None:
            result.failure.details_json = b""
    return refused


def place_syntax_errors(
    response: sandbox_pb2.RunResponse,
    isolate: Isolate,
    sources: Mapping[str, sandbox_pb2.Script],
) -> None:
    """Add the line to failures with reason SCRIPT_SYNTAX that do not name one yet.

    The runtime leaves the script's id in the details of such a failure.
    """
    for result in response.results:
        if not result.steps or result.steps[-1].failure.reason != "SCRIPT_SYNTAX":
            continue
        failure = result.steps[-1].failure
        script = sources.get(_decode(failure.details_json)["script_id"])
        is_body = script is not None and script.kind == sandbox_pb2.SCRIPT_KIND_BODY
        line = isolate.syntax_error_line(script.source, is_body=is_body) if script else 0
        if line and "line" not in failure.message:
            failure.message = f"SyntaxError: {failure.message} (line {line})"
        failure.details_json = msgspec.json.encode({"name": "SyntaxError", "line": line})
