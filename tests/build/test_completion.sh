#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The completion of bash, as make install puts it in place.

T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
failed=0

# is NAME GOT EXPECTED
is()
{
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		echo "# got '$2', expected '$3'"
		failed=1
	fi
}

# words WORD...: what bash offers for the last one, sorted, in one line
words()
{
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	_mncse "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" | sort -u | tr '\n' ' ' | sed 's/ $//'
}

PATH=$BIN:$PATH
make -s install-completion DESTDIR="$T" PREFIX=/usr B="$T" WOLFSSL_DIR=/nowhere >"$T/log" 2>&1
is "make installs it" $? 0
DIR=$T/usr/share/bash-completion/completions
for program in mncsed incsed mncsectl mncse-keys mncse-device mncse-bench; do
	is "$program: where bash looks for it" "$([ -r "$DIR/$program" ] && echo there)" there
done
# shellcheck disable=SC1091
. "$DIR/mncsectl"
is "bash calls it for mncsed" "$(complete -p mncsed)" "complete -F _mncse mncsed"

is "commands" "$(words mncsectl re)" "rekey reload remove"
is "commands behind an option" "$(words mncsectl --json stat)" "stats status"
is "options of a program" "$(words mncsed --te)" --test
is "options of a command" "$(words mncse-keys init --gateway)" "--gateway-addr --gateway-id"
is "options of another command" "$(words mncsectl sessions --st)" --state
is "values" "$(words mncse-device --mode '')" "group proxy"
is "values of --name=" "$(words mncse-device --mode = p)" proxy
is "values that begin so" "$(words mncsectl add --use di)" direct
mkdir -p "$T/files/folder"
touch "$T/files/one.yaml" "$T/files/two.yaml"
is "files" "$(words mncsed -c "$T/files/o")" "$T/files/one.yaml"
is "files of --name=" "$(words incsed --config = "$T/files/")" "$T/files/folder $T/files/one.yaml $T/files/two.yaml"
is "nothing for a number" "$(words mncse-bench --devices 1)" ""
is "nothing for a program that is not there" "$(words /nowhere/mncsed --)" ""
exit $failed
