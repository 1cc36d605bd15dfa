#!/bin/sh
# fetch-micropython.sh VERSION SHA256 DIR: unpacks the sources of MicroPython as DIR.
#
# They come from Debian's source package, from the mirror that apt uses on this machine, or
# from the file MICROPYTHON_TARBALL. What is trusted is the hash and nothing else, hence no
# package lists and no signatures, which an older Debian may be unable to check.
set -eu
version=$1
sha256=$2
dir=$3
name=micropython_$version+ds.orig.tar.xz
download=$(dirname "$dir")/download
tarball=${MICROPYTHON_TARBALL:-$download/$name}

good() {
    [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

# The Debian mirrors of this machine. apt prints them without having fetched any list.
mirrors() {
    # shellcheck disable=SC2016 # apt replaces these
    apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        sed -nE 's/^(bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable) main //p' |
        sort -u | while read -r uri; do
        case $uri in
            # A list of mirrors, which apt-helper does not read by itself.
            mirror+file:*) uri=${uri#mirror+file:} && sed -n 's/^\([a-z][^[:space:]]*\).*/\1/p' "${uri%/}" ;;
            *) echo "$uri" ;;
        esac
    done
}

fetch() {
    for mirror in $(mirrors); do
        # apt-helper takes proxies and the like from the machine's configuration, and checks the hash.
        /usr/lib/apt/apt-helper -q -o APT::Sandbox::User= download-file \
            "${mirror%/}/pool/main/m/micropython/$name" "$tarball" "SHA256:$sha256" >"$download/log" 2>&1 && return
        cat "$download/log" >&2
    done
    echo "no Debian mirror that apt knows on this machine has $name" >&2
    return 1
}

if ! good "$tarball"; then
    if [ -n "${MICROPYTHON_TARBALL:-}" ]; then
        echo "MICROPYTHON_TARBALL=$tarball is not MicroPython $version with the SHA-256 hash $sha256" >&2
        exit 1
    fi
    echo "== fetching MicroPython $version"
    mkdir -p "$download"
    rm -f "$tarball"
    if ! fetch || ! good "$tarball"; then
        echo "cannot fetch the sources of MicroPython. Ways out:" >&2
        echo "  make MICROPYTHON_DIR=<your own MicroPython tree, 1.25 or later>" >&2
        echo "  make MICROPYTHON_TARBALL=<$name from any Debian mirror>" >&2
        exit 1
    fi
fi

# Only a complete tree gets the final name.
rm -rf "$dir" "$dir.part"
mkdir -p "$dir.part"
tar -xJf "$tarball" -C "$dir.part" --strip-components=1
mv "$dir.part" "$dir"
