#!/bin/sh
# packages.sh PURPOSE PACKAGE...: makes sure that Debian packages are installed.
set -eu
purpose=$1
shift

command -v cargo >/dev/null || {
    echo "modbtree needs cargo, from Rust 1.85 or later: install Rust with rustup, or from your distribution" >&2
    exit 1
}
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "no Debian-like machine: cannot see whether there is what $purpose needs: $*" >&2
    exit 0
fi

find_missing() {
    missing=
    for package; do
        case $(dpkg-query -W -f ' ${db:Status-Status} ' "$package" 2>/dev/null || true) in
            *\ installed\ *) ;;
            *) missing="$missing $package" ;;
        esac
    done
}

find_missing "$@"
[ -n "$missing" ] || exit 0
# With make -j others of this kind may be at work, and apt-get does not wait.
exec 9<"$0"
flock 9
find_missing "$@"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null; then
    root=sudo
else
    echo "$purpose needs Debian packages that are missing:$missing" >&2
    echo "install them with: sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

install() {
    # shellcheck disable=SC2086 # word splitting is meant
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q=2 --no-install-recommends $missing >/dev/null 9<&-
}
echo "== installing Debian packages:$missing"
# The first attempt fails on a machine that has no package lists yet, or old ones.
install 2>/dev/null || { $root apt-get update -q=2 && install; } || {
    echo "cannot install the Debian packages that $purpose needs:$missing" >&2
    exit 1
}
