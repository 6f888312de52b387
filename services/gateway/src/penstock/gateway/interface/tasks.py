"""Operations on tasks for people."""

from penstock.gateway.interface.operation import (
    CURSOR,
    LIMIT,
    Answered,
    Operation,
    in_path,
    in_query,
)
from penstock.gateway.shapes.tasks import AnswerBody, Task, TaskAnswer, TaskPage

_TASK = in_path("task_id", "The task's id.")

TASK_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/tasks",
        "get",
        "listTasks",
        "Open tasks for people, the oldest first",
        [Answered(200, "A page.", TaskPage)],
        [
            in_query("execution", "Only of this execution."),
            in_query("workflow", "Only of this workflow."),
            in_query("assignee", "Only those for this person, or for everybody."),
            in_query("kind", "Only of this kind: approval or effect."),
            LIMIT,
            CURSOR,
        ],
    ),
    Operation(
        "/v1/tasks/{task_id}",
        "get",
        "getTask",
        "An open task",
        [Answered(200, "The task.", Task)],
        [_TASK],
        problems=(404,),
    ),
    Operation(
        "/v1/tasks/{task_id}/answer",
        "post",
        "answerTask",
        "Answer a task",
        [Answered(200, "The answer is on disk.", TaskAnswer)],
        [_TASK],
        AnswerBody,
        (404, 409, 413, 415, 422),
    ),
)
