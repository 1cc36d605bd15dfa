#!/bin/sh
# no-frame-pointers.sh LIBRARY TABLE NM CARGO ARGUMENTS... -- [FLAGS...]
# Runs cargo to build the library for an ARM microcontroller, without frame pointers. Rust keeps them
# there, which takes a register and so 4 % more code. LLVM leaves them out of functions that a table names.
# Which functions there are is known once the library is built: if some are new, it is built again.
# TABLE is what the name of the table begins with: the rest tells cargo that it has changed.
set -eu
library=$1 table=$2 nm=$3
shift 3
mkdir -p "$(dirname "$table")"
trap 'rm -f "$table.new" "$table.log"' EXIT

# LLVM reports functions that are not there any more.
build() {
    status=0
    "$@" 2>"$table.log" || status=$?
    grep -v '^Function in CSV file' "$table.log" >&2 || true
    return $status
}

while old=$(ls "$table"-*.csv 2>/dev/null | head -n 1); do
    if [ -n "$old" ]; then
        build "$@" -C "llvm-args=-forceattrs-csv-path=$old"
    else
        build "$@"
    fi
    # The functions of our own part of the archive, without what LLVM has put out of line at the end.
    "$nm" -A "$library" 2>/dev/null | sed -n -e /OUTLINED_FUNCTION/d \
        -e 's/^.*:modbtree-[^:]*:[^ ]* [tT] \(.*\)$/\1,frame-pointer=none/p' | sort -u ${old:+"$old"} - >"$table.new"
    new=$table-$(cksum <"$table.new" | cut -d ' ' -f 1).csv
    [ "$new" != "$old" ] || break
    rm -f "$table"-*.csv
    mv "$table.new" "$new"
done
