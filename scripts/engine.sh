# The Docker engine, for the image's tests and measurements. To be sourced after environment.sh.
#
#     engine_socket     prints the path of the engine's socket, to be shown in the environment, or nothing
#     engine_group      prints the group of packages of its client, unless the machine has a client
#     engine_answers    in the environment: does one answer?
#
# DOCKER_HOST names another engine than the machine's, as usual.
# shellcheck shell=bash

engine_socket () {
    local address=${DOCKER_HOST:-unix:///var/run/docker.sock}
    if [[ $address == unix://* && -S ${address#unix://} ]]; then realpath "${address#unix://}"; fi
}

engine_group () {
    [[ $(environment_kind) == machine ]] && command -v docker >/dev/null || echo engine
}

engine_answers () { docker version >/dev/null 2>&1; }
