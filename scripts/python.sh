# Python for the tests and measurements. To be sourced after environment.sh.
#
#     prepare_python      in the environment: the model, the release build, and the packages of
#                         tests/requirements.txt in $venv
#     prepare_rivals      the same for what scripts/bench measures Quire against: the packages of
#                         bench/rivals.txt in $rivals_venv, and the program bench_model
#     service_python …    becomes that Python, told where the programs (of the build QUIRE_BUILD, release)
#                         and the model are
# shellcheck shell=bash disable=SC2154  # what environment.sh sets

venv=$checkout/build/venv
rivals_venv=$checkout/build/rivals

# make_venv FOLDER LIST [OPTION…]: made anew when the list of packages changes, by one at a time. The
# options are pip's.
make_venv () {
    local folder=$1 list=$2 lock
    shift 2
    mkdir -p "${folder%/*}"
    exec {lock}>"$folder.lock"
    flock "$lock"
    if cmp -s "$list" "$folder/requirements.txt"; then return; fi
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --requirement "$list" "$@"
    stand_in_for_cuda "$folder"/lib/python3*/site-packages/torch/lib
    cp "$list" "$folder/requirements.txt"
}

# PyTorch, as the package index has it for Linux, loads 2.4 GB of CUDA libraries, of which it calls
# nothing on a machine without a GPU. Libraries that hold the names alone stand in for them.
stand_in_for_cuda () {
    local torch=$1 names library
    [[ -d $torch ]] || return 0
    names=$torch/stand_ins.c
    nm -D --undefined-only --without-symbol-versions "$torch"/libtorch*.so |
        awk '$2 ~ /^(cublas|cudnn|cufft|cuFile|cusolver|cusparse|nccl|nvrtc|nvshmem)/ { print "char " $2 "[64];" }' |
        sort -u >"$names"
    ldd "$torch"/libtorch*.so 2>/dev/null | awk '/not found/ { print $1 }' | sort -u |
        while read -r library; do
            gcc -shared -o "$torch/$library" -Wl,-soname,"$library" "$names"
        done
}

prepare_python () {
    step "Python packages" make_venv "$venv" "$checkout/tests/requirements.txt" &
    local packages=$!
    step model "$scripts/model" "$model"
    step build "$scripts/build" release
    wait "$packages" || exit
}

prepare_rivals () {
    step "rivals' packages" make_venv "$rivals_venv" "$checkout/bench/rivals.txt" --no-deps
    step bench_model "$scripts/build" release bench_model
}

service_python () {
    PYTHONDONTWRITEBYTECODE=1 QUIRE_BUILD_DIR=$checkout/build/${QUIRE_BUILD:-release} QUIRE_MODEL_DIR=$model \
        QUIRE_RIVALS_PYTHON=$rivals_venv/bin/python exec "$venv/bin/python" "$@"
}
