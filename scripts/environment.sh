# The environment that Quire is built and run in: Debian 13 with the packages of scripts/packages.
# To be sourced after messages.sh.
#
#     prepare_environment build run            sees that it is there
#     in_environment [SHOWN…] -- COMMAND…      becomes COMMAND in it
#
# On Debian 13 that is the machine itself, and apt installs what is missing. On another Debian it is
# a root folder of its own in the cache, made with the machine's own apt sources, proxies,
# certificates and pip configuration; a command in it sees the checkout, /tmp and each path SHOWN at
# the same places as outside. On anything else it can't be had.
#
# QUIRE_CACHE_DIR names the cache, which also holds the model and may be removed at any time
# (default: /var/cache/quire; for others than root quire in their own cache).
# shellcheck shell=bash

scripts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
checkout=$(dirname "$scripts")
if ((EUID == 0)); then cache=/var/cache/quire; else cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/quire; fi
cache=$(realpath -m "${QUIRE_CACHE_DIR:-$cache}")
root=$cache/debian13
model=$cache/model
root_megabytes=2500     # that must be free to make the root
quire_uid=1000          # of the user quire in the root

# machine: this Debian 13 itself; root: another Debian, so a root folder is used.
environment_kind () {
    local ID='' VERSION_ID=''
    # shellcheck source=/dev/null
    [[ ! -e /etc/os-release ]] || . /etc/os-release
    case $ID-$VERSION_ID in
    debian-13) echo machine ;;
    debian-*) echo root ;;
    *) fail "this is ${ID:-an unknown system}, not Debian: use Quire's container image (README.md)" ;;
    esac
}

# Prints which of the packages of these groups are not installed below $1.
missing_packages () {
    local below=$1 installed
    shift
    installed=$(dpkg-query --admindir="$below/var/lib/dpkg" -W \
        -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p') || true
    "$scripts/packages" "$@" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

# -- the machine's own ways of reaching packages ------------------------------------------------

# apt sources of Debian 13, at the mirrors that this machine names for its own release.
root_sources () {
    local VERSION_CODENAME=''
    # shellcheck source=/dev/null
    . /etc/os-release
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
        awk -v here="${VERSION_CODENAME:-sid}" '
            $2 != "main" { next }
            $1 == here || $1 == here "-updates" || $1 == here "-security" {
                sub ("^" here, "trixie", $1)
                print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $3, $1, $2
            }' | sort -u
}

# How this machine's apt reaches mirrors: proxies, certificates, timeouts.
root_apt_options () {
    apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries|ForceIPv)' || true
    echo 'Acquire::Languages "none";'
}

# Writes all that apt has to know into the root folder $1.
configure_apt () {
    mkdir -p "$1/etc/apt/apt.conf.d"
    root_sources >"$1/etc/apt/sources.list"
    root_apt_options >"$1/etc/apt/apt.conf.d/99machine"
    cp -r /etc/apt/auth.conf* "$1/etc/apt/" 2>/dev/null || true   # passwords of mirrors
}

# carry FILE: the same file in the root, when the machine has it and it differs.
carry () {
    local file=$1
    if [[ -f $file ]] && ! cmp -s "$file" "$root$file"; then
        install -D -m 644 "$file" "$root$file"
    fi
}

# What may change on the machine, into the root; cheap enough for every call.
refresh_root () {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /usr/local/share/ca-certificates/*.crt \
        /etc/ssl/certs/ca-certificates.crt /root/.config/pip/pip.conf /root/.pip/pip.conf; do
        carry "$file"
    done
}

# -- the root -----------------------------------------------------------------------------------

make_root () {
    local new=$cache/debian13.new work=$cache/work free
    free=$(($(df --output=avail -B1M "$cache" | tail -n 1)))
    ((free >= root_megabytes)) ||
        fail "$cache has $free MB free, and making a Debian 13 root takes $root_megabytes MB"
    if ! command -v mmdebstrap >/dev/null; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
            mmdebstrap debian-archive-keyring
    fi
    rm -rf --one-file-system "$new" "$work"   # what a killed call left
    configure_apt "$work"
    [[ -s $work/etc/apt/sources.list ]] || fail "this machine's apt sources name no Debian mirror"
    # In a mount namespace of its own, so that a killed call leaves no mount.
    unshare --mount --propagation private -- mmdebstrap --mode=root --variant=apt \
        --format=directory --aptopt="$work/etc/apt/apt.conf.d/99machine" --dpkgopt=force-unsafe-io \
        --setup-hook="cp -r $work/etc/apt/. \"\$1/etc/apt/\"" \
        --include="mount,$("$scripts/packages" "$@" | paste -s -d ,)" trixie "$new" - \
        <"$work/etc/apt/sources.list"
    finish_root "$new"
    mv "$new" "$root"   # only a finished root gets the name
    rm -rf "$work"
}

finish_root () {
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"   # no package starts its service
    chmod 755 "$1/usr/sbin/policy-rc.d" "$1/root"
    rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"   # the same as 99machine, but never renewed
    chroot "$1" useradd --uid "$quire_uid" --user-group --create-home --shell /bin/bash quire
}

# Runs where apt is that of Debian 13: on the machine or in the root.
install_here='apt-get update -q &&
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" && apt-get clean'

prepare_root () {
    local missing
    unshare --mount true 2>/dev/null ||
        fail "no mount namespace can be had here (unshare --mount): use Quire's container image (README.md)"
    [[ -d $root ]] || make_root "$@"
    refresh_root
    missing=$(missing_packages "$root" "$@")
    if [[ -n $missing ]]; then
        configure_apt "$root"
        # shellcheck disable=SC2086  # one word a package
        (in_environment -- bash -c "$install_here" bash $missing)
    fi
}

prepare_machine () {
    local missing service
    missing=$(missing_packages "" "$@")
    if [[ -n $missing ]]; then
        # shellcheck disable=SC2086  # one word a package
        bash -c "$install_here" bash $missing
        # These packages start a service of the machine's own, which nobody asked for: Quire has its own.
        for service in redis-server docker-registry; do
            if grep -qx "$service" <<<"$missing" && [[ -d /run/systemd/system ]]; then
                systemctl --quiet disable --now "$service" || true
            fi
        done
    fi
    ((EUID)) || getent passwd quire >/dev/null ||
        useradd --system --user-group --no-create-home --shell /usr/sbin/nologin quire
}

# Is nothing left to do? Asked first, so that it can be said what is being done.
environment_ready () {
    local below=
    [[ $kind == machine ]] || below=$root
    [[ -z $below || -d $below ]] && [[ -z $(missing_packages "$below" "$@") ]] &&
        { ((EUID)) || grep -q '^quire:' "$below/etc/passwd"; }
}

prepare_environment () {
    kind=$(environment_kind)
    if environment_ready "$@"; then
        [[ $kind == machine ]] || { require_root; refresh_root; }
        return
    fi
    require_root
    mkdir -p "$cache"
    exec {cache_lock}>"$cache/lock"
    # One at a time makes or changes the root. What a killed run left at work keeps the lock too.
    flock -n "$cache_lock" || say "waiting for another run that installs packages"
    flock "$cache_lock"
    step packages "prepare_$kind" "$@"
    exec {cache_lock}>&-
}

require_root () {
    ((EUID == 0)) || fail "must run as root, since it needs Debian packages or a Debian 13 root"
}

# In the root: becomes the command there, in a mount namespace that ends with it. On Debian 13:
# just the command.
in_environment () {
    local shown=()
    while [[ $1 != -- ]]; do shown+=("$1"); shift; done
    shift
    [[ $(environment_kind) == root ]] || exec "$@"
    mkdir -p "$model"
    exec unshare --mount --propagation private -- \
        "$scripts/enter-root" "$root" /tmp "$checkout" "$model" "${shown[@]}" -- "$@"
}
