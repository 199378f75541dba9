"""The fixtures of the integration tests, for the tests of other folders: their own conftest.py has the
same name as the one that holds them, so that one is loaded by its path."""

import importlib.util
from pathlib import Path


def _load():
    spec = importlib.util.spec_from_file_location("integration_conftest",
                                                  Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fixtures = _load()
