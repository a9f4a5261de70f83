#!/bin/sh
# The command lines of the template compiler and of embed: exit codes, messages, and the same output for the same files.
# usage: test_template_tools.sh COMPILER EMBED (in the root of the source tree)
set -u
compiler=$1
embed=$2
golden=tests/unit/golden
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# expect STATUS TEXT COMMAND…: the exit status, and a line of output that holds TEXT, or no output if TEXT is empty.
expect()
{
    status=$1 text=$2
    shift 2
    "$@" >"$dir/said" 2>&1
    got=$?
    if [ -z "$text" ]; then
        test ! -s "$dir/said"
    else
        grep -qF -e "$text" "$dir/said"
    fi
    if [ $? -ne 0 ] || [ "$got" -ne "$status" ]; then
        echo "expected exit $status and \"$text\", got $got from: $*"
        cat "$dir/said"
        failed=1
    fi
}

check()
{
    if ! "$@"; then
        echo "failed: $*"
        failed=1
    fi
}

mkdir "$dir/pages" "$dir/assets"
printf 'one\n{{#flag}}\n' >"$dir/pages/a.html"
printf '<p onclick="{{name}}">\n' >"$dir/pages/b.html"
printf '{{> unknown}}' >"$dir/pages/_partial.html"
printf 'p { background: url(x.png) }' >"$dir/assets/far.css"
printf 'x' >"$dir/assets/program.exe"
printf '' >"$dir/assets/empty.txt"

expect 0 'usage: compiler' "$compiler" --help
expect 2 'usage: compiler' "$compiler"
expect 2 'usage: compiler' "$compiler" --nonsense
expect 2 'usage: compiler' "$compiler" --output "$dir/out" "$dir/pages/a.html"
expect 1 'nothing.h: not_found' "$compiler" --output "$dir/out" --views "$dir/nothing.h" "$dir/pages/a.html"
expect 1 'pages/a.html:2: section flag is never closed' \
    "$compiler" --output "$dir/out" --views "$golden/views.h" "$dir/pages/a.html" "$dir/pages/b.html"
expect 1 'pages/b.html:1: {{}} in an event attribute' \
    "$compiler" --output "$dir/out" --views "$golden/views.h" "$dir/pages/a.html" "$dir/pages/b.html"
check test ! -e "$dir/out.c"
expect 0 '' "$compiler" --output "$dir/out" --views "$golden/views.h" "$dir/pages/_partial.html"
expect 1 'nowhere/out: io' "$compiler" --output "$dir/nowhere/out"
expect 0 '' "$compiler" --output "$dir/none"
check test -s "$dir/none.c" -a -s "$dir/none.h"

mkdir "$dir/1" "$dir/2"
expect 0 '' "$compiler" --output "$dir/1/t" --views "$golden/views.h" --assets "$golden/assets" \
    "$golden/pages/everything.html" "$golden/mail/notice.txt" "$golden/mail/notice.html"
expect 0 '' "$compiler" --output "$dir/2/t" --views "$golden/views.h" --assets "$golden/assets" \
    "$golden/mail/notice.html" "$golden/pages/everything.html" "$golden/mail/notice.txt"
check cmp "$dir/1/t.c" "$dir/2/t.c"
check cmp "$dir/1/t.h" "$dir/2/t.h"

expect 0 'usage: embed' "$embed" --help
expect 2 'usage: embed' "$embed" --output "$dir/assets.c"
expect 2 'usage: embed' "$embed" --nonsense
expect 1 'far.css:1: a style sheet cannot name another file' \
    "$embed" --directory "$dir/assets" --output "$dir/assets.c" far.css
expect 1 'program.exe:1: an asset with an unknown extension' \
    "$embed" --directory "$dir/assets" --output "$dir/assets.c" empty.txt program.exe
expect 1 'nothing.css:1: no such asset' "$embed" --directory "$dir/assets" --output "$dir/assets.c" nothing.css
check test ! -e "$dir/assets.c"
expect 1 'assets.c: io' "$embed" --directory "$dir/assets" --output "$dir/nowhere/assets.c" empty.txt
expect 0 '' "$embed" --directory "$dir/assets" --output "$dir/assets.c"
check grep -q 'n_assets = 0;' "$dir/assets.c"
expect 0 '' "$embed" --directory "$dir/assets" --output "$dir/assets.c" empty.txt
check grep -q 'n_assets = 1;' "$dir/assets.c"
expect 0 '' "$embed" --directory "$golden/assets" --output "$dir/1/assets.c" site.css mark.svg
expect 0 '' "$embed" --directory "$golden/assets" --output "$dir/2/assets.c" mark.svg site.css
check cmp "$dir/1/assets.c" "$dir/2/assets.c"

exit $failed
