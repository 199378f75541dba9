"""count.py RESULTS PART…: adds up the reports RESULTS/PART.xml (JUnit XML of ctest and pytest) and
prints `N passed, N failed`. The status is 0 when some passed and none failed.

A program of C tests is one case to ctest, but counts here as the cases that cmocka says it ran. A
part without a report, and a program that ended without naming what failed, count as one failure."""

import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def count_program(case):
    """(passed, failed, skipped) of one program of C tests."""
    output = case.findtext("system-out") or ""
    passed = len(re.findall(r"^\[ +OK \]", output, re.M))
    failed = sum(map(int, re.findall(r"^\[ +FAILED +\] .*: (\d+) test\(s\), listed below", output, re.M)))
    skipped = sum(map(int, re.findall(r"^\[ +SKIPPED +\] .*: (\d+) test\(s\), listed below", output, re.M)))
    if case.get("status") != "run" and failed == 0:
        failed = 1
    if passed + failed + skipped == 0:
        passed = 1   # no cmocka program: it is one case
    return passed, failed, skipped


def count_case(case):
    failed = int(case.find("failure") is not None or case.find("error") is not None)
    skipped = int(case.find("skipped") is not None)
    return 1 - failed - skipped, failed, skipped


def count_part(report):
    try:
        root = xml.parse(report).getroot()
    except (OSError, xml.ParseError):
        return 0, 1, 0
    cases = list(root.iter("testcase"))
    counter = count_program if any(case.get("status") for case in cases) else count_case
    return tuple(map(sum, zip((0, 0, 0), *map(counter, cases))))


def main(results, *parts):
    passed, failed, skipped = map(sum, zip(*(count_part(Path(results, f"{part}.xml")) for part in parts)))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
