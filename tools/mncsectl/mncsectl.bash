# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bash completion for mncsectl; install it as
# /usr/share/bash-completion/completions/mncsectl. Names of groups and devices
# are asked from the daemon, if it runs and lets us.

# __mncsectl_ask COMMAND...: its output, from the daemon that the line names
__mncsectl_ask()
{
	local i args=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--in) args=(--in) ;;
		--socket) args=(--socket "${COMP_WORDS[i + 1]}") ;;
		esac
	done
	timeout 1 mncsectl "${args[@]}" "$@" 2>/dev/null
}

# __mncsectl_words WORD...: those that begin like the current word
__mncsectl_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# __mncsectl_lines: lines of stdin that begin like the current word, quoted for the shell
__mncsectl_lines()
{
	local line

	while IFS= read -r line; do
		[[ $line == "$cur"* ]] && COMPREPLY+=("$(printf %q "$line")")
	done
}

__mncsectl_devices()
{
	__mncsectl_lines < <(__mncsectl_ask dump | cut -f 2 | head -n 1000)
}

__mncsectl_groups()
{
	__mncsectl_lines < <(__mncsectl_ask groups | awk 'NR > 1 { print $1 }')
}

_mncsectl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="show status layers sessions groups devices stats rekey evict add remove reload showconf dump metrics top"
	local command='' i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	case $prev in
	--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--state)
		__mncsectl_words connected rand_sent rand_unconfirmed confirmed authenticated
		return
		;;
	--use)
		__mncsectl_words group direct
		return
		;;
	--group)
		__mncsectl_groups
		return
		;;
	--id)
		__mncsectl_devices
		return
		;;
	--key)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -P @ -- "${cur#@}")
		return
		;;
	--device | --kpsa-id | --kid | --in-id | --gateway | --address | --session)
		return
		;;
	esac

	case $command:$cur in
	:-*) __mncsectl_words --json --in --socket --help ;;
	:*) __mncsectl_words "$commands" ;;
	top:*) __mncsectl_words --interval --count --json --in --socket --help ;;
	sessions:* | dump:*) __mncsectl_words --group --id --address --state --json --in --socket --help ;;
	add:*) __mncsectl_words --device --group --kpsa-id --key --kid --in-id --gateway --use --json --in --socket --help ;;
	evict:-*) __mncsectl_words --session --json --in --socket --help ;;
	evict:* | remove:*) __mncsectl_devices ;;
	rekey:[!-]* | rekey:) __mncsectl_groups ;;
	*) __mncsectl_words --json --in --socket --help ;;
	esac
}

complete -F _mncsectl mncsectl
