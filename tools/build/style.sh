#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make style: the form of the sources. `style.sh --fix` (make format) applies clang-format first.
# style.sh [--fix] [ROOT]: one line a violation, exit 1 when there is any.

set -u
export LC_ALL=C.UTF-8
fix=
if [ "${1:-}" = --fix ]; then
	fix=1
	shift
fi
cd "${1:-$(dirname "$0")/../..}" || exit 2
failed=0

bad()
{
	echo "$1"
	failed=1
}

list()
{
	if [ -e .git ]; then
		git -c safe.directory='*' ls-files -co --exclude-standard
	else
		find . -path ./build -prune -o -type f -print | sed 's,^\./,,'
	fi
}

c_files=() sources=()
while read -r f; do
	[ -f "$f" ] || continue
	case $f in
	*.c | *.h)
		c_files+=("$f")
		sources+=("$f")
		;;
	*.sh | *.py | *.mk | Makefile | */Makefile | Kbuild | */Kbuild)
		sources+=("$f")
		;;
	*.md | *.txt | *.json | *.csv | *.html) ;;
	*)
		# A script without a suffix
		if [ -x "$f" ] && [ "$(head -c 2 "$f" | tr -d '\0')" = '#!' ]; then
			sources+=("$f")
		fi
		;;
	esac
done < <(list | sort)

if [ ${#sources[@]} -eq 0 ]; then
	echo "style: no sources in $PWD" >&2
	exit 2
fi

if [ ${#c_files[@]} -gt 0 ]; then
	if ! command -v clang-format >/dev/null; then
		bad "style: clang-format is missing: run \`sudo make deps\`"
	else
		[ -z "$fix" ] || clang-format -i "${c_files[@]}"
		out=$(clang-format --dry-run -Werror "${c_files[@]}" 2>&1) ||
			bad "$(sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error:.*/\1: not in the format (make format)/p' <<<"$out" | uniq)"
	fi
fi

for f in "${sources[@]}"; do
	head -n 2 "$f" | grep -q 'SPDX-License-Identifier: GPL-2\.0\(-or-later\|-only\)\?\b' ||
		bad "$f:1: no SPDX line"
done

spaces=$(grep -nE '[[:blank:]]+$' "${sources[@]}" /dev/null | sed -E 's/^([^:]*:[0-9]+):.*/\1: space at the end of the line/')
[ -z "$spaces" ] || bad "$spaces"

# Where clang-format 14 and 19 disagree, one of the two machines would never be content.
if [ ${#c_files[@]} -gt 0 ]; then
	disputed=$(awk '
	/clang-format off/ { off = 1 }
	/clang-format on/ { off = 0 }
	FNR == 1 { off = 0 }
	off { next }
	/\)-offsetof\(/ || /\) - offsetof\(/ { say("subtracting offsetof from a cast") }
	/[a-z_*] \**(delete|new|class|template|this) ?\(/ { say("a keyword of C++ as a name: rename it") }
	/^#define .*\\$/ { macro = FNR }
	macro == FNR - 1 && /^\t\{ +\\$/ { say("a macro that is a braced list") }
	function say(what)
	{
		print FILENAME ":" FNR ": " what " (clang-format 14 and 19 disagree; clang-format off and on help)"
	}' "${c_files[@]}")
	[ -z "$disputed" ] || bad "$disputed"
fi

# Lengths. A function is what stands between "{" and "}" in the first column.
if [ ${#c_files[@]} -gt 0 ]; then
	long=$(awk '
	function end_of_file()
	{
		if (last ~ /^tests\/vectors\//)
			return
		if (last ~ /\.h$/ && lines > 200)
			print last ":" lines ": a header of " lines " lines (limit 200)"
		else if (lines > 800)
			print last ":" lines ": a file of " lines " lines (limit 800)"
	}
	FNR == 1 && last != "" { end_of_file() }
	{ last = FILENAME; lines = FNR }
	FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^\}/ {
		if (start && FNR - start - 1 > 120)
			print FILENAME ":" start ": a function of " FNR - start - 1 " lines (limit 120)"
		start = 0
	}
	END { end_of_file() }' "${c_files[@]}")
	[ -z "$long" ] || bad "$long"
fi

exit $failed
