"""Random bytes for a minute on every port that a link is bound to: nothing happens but a counter."""

import os

import pytest

from noise import LINKS, tcp_settings
from processes import resident_bytes
from service import free_port
from test_links import key_settings, make_keys, makes_noise

NOISE_S = 60
MOST_GROWTH = 48 << 20   # of a role's memory, the files that it takes in meanwhile included


@pytest.mark.parametrize("keys", [False, True], ids=["open", "locked"])
def test_a_minute_of_noise(new_service, tmp_path, chance, keys):
    ports = {link: free_port() for link in LINKS}
    settings = tcp_settings(ports)
    if keys:
        settings.update(key_settings(make_keys(os.environ["QUIRE_BUILD_DIR"], tmp_path / "keys")))
    service = new_service(settings=settings).start().wait_ready()
    before = {role: resident_bytes(service.processes[role].pid) for role in ("gateway", "answerer")}
    connections = makes_noise(service, ports, NOISE_S, chance.random())
    assert connections > 1000
    for role, bytes_before in before.items():
        assert resident_bytes(service.processes[role].pid) - bytes_before < MOST_GROWTH, role
