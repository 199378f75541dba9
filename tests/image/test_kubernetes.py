"""The Kubernetes manifests: each resource, as kubectl renders it, fits its schema, and the links are
those of the stack."""

import re
import subprocess
import warnings

import kubernetes_validate
import pytest
import yaml

from docker import CHECKOUT, ROLES

FOLDER = CHECKOUT / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def resources(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@pytest.fixture(scope="module")
def rendered():
    done = subprocess.run(["kubectl", "kustomize", FOLDER], stdout=subprocess.PIPE, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def test_each_is_rendered_and_fits_its_schema(rendered):
    assert len(rendered) == sum(len(resources(name)) for name in KUSTOMIZATION["resources"])
    for resource in rendered:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kubernetes_validate.validate(resource, "1.37", strict=True)
        assert "quire" in (resource["metadata"].get("namespace"), resource["metadata"]["name"])


def test_every_volume_is_there(rendered):
    """What a container mounts is a volume of its pod, and what that claims is claimed."""
    claims = {one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"}
    for pod in (one["spec"]["template"]["spec"] for one in rendered if one["kind"] == "Deployment"):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        assert {volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values()
                if "persistentVolumeClaim" in volume} <= claims


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
