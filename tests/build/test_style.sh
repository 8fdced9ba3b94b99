#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools/build/style.sh finds each kind of violation and lets a good file pass.

set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
style=$PWD/tools/build/style.sh
format=$PWD/.clang-format
spdx='SPDX-License-Identifier: GPL-2.0-or-later'
status=0

command -v clang-format >/dev/null || {
	echo "SKIP no clang-format"
	exit 77
}

# try NAME MESSAGE: what style.sh says of the tree in $work/t; MESSAGE "" = it must pass
try()
{
	local out rc

	cp "$format" "$work/t/"
	out=$("$style" "$work/t")
	rc=$?
	if { [ -z "$2" ] && [ $rc -eq 0 ] && [ -z "$out" ]; } ||
	   { [ -n "$2" ] && [ $rc -eq 1 ] && grep -q "^$2" <<<"$out"; }; then
		echo "ok - $1"
	else
		echo "status $rc: $out"
		echo "not ok - $1"
		status=1
	fi
	rm -rf "$work/t"
	mkdir -p "$work/t"
}

lines() # N TEXT
{
	local i

	for ((i = 0; i < $1; i++)); do
		printf '%s\n' "$2"
	done
}

mkdir -p "$work/t"
printf '// %s\nint x;\n' "$spdx" >"$work/t/x.c"
printf '#!/bin/sh\n# %s\ntrue\n' "$spdx" >"$work/t/x.sh"
try "a good tree passes" ""

printf 'int x;\n' >"$work/t/x.c"
try "a source without SPDX" "x.c:1: no SPDX"

printf '#!/bin/sh\ntrue\n' >"$work/t/tool"
chmod +x "$work/t/tool"
try "a script without a suffix and SPDX" "tool:1: no SPDX"

printf '# %s\nall: \n' "$spdx" >"$work/t/Makefile"
try "space at the end of a line" "Makefile:2: space"

printf '// %s\nint  x;\n' "$spdx" >"$work/t/x.c"
try "another format" "x.c:2: not in the format"

{ printf '// %s\n' "$spdx"; lines 800 'extern int x;'; } >"$work/t/x.c"
try "a file of 801 lines" "x.c:801: a file of 801"

{ printf '// %s\n' "$spdx"; lines 200 'extern int x;'; } >"$work/t/x.h"
try "a header of 201 lines" "x.h:201: a header of 201"

{
	printf '// %s\nint x;\nvoid f(void);\nvoid f(void)\n{\n' "$spdx"
	lines 121 $'\tx++;'
	printf '}\n'
} >"$work/t/x.c"
try "a function of 121 lines" "x.c:5: a function of 121"

{
	printf '// %s\nint x;\nvoid f(void);\nvoid f(void)\n{\n' "$spdx"
	lines 120 $'\tx++;'
	printf '}\n'
} >"$work/t/x.c"
try "a function of 120 lines passes" ""

# disputed NAME: x.c, whose second line is where clang-format 14 and 19 disagree
disputed()
{
	clang-format --style="file:$format" -i "$work/t/x.c"
	try "$1 is found" "x.c:[0-9]*: .*clang-format 14 and 19 disagree"
}

printf '// %s\n#define OF(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))\n' "$spdx" >"$work/t/x.c"
disputed "offsetof taken from a cast"

printf '// %s\n#define WORD(n) { .name = n, .type = 1 }\n' "$spdx" >"$work/t/x.c"
if [ "$(clang-format --version | grep -o '[0-9]*' | head -n 1)" -lt 16 ]; then
	disputed "a macro that is a braced list"
else
	rm "$work/t/x.c"
fi

printf '// %s\nint delete(int x);\n' "$spdx" >"$work/t/x.c"
disputed "a keyword of C++"

{
	printf '// %s\n/* clang-format off */\n' "$spdx"
	printf '#define OF(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))\n#define WORD(n) { .name = n, .type = 1 }\n'
	printf '/* clang-format on */\n'
} >"$work/t/x.c"
try "clang-format off settles them" ""

exit $status
