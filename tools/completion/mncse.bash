# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bash completion of all programs: commands, options and their values are those that --help names, so this file need not know them.

# _mncse_words PROGRAM [COMMAND]: a line an option of its --help, "--name=VALUE"; "-c=FILE" of those that have a letter
_mncse_options()
{
	"$@" --help 2>/dev/null | sed -nE \
		-e 's/^ +(-[[:alnum:]]), (--[a-z-]+)(=([^ ]+))?.*/\1\3\n\2\3/p' \
		-e 's/^ +(--[a-z-]+)(=([^ ]+))?.*/\1\2/p'
}

_mncse_commands()
{
	case ${1##*/} in
	mncse-keys | mncsectl) "$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p' ;;
	mncse-bench) echo report floor ;;
	esac
}

_mncse()
{
	local program=$1 cur=$2 prev=$3 command='' commands word value i

	COMPREPLY=()
	type -P "$program" >/dev/null || return
	commands=$(_mncse_commands "$program")
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ -n "$commands" ] && grep -qwx -- "$word" <<<"${commands// /$'\n'}"; then
			command=$word
			break
		fi
	done

	# the value of the option before; bash takes --name=value for three words
	[ "$cur" != = ] || cur=
	[ "$prev" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}
	if [[ $prev == -* ]]; then
		# shellcheck disable=SC2086
		value=$(_mncse_options "$program" $command | sed -n "s/^$prev=//p" | head -n 1)
		case $value in
		'') ;;
		*'|'*)
			if [[ $value != *[[:upper:]@]* ]]; then
				mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$cur")
				return
			fi
			mapfile -t COMPREPLY < <(compgen -f -P "${cur:0:1}" -- "${cur#@}")
			[[ $cur == @* ]] || COMPREPLY=(@ -)
			compopt -o nospace 2>/dev/null
			return
			;;
		FILE* | PATH | DIR)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null
			return
			;;
		*) return ;;
		esac
	fi
	if [[ $cur == -* ]]; then
		# shellcheck disable=SC2086
		mapfile -t COMPREPLY < <(compgen -W "$(_mncse_options "$program" $command | sed 's/=.*//')" -- "$cur")
	elif [ -n "$commands" ] && [ -z "$command" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _mncse mncsed incsed mncsectl mncse-keys mncse-device mncse-bench
