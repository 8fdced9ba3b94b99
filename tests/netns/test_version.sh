#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every program says the version that the file VERSION has, and so do the daemons on their sockets.

. "$(dirname "$0")/lib.sh"

VERSION=$(cat "$(dirname "$0")/../../VERSION")
for program in mncsed incsed mncsectl mncse-keys mncse-device mncse-bench; do
	for option in -V --version; do
		is "$program $option" "$("$BIN/$program" $option 2>&1)" "$program $VERSION"
	done
done

is "the Debian packages have it" "$(sed -n '1s/.*(\([^-~)]*\).*/\1/p' "$(dirname "$0")/../../tools/debian/changelog")" "$VERSION"

net_up
keys 1
start_in
start_gateway
for daemon in mncsed incsed; do
	is "$daemon tells it" "$(status_of $daemon version)" "$VERSION"
done

finish
