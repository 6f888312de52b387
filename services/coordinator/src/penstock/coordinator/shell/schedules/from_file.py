"""The schedules in a workflow's file as rows."""

import math

import msgspec

from penstock.api.schedule.v1.schedule_pb2 import Schedule, Timing
from penstock.common.schedule_codec import CATCH_UP_NUMBERS, OVERLAP_NUMBERS, default_id
from penstock.workflow.plan import Plan
from penstock.workflow.policies import ScheduleTrigger


def schedules_of(plan: Plan) -> list[Schedule]:
    """What applying the plan's file makes of its schedules; they start the latest version."""
    return [_schedule(plan.name, trigger) for trigger in plan.schedules]


def _schedule(workflow: str, trigger: ScheduleTrigger) -> Schedule:
    return Schedule(
        id=trigger.id or default_id(workflow, trigger.cron),
        workflow=workflow,
        timing=Timing(
            cron=trigger.cron,
            timezone=trigger.timezone,
            overlap=OVERLAP_NUMBERS[trigger.overlap],
            catch_up=CATCH_UP_NUMBERS[trigger.catch_up],
            catch_up_window_s=math.ceil(trigger.catch_up_s),
            jitter_s=math.ceil(trigger.jitter_s),
        ),
        params_json=msgspec.json.encode(trigger.params) if trigger.params else b"",
        from_file=True,
    )
