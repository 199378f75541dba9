# What every script says and how, to be sourced: one line a fact on standard error, a failure ends
# the script.
# shellcheck shell=bash

umask 022
script_name=${0##*/}

say () { printf '%s: %s\n' "$script_name" "$*" >&2; }

fail () {
    say "$*"
    exit 1
}

# The script's own opening comment.
usage () { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$0"; }

# Seconds since the clock's reading $1 (of EPOCHREALTIME), as 1.2.
seconds_since () {
    local microseconds=$((${EPOCHREALTIME/./} - ${1/./}))
    printf '%d.%d' $((microseconds / 1000000)) $((microseconds / 100000 % 10))
}

# step WHAT COMMAND…: runs the command and says that it does and how long it took. Its output is
# kept aside and its end shown when it fails. Two steps may run side by side.
step () {
    local what=$1 began=$EPOCHREALTIME output
    shift
    output=$(mktemp)
    say "$what …"
    if "$@" >"$output" 2>&1 </dev/null; then
        say "$what: $(seconds_since "$began") s"
        rm -f "$output"
    else
        tail -n 30 "$output" >&2
        rm -f "$output"
        fail "$what failed"
    fi
}
