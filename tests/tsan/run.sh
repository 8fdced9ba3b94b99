#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tests of the workers with programs that were built with the thread sanitizer (make tsan). A report fails the run.

set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BIN:?the folder of the programs}" "${UNIT:?that of the unit tests}"

reports=$(mktemp -d) || exit 2
trap 'rm -rf "$reports"' EXIT
export TSAN_OPTIONS="log_path=$reports/tsan suppressions=$PWD/tests/tsan/suppressions history_size=4 exitcode=0"
# address space layout that the sanitizer cannot use is a matter of newer kernels
run()
{
	setarch "$(uname -m)" -R "$@"
}

code=0
run "$UNIT/test_worker" || code=1
run tests/netns/test_workers.sh || code=$?
if compgen -G "$reports/tsan.*" >/dev/null; then
	cat "$reports"/tsan.*
	echo "not ok - the thread sanitizer found nothing"
	exit 1
fi
[ $code -ne 0 ] || echo "ok - the thread sanitizer found nothing"
exit $code
