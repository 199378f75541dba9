"""docs/reliability.md names every test of faults and every fuzzer, and none that is not there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text()


def test_each_fault_test_proves_something():
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    there = {path.name for part in ("fault", "integration") for path in (TESTS / part).glob("test_*.py")}
    assert {path.name for path in (TESTS / "fault").glob("test_*.py")} <= named
    assert named <= there


def test_each_unit_test_named_is_there():
    named = set(re.findall(r"`?\b(test_\w+)`? \(unit\)", PAGE))
    assert named and all((TESTS / "unit" / f"{name}.c").is_file() for name in named), named


def test_each_fuzzer_has_its_line():
    fuzzers = re.findall(r"^quire_fuzzer \(fuzz_(\w+)", (TESTS / "fuzz" / "CMakeLists.txt").read_text(), re.M)
    lines = re.findall(r"^\| `(\w+)` \|", PAGE, re.M)
    assert sorted(lines) == sorted(fuzzers)
