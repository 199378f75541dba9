"""docker-compose.yml hands every setting to the roles that read it, and a secret to no other."""

import re
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
ROLES = {"G": "gateway", "X": "extractor", "E": "embedder", "A": "answerer"}
# What the image itself sets.
FIXED = {"QUIRE_DATA_DIR", "QUIRE_MODEL_DIR", "QUIRE_HEARTBEAT", "QUIRE_GATEWAY_ADDRESS"}
# What comes by a further compose file, as files (docs/operations.md, keys of the links).
BY_FILE = "QUIRE_CURVE_"


def settings():
    """(variable, its roles, is it a secret?) of each setting of the table."""
    table = (CHECKOUT / "common" / "settings.def").read_text()
    rows = re.findall(r'^SETTING_(TEXT|NUMBER)\s*\((\w+),\s*(?:NULL|"(\w+)"),.*?"([GXEA]+)",\s*(\d)?', table, re.M)
    return [(variable or f"QUIRE_{name}", {ROLES[letter] for letter in letters}, secret == "1")
            for _, name, variable, letters, secret in rows]


def handed():
    """{role: {variable: value}}"""
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]
    return {role: services[role]["environment"] for role in ROLES.values()}


def test_every_setting_reaches_its_roles():
    environments, table = handed(), settings()
    assert len(table) == (CHECKOUT / "common" / "settings.def").read_text().count("\nSETTING_")
    assert [(variable, role) for variable, roles, _ in table for role in sorted(roles)
            if variable not in FIXED and not variable.startswith(BY_FILE)
            and variable not in environments[role]] == []


def test_what_is_handed_on_is_what_was_set():
    for environment in handed().values():
        for variable, value in environment.items():
            if "${" in str(value):
                assert value == f"${{{variable}:-}}"


def test_a_secret_reaches_no_other_role():
    environments = handed()
    for variable, roles, secret in settings():
        takers = {role for role in environments if "${" in str(environments[role].get(variable))}
        assert not secret or takers <= roles, variable
