# Python for the tests and measurements. To be sourced after environment.sh.
#
#     prepare_python      in the environment: the model, the release build, and the packages of
#                         tests/requirements.txt in $venv
#     service_python …    becomes that Python, told where the programs (of the build QUIRE_BUILD, release)
#                         and the model are
# shellcheck shell=bash disable=SC2154  # what environment.sh sets

venv=$checkout/build/venv

# Made anew when the list of packages changes.
make_venv () {
    local requirements=$checkout/tests/requirements.txt
    if cmp -s "$requirements" "$venv/requirements.txt"; then return; fi
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

prepare_python () {
    step model "$scripts/model" "$model"
    step "Python packages" make_venv
    step build "$scripts/build" release
}

service_python () {
    PYTHONDONTWRITEBYTECODE=1 QUIRE_BUILD_DIR=$checkout/build/${QUIRE_BUILD:-release} QUIRE_MODEL_DIR=$model \
        exec "$venv/bin/python" "$@"
}
