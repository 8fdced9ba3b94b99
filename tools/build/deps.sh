#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make deps: installs what the build and the tests need, and builds wolfSSL
# from Debian stable's source package into build/wolfssl.
#
# The second run finds everything in place and needs neither the network nor
# root. The machine's own apt configuration is read, never written: the source
# package is fetched with an apt state of its own in a temporary folder.
#
# deps.sh --source FOLDER	only fetches wolfSSL's source package, into FOLDER
# deps.sh --wolfssl		only builds wolfSSL; WOLFSSL_SOURCE=FOLDER: from there, without the network

set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PREFIX=$ROOT/build/wolfssl
SUITE=trixie			# Debian stable, whatever the machine runs

PACKAGES=(
	# build
	build-essential pkg-config autoconf automake libtool dpkg-dev
	ca-certificates debian-archive-keyring
	liburing-dev libnl-3-dev libnl-genl-3-dev libutf8proc-dev libyaml-dev
	libjansson-dev libsqlite3-dev libsystemd-dev libmicrohttpd-dev
	clang llvm libbpf-dev bpftool
	# checks and tests
	clang-format libclang-rt-dev libcmocka-dev libcbor-dev libssl-dev openssl
	iproute2 iputils-ping python3 sqlite3 procps systemd
)
# The first of these names that the machine's Debian has.
COAP_CLIENT=(libcoap3-bin libcoap2-bin)

# What the boundary files need, and nothing else: DTLS 1.2 with the PSK suites,
# no certificates. tools/build/wolfssl_check.c asserts the result.
CONFIGURE=(
	--enable-static --disable-shared --with-pic
	--disable-examples --disable-crypttests --disable-benchmark
	--disable-dependency-tracking
	--enable-singlethreaded
	--enable-dtls --enable-psk --enable-atomicuser
	--enable-aesccm --enable-hkdf --enable-sp-math-all
	--enable-extended-master --enable-enc-then-mac
	--disable-tls13 --disable-oldtls --disable-sni
	--disable-session-ticket --enable-secure-renegotiation-info
	--disable-asn --disable-rsa --disable-ecc
	--disable-md5 --disable-sha --disable-sha224 --disable-sha384
	--disable-sha512 --disable-sha3 --disable-chacha --disable-poly1305
	--disable-pwdbased --disable-pkcs8 --disable-pkcs12
	--disable-filesystem --disable-sys-ca-certs --disable-crl-monitor
	--disable-oldnames
)
CONFIGURE_AMD64=(--enable-aesni --enable-intelasm --enable-sp=yes,2048 --enable-sp-asm)
# renegotiation_info (RFC 5746) says that renegotiation is refused safely: OpenSSL 3 wants it. configure offers it with certificates
# only, so it is set here, with the one length that certificate code would define.
WOLFSSL_CFLAGS="-O2 -g -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2
	-DWOLFSSL_STATIC_PSK -DNO_SESSION_CACHE -DWOLFSSL_GETRANDOM -DHAVE_FFDHE_2048 -DMAX_PSK_ID_LEN=128
	-DHAVE_TLS_EXTENSIONS -DHAVE_SERVER_RENEGOTIATION_INFO -DKEYID_SIZE=20"

say() { echo "deps: $*"; }

# fail WHAT REMEDY
fail()
{
	echo "deps: FAILED: $1" >&2
	echo "deps: what to do: $2" >&2
	exit 1
}

# step WHAT REMEDY COMMAND...: output goes to $LOG, and its end is shown on failure.
step()
{
	local what=$1 remedy=$2
	shift 2
	if ! "$@" >"$LOG" 2>&1; then
		tail -n 25 "$LOG" | sed 's/^/    | /' >&2
		fail "$what" "$remedy"
	fi
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || fail "$1 and this is not root" "run \`sudo make deps\`"
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

machine_apt_update()
{
	[ -z "${updated:-}" ] || return 0
	updated=1
	say "updating the package lists"
	# One broken third-party source must not stop us: the installation tells.
	apt-get -q -o DPkg::Lock::Timeout=120 update >"$LOG" 2>&1 ||
		sed -n 's/^[WE]: /deps: apt: /p' "$LOG" >&2
}

install_packages()
{
	local p missing=() have=

	for p in "${PACKAGES[@]}"; do
		installed "$p" || missing+=("$p")
	done
	for p in "${COAP_CLIENT[@]}"; do
		installed "$p" && have=$p
	done
	if [ ${#missing[@]} -eq 0 ] && [ -n "$have" ]; then
		say "all packages are installed"
		return
	fi

	need_root "packages are missing (${missing[*]} ${have:-${COAP_CLIENT[0]}})"
	machine_apt_update
	if [ -z "$have" ]; then
		for p in "${COAP_CLIENT[@]}"; do
			apt-cache show "$p" >/dev/null 2>&1 || continue
			missing+=("$p")
			break
		done
	fi
	say "installing: ${missing[*]}"
	step "installing packages" \
		"see the lines above; \`apt-get install ${missing[*]}\` by hand shows the same problem" \
		apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "${missing[@]}"
}

# machine_uri LABEL: the base URI from which this machine takes the archive that calls itself LABEL
# (apt itself reads its sources, so both formats, mirror lists and options are understood).
machine_uri()
{
	apt-get indextargets --format '$(LABEL)|$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" \
		    '$1 == label && $2 == "Debian" && $3 == "main" && $4 !~ /^cdrom:/ { print $4; exit }'
}

write_source()	# SUITE URI KEYRING
{
	printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$2" "$1" "$3"
}

# fetch_source FOLDER: the unpacked and patched source package as FOLDER/src/wolfssl-*
fetch_source()
{
	local dir=$1 main security keyring
	local apt=(apt-get -q
		-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$dir/sources"
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache"
		-o "APT::Get::AllowUnauthenticated=false"
		-o "Acquire::AllowInsecureRepositories=false"
		-o "Acquire::AllowWeakRepositories=false"
		-o "Acquire::Retries=3")

	main=$(machine_uri Debian)
	if [ -z "$main" ]; then
		machine_apt_update
		main=$(machine_uri Debian)
	fi
	security=$(machine_uri Debian-Security)
	[ -n "$main" ] || fail "no Debian archive among the machine's apt sources" \
		"add one to /etc/apt, or build wolfSSL yourself with the flags in tools/build/deps.sh and name it with WOLFSSL_DIR="
	if [ -z "$security" ]; then
		say "WARNING: the machine has no Debian-Security source: wolfSSL without the newest fixes"
	fi

	if ! compgen -G "/usr/share/keyrings/debian-archive-$SUITE-stable.*" >/dev/null; then
		need_root "the installed Debian keyring is older than $SUITE"
		machine_apt_update
		step "upgrading debian-archive-keyring" "upgrade that package by hand" \
			apt-get -q -y -o DPkg::Lock::Timeout=120 install debian-archive-keyring
	fi
	for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg,none}; do
		[ ! -r "$keyring" ] || break
	done
	[ -r "$keyring" ] || fail "no Debian keyring in /usr/share/keyrings" \
		"reinstall the package debian-archive-keyring"

	mkdir -p "$dir/sources" "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/src"
	{
		write_source "$SUITE" "$main" "$keyring"
		[ -z "$security" ] || write_source "$SUITE-security" "$security" "$keyring"
	} >"$dir/sources/wolfssl.sources"
	# apt drops its privileges to _apt for the download.
	if [ "$(id -u)" -eq 0 ] && id _apt >/dev/null 2>&1; then
		chown -R _apt "$dir/lists/partial" "$dir/cache" "$dir/src"
	fi

	say "fetching the source package wolfssl of $SUITE"
	step "reading Debian $SUITE's source lists from $main" \
		"check the network and that this mirror carries $SUITE; run \`sudo make deps\` again" \
		"${apt[@]}" -o APT::Update::Error-Mode=any update
	cd "$dir/src"
	step "downloading wolfSSL's source package from $main" \
		"check the network and the space in $dir; run \`sudo make deps\` again" \
		"${apt[@]}" source wolfssl
	cd "$ROOT"
}

# keep_source FOLDER: the verified source package as it came, with checksums of its files
keep_source()
{
	fetch_source "$WORK"
	rm -rf "$1"
	mkdir -p "$1"
	cp "$WORK"/src/wolfssl_* "$1/"
	(cd "$1" && sha256sum wolfssl_* >SHA256SUMS)
	say "wolfSSL's source package is in $1"
}

# take_source FOLDER: from WOLFSSL_SOURCE, where keep_source has put it, or from the network
take_source()
{
	if [ -z "${WOLFSSL_SOURCE:-}" ]; then
		need_root "wolfSSL has to be built"
		fetch_source "$1"
		return
	fi
	(cd "$WOLFSSL_SOURCE" && sha256sum --quiet -c SHA256SUMS) ||
		fail "checking $WOLFSSL_SOURCE" "fetch it anew: tools/build/deps.sh --source FOLDER"
	mkdir -p "$1/src"
	step "unpacking $WOLFSSL_SOURCE" "see the lines above" \
		dpkg-source --no-check -x "$WOLFSSL_SOURCE"/wolfssl_*.dsc "$1/src/wolfssl-source"
}

build_wolfssl()
{
	local arch hash old version src new jobs flags=("${CONFIGURE[@]}")

	arch=$(dpkg --print-architecture)
	[ "$arch" != amd64 ] || flags+=("${CONFIGURE_AMD64[@]}")
	hash=$(printf '%s\n' "$arch" "${flags[@]}" "$WOLFSSL_CFLAGS" | cat - "$0" | sha256sum | cut -d' ' -f1)
	if [ -r "$PREFIX/stamp" ] && [ -r "$PREFIX/lib/libwolfssl.a" ] &&
	   read -r old version <"$PREFIX/stamp" && [ "$old" = "$hash" ]; then
		say "wolfSSL $version is in build/wolfssl"
		return
	fi

	take_source "$WORK"
	src=$(echo "$WORK"/src/wolfssl-*/)
	version=$(cd "$src" && dpkg-parsechangelog -S Version)
	jobs=$(nproc)

	say "building wolfSSL $version"
	cd "$src"
	mkdir -p build-aux wolfssl/wolfcrypt/port/intel wolfssl/wolfcrypt/port/cavium
	step "making wolfSSL's configure" "report the lines above" autoreconf --install --force
	step "configuring wolfSSL" "report the lines above" \
		./configure --prefix="$PREFIX" "${flags[@]}" \
		CFLAGS="$(echo $WOLFSSL_CFLAGS) -ffile-prefix-map=$src=wolfssl/"
	step "compiling wolfSSL" "report the lines above" make -j"$jobs"
	step "installing wolfSSL into build/wolfssl" "check the space in $ROOT/build" \
		make install DESTDIR="$WORK/dest"
	cd "$ROOT"

	new=$WORK/dest$PREFIX
	rm -rf "$new/bin" "$new/share" "$new/lib/pkgconfig" "$new"/lib/*.la
	cp "$src/COPYING" "$new/"
	# Not installed by upstream; the one boundary file of the handshake reads it.
	cp "$src/wolfssl/internal.h" "$new/include/wolfssl/"
	echo "$hash $version" >"$new/stamp"
	printf '%s\n' "${flags[@]}" $WOLFSSL_CFLAGS >"$new/flags"
	rm -rf "$PREFIX"
	mv "$new" "$PREFIX" || fail "moving wolfSSL into build/wolfssl" "check the space in $ROOT/build"
	say "wolfSSL $version is in build/wolfssl"
}

main()
{
	[ -r /etc/debian_version ] && command -v dpkg-query >/dev/null ||
		fail "this is not Debian" "install the packages named in tools/build/deps.sh by other means, and name a wolfSSL with WOLFSSL_DIR="
	mkdir -p "$ROOT/build" && [ -w "$ROOT/build" ] && [ ! -e "$ROOT/build/.deps.lock" -o -w "$ROOT/build/.deps.lock" ] ||
		fail "$ROOT/build cannot be written" "run \`sudo make deps\`"
	exec 9>"$ROOT/build/.deps.lock"
	flock -w 600 9 || fail "another \`make deps\` runs for ten minutes" "wait for it or end it"

	WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/mncse-deps.XXXXXX")
	trap 'rm -rf "$WORK"' EXIT
	chmod 755 "$WORK"
	LOG=$WORK/log

	case ${1:-} in
	--source)
		keep_source "$(realpath -m "${2:?a folder}")"
		return
		;;
	--wolfssl) ;;
	*) install_packages ;;
	esac
	build_wolfssl
	# Under sudo the output belongs to who called it, or a later plain `make` could not write.
	if [ -n "${SUDO_UID:-}" ]; then
		chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$ROOT/build" "$ROOT/build/.deps.lock"
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$PREFIX"
	fi
	say "done"
}

main "$@"
