"""The Kubernetes manifests: each resource fits its schema, and the links are those of the stack."""

import re
import warnings

import kubernetes_validate
import pytest
import yaml

from docker import CHECKOUT, ROLES

FOLDER = CHECKOUT / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def resources(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@pytest.mark.parametrize("name", KUSTOMIZATION["resources"])
def test_fits_the_schema(name):
    for resource in resources(name):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kubernetes_validate.validate(resource, "1.37", strict=True)


def test_every_file_is_used():
    assert {path.name for path in FOLDER.iterdir()} == {"kustomization.yaml", *KUSTOMIZATION["resources"]}


def test_every_role_is_there_with_probes():
    for role in ("redis", *ROLES):
        deployment = resources(f"{role}.yaml")[0]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["args"] == [role]
        assert container["livenessProbe"]["exec"]["command"] == ["/opt/quire/scripts/entrypoint", "health"]


def test_links_are_those_of_the_stack():
    stack = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["x-role"]["environment"]
    settings = resources("settings.yaml")[0]["data"]
    assert settings == {name: value for name, value in stack.items() if re.search("://", value)}
