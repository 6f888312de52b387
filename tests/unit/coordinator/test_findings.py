"""Findings are what two looks in a row saw, until one does not see it."""

from dataclasses import dataclass

from penstock.coordinator.shell.audit.findings import FINDINGS_MAX, Finding, Findings, Repair


def finding(message: str = "lost", execution: str = "E1", at_us: int = 1) -> Finding:
    return Finding("I4", "default", execution, 7, message, Repair.REQUEUE, None, at_us)


@dataclass
class Told:
    findings: Findings

    def look(self, *seen: Finding) -> list[str]:
        return [each.message for each in self.findings.looked("E1", seen)]


def test_what_is_seen_once_is_not_told():
    told = Told(Findings())
    assert told.look(finding()) == []
    assert told.look() == []
    assert told.look(finding()) == []
    assert not told.findings.found


def test_what_is_seen_twice_is_told_once():
    told = Told(Findings())
    told.look(finding(at_us=1))
    assert told.look(finding(at_us=2)) == ["lost"]
    assert told.look(finding(at_us=3)) == []
    assert len(told.findings.found) == 1


def test_what_is_over_is_no_finding_any_more():
    told = Told(Findings())
    told.look(finding())
    told.look(finding())
    told.look()
    assert not told.findings.found


def test_a_repair_that_did_not_help_is_found_again():
    told = Told(Findings())
    told.look(finding())
    told.look(finding())
    told.findings.forget(finding())
    assert told.look(finding()) == []
    assert told.look(finding()) == ["lost"]


def test_a_look_that_could_not_tell_is_no_second_look():
    told = Told(Findings())
    told.look(finding())
    told.findings.not_told("E1")
    assert told.look(finding()) == []
    assert told.look(finding()) == ["lost"]


def test_a_look_that_could_not_tell_leaves_findings_as_they_are():
    told = Told(Findings())
    told.look(finding())
    told.look(finding())
    told.findings.not_told("E1")
    assert told.findings.found
    told.look()
    assert not told.findings.found


def test_what_is_looked_at_no_more_is_neither_a_finding_nor_a_suspicion():
    told = Told(Findings())
    told.look(finding())
    told.look(finding())
    told.findings.looked("E2", [finding(execution="E2")])
    told.findings.keep(lambda subject: subject == "E2")
    assert not told.findings.found
    told.findings.looked("E2", [finding(execution="E2")])
    assert [each.execution_id for each in told.findings.found.values()] == ["E2"]


def test_too_many_findings_are_counted_and_not_kept():
    findings = Findings()
    many = [finding(str(number)) for number in range(FINDINGS_MAX + 3)]
    findings.looked("E1", many)
    findings.looked("E1", many)
    assert len(findings.found) == FINDINGS_MAX
    assert findings.dropped == 3
