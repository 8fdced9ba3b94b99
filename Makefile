# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets and the variables. Sources are found by their folder: nobody adds a file here.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:

CC	= gcc
AR	= ar
PKG_CONFIG ?= pkg-config
PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
SBINDIR	?= $(PREFIX)/sbin
MANDIR	?= $(PREFIX)/share/man
DATADIR	?= $(PREFIX)/share
SYSCONFDIR ?= /etc
UNITDIR	?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
B	?= build
WOLFSSL_DIR ?= build/wolfssl
V	?= 0
SAN	?= 0
WERROR	?= 0
T	?=

.DEFAULT_GOAL := all

# All processors, unless the caller says -j (which wins) or is a make itself.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

# `make deps X`: the packages change what this file finds, so X runs in a make of its own, after deps.
ifneq ($(filter deps,$(MAKECMDGOALS)),)

AFTER := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps $(AFTER)
deps:
	@tools/build/deps.sh
$(AFTER) &: deps
	@+$(MAKE) --no-print-directory $(AFTER)

else

# ---------------------------------------------------------------- flags

# O is where this run writes: B, or a folder in it for the sanitizers.
ifeq ($(SAN),1)
O	:= $(B)/asan
CFLAGS	?= -O1 -g
HARDEN	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
O	:= $(B)/tsan
CFLAGS	?= -O1 -g
HARDEN	:= -fsanitize=thread -fno-omit-frame-pointer
else ifeq ($(SAN),fuzz)
O	:= $(B)/fuzz
CFLAGS	?= -O1 -g
HARDEN	:= -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
O	:= $(B)
CFLAGS	?= -O2 -g
HARDEN	:= -fstack-protector-strong $(if $(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
endif

# The one place that says it; what the programs print and the daemons tell on their sockets.
VERSION	:= $(strip $(shell cat VERSION))

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
ifeq ($(SAN),fuzz)
WARN	+= -Wno-gnu-variable-sized-type-not-at-end # clang's, of what gcc takes
endif
ifeq ($(WERROR),1)
WARN	+= -Werror
endif

PACKAGES := liburing libutf8proc yaml-0.1 jansson libcbor sqlite3 libnl-3.0 libnl-genl-3.0 cmocka
MISSING	:= $(shell for p in $(PACKAGES); do $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
ifeq ($(MISSING),)
PROGRAM_PACKAGES := $(filter-out cmocka,$(PACKAGES))
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PROGRAM_PACKAGES))
TEST_LIBS  := $(shell $(PKG_CONFIG) --libs cmocka)
endif
ifeq ($(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo yes),yes)
PKG_CFLAGS += -DHAVE_SYSTEMD $(shell $(PKG_CONFIG) --cflags libsystemd)
PKG_LIBS   += $(shell $(PKG_CONFIG) --libs libsystemd)
endif

# metrics: of mncsed.yaml is refused without it.
ifeq ($(shell $(PKG_CONFIG) --exists libmicrohttpd 2>/dev/null && echo yes),yes)
PKG_CFLAGS += -DHAVE_MICROHTTPD $(shell $(PKG_CONFIG) --cflags libmicrohttpd)
PKG_LIBS   += $(shell $(PKG_CONFIG) --libs libmicrohttpd)
endif

# The BPF programs need all of these; without them the feature is off and `mncsectl layers` names the first that was missing.
CLANG	?= clang
BPFTOOL	?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool))
BPF_MISSING := $(shell \
	if ! $(CLANG) --print-targets 2>/dev/null | grep -qw bpf; then echo clang; \
	elif ! $(PKG_CONFIG) --exists libbpf 2>/dev/null; then echo libbpf; \
	elif ! $(BPFTOOL) version >/dev/null 2>&1; then echo bpftool; fi)
ifeq ($(BPF_MISSING),)
BPF_CFLAGS := -DHAVE_BPF -I$(O)/bpf $(shell $(PKG_CONFIG) --cflags libbpf)
BPF_LIBS   := $(shell $(PKG_CONFIG) --libs libbpf)
else
BPF_CFLAGS := -DBPF_MISSING='"$(BPF_MISSING)"'
endif

ALL_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -DMN_VERSION=\"$(VERSION)\" -Ilib $(PKG_CFLAGS) $(WARN) $(HARDEN) -fPIE -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(filter -fsanitize% -fno-sanitize%,$(HARDEN)) $(LDFLAGS)

# ---------------------------------------------------------------- wolfSSL

# Only these two may include it, and they see its options first, or its structures would have another layout.
WOLFSSL_USERS	:= lib/core/crypto.c lib/dtls/handshake.c
WOLFSSL_CFLAGS	:= -isystem $(WOLFSSL_DIR)/include -include wolfssl/options.h
WOLFSSL_A	:= $(firstword $(wildcard $(WOLFSSL_DIR)/lib/libwolfssl.a $(WOLFSSL_DIR)/lib/*/libwolfssl.a))
WOLFSSL_OK	:= $(O)/wolfssl.ok

# ---------------------------------------------------------------- sources

# find_c FOLDERS: their .c files
find_c	= $(sort $(wildcard $(addsuffix /*.c,$(1))))
objs	= $(patsubst %.c,$(O)/obj/%.o,$(1))

LIB_SRCS := $(sort $(wildcard lib/*.c lib/*/*.c lib/*/*/*.c))
LIB_A	 := $(O)/libmncse.a

mncsed_SRCS	  := $(call find_c,daemon)
mncse-keys_SRCS	  := $(call find_c,tools/keys)
mncse-device_SRCS := $(call find_c,tools/device)
mncse-bench_SRCS  := $(call find_c,tools/bench)
ifneq ($(mncse-bench_SRCS),)
mncse-bench_SRCS  += $(wildcard tools/device/agent*.c)
endif
incsed_SRCS	  := $(call find_c,tools/incsed)
mncsectl_SRCS	  := $(call find_c,tools/mncsectl)

BIN_NAMES  := mncse-keys mncse-device mncse-bench mncsectl
SBIN_NAMES := mncsed incsed
# A program whose folder has no source yet is skipped.
have	   = $(foreach p,$(1),$(if $($(p)_SRCS),$(p)))
PROGRAMS   := $(call have,$(BIN_NAMES) $(SBIN_NAMES))

UNIT_SRCS  := $(sort $(wildcard tests/unit/test_*.c))
NETNS_SRCS := $(call find_c,tests/netns)
VM_SRCS	   := $(call find_c,tests/vm)
FAULT	   := $(patsubst tests/fault/%.c,$(O)/fault/%.so,$(wildcard tests/fault/*.c))
FUZZ_SRCS  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
ifeq ($(BPF_MISSING),)
BPF_SRCS   := $(sort $(wildcard bpf/*.bpf.c))
BPFT_SRCS  := $(sort $(wildcard tests/bpf/test_*.c tests/bpf/info.c))
endif
SKELETONS  := $(patsubst bpf/%.bpf.c,$(O)/bpf/%.skel.h,$(BPF_SRCS))
BPFT	   := $(patsubst tests/bpf/%.c,$(O)/bpftest/%,$(BPFT_SRCS))
STEER_SRCS := $(wildcard daemon/steer*.c)
FUZZ	   := $(patsubst tests/fuzz/fuzz_%.c,$(O)/fuzz/%,$(FUZZ_SRCS))
# Without libFuzzer a target runs the files that it is given.
FUZZ_MAIN  := $(if $(filter fuzz,$(SAN)),,tests/fuzz/replay.c)
UNIT	   := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
NETNS	   := $(patsubst tests/netns/%.c,$(O)/netns/%,$(NETNS_SRCS))

# A test's first ten lines may name further sources and libraries:
#	/* LINK: daemon/config.c tools/incsed/resource.c */
#	/* LIBS: -lssl -lcrypto */
# EXTRA holds a word for each: tests/unit/test_x.c=daemon/config.c
ifneq ($(UNIT_SRCS)$(NETNS_SRCS)$(BPFT_SRCS),)
EXTRA := $(shell awk 'FNR <= 10 && /(LINK|LIBS):/ { \
	sub(/.*(LINK|LIBS):/, ""); sub(/\*\/.*/, ""); \
	for (i = 1; i <= NF; i++) print FILENAME "=" $$i }' $(UNIT_SRCS) $(NETNS_SRCS) $(BPFT_SRCS) $(FUZZ_SRCS))
endif
extra	   = $(patsubst $(1)=%,%,$(filter $(1)=%,$(EXTRA)))
extra_objs = $(call objs,$(filter %.c,$(call extra,$(1))))
extra_libs = $(filter -%,$(call extra,$(1)))

OBJS := $(sort $(call objs,$(LIB_SRCS) $(foreach p,$(PROGRAMS),$($(p)_SRCS)) $(UNIT_SRCS) $(NETNS_SRCS) $(BPFT_SRCS) $(FUZZ_SRCS)) \
	$(foreach t,$(UNIT_SRCS) $(NETNS_SRCS) $(BPFT_SRCS) $(FUZZ_SRCS),$(call extra_objs,$(t))))

# ---------------------------------------------------------------- rules

ifeq ($(V),1)
Q   :=
say  =
else
Q   := @
say  = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

.PHONY: all lib programs unit netns fuzz fuzz-build kmod bpf bpftest bpf-info check check-vm check-unit check-build tsan deps demo bench layers style format install install-files install-completion deb check-deb clean distclean help \
	need-packages FORCE

all: lib programs
lib: $(LIB_A)
programs: $(addprefix $(O)/bin/,$(PROGRAMS))
unit: $(UNIT)
fuzz-build: $(FUZZ)
netns: $(NETNS) $(FAULT)
bpf: $(SKELETONS)
bpftest: $(BPFT)
check-build: all unit netns bpftest fuzz-build

need-packages:
ifneq ($(MISSING),)
	@echo 'make: libraries are missing ($(MISSING)): run `sudo make deps`' >&2; exit 1
endif

# written NAME TEXT: the file $(O)/NAME changes when the text does, so that what depends on it is made again
define written
$(O)/$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' >$$@
endef
$(eval $(call written,flags,$$(CC) $$(ALL_CFLAGS) $$(WOLFSSL_CFLAGS) $$(subst ',,$$(BPF_CFLAGS))))
$(eval $(call written,ldflags,$$(ALL_LDFLAGS) $$(PKG_LIBS) $$(TEST_LIBS) $$(BPF_LIBS) $$(PROGRAMS)))
$(eval $(call written,lib.list,$$(LIB_SRCS)))

$(WOLFSSL_OK): tools/build/wolfssl_check.c $(WOLFSSL_A) $(O)/flags | need-packages
	@CC='$(CC)' tools/build/wolfssl_check.sh '$(WOLFSSL_DIR)' '$(WOLFSSL_A)' $(O)/wolfssl_check
	@touch $@

$(O)/obj/%.o: %.c $(O)/flags | need-packages
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

$(call objs,$(WOLFSSL_USERS)): EXTRA_CFLAGS = $(WOLFSSL_CFLAGS)
$(call objs,$(WOLFSSL_USERS)): $(WOLFSSL_OK)

# Uapi headers suffice, so neither vmlinux.h nor the kernel's BTF is needed. bpftool drops the DWARF that -g brings beside BTF.
BPF_TRIPLET := $(shell $(CC) -print-multiarch 2>/dev/null)
$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Ilib \
		$(if $(BPF_TRIPLET),-isystem /usr/include/$(BPF_TRIPLET)) -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp
$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $* >$@
-include $(BPF_SRCS:%.bpf.c=$(O)/%.bpf.d)

$(call objs,$(STEER_SRCS) $(BPFT_SRCS)): EXTRA_CFLAGS = $(BPF_CFLAGS)
$(call objs,$(STEER_SRCS) $(BPFT_SRCS)): | $(SKELETONS)
mncsed_LIBS := $(BPF_LIBS)

$(LIB_A): $(call objs,$(LIB_SRCS)) $(O)/lib.list
	$(call say,AR,$@)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

# link OBJECTS LIBRARIES
link = $(CC) $(ALL_LDFLAGS) -o $@ $(1) $(LIB_A) $(WOLFSSL_A) $(2) $(PKG_LIBS) -lm

define program
$(O)/bin/$(1): $$(call objs,$$($(1)_SRCS)) $(LIB_A) $(WOLFSSL_OK) $(O)/ldflags
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(call link,$$(call objs,$$($(1)_SRCS)),$$($(1)_LIBS))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# test_program SOURCE OUTPUT
define test_program
$(2): $$(call objs,$(1)) $$(call extra_objs,$(1)) $(LIB_A) $(WOLFSSL_OK) $(O)/ldflags
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(call link,$$(call objs,$(1)) $$(call extra_objs,$(1)),$$(call extra_libs,$(1)) $$(TEST_LIBS))
endef
$(foreach t,$(UNIT_SRCS),$(eval $(call test_program,$(t),$(patsubst tests/unit/%.c,$(O)/unit/%,$(t)))))
$(foreach t,$(NETNS_SRCS),$(eval $(call test_program,$(t),$(patsubst tests/netns/%.c,$(O)/netns/%,$(t)))))

# fuzz_target SOURCE OUTPUT
define fuzz_target
$(2): $$(call objs,$(1) $$(FUZZ_MAIN)) $$(call extra_objs,$(1)) $(LIB_A) $(WOLFSSL_OK) $(O)/ldflags
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(call link,$$(call objs,$(1) $$(FUZZ_MAIN)) $$(call extra_objs,$(1)) $$(if $$(FUZZ_MAIN),,-fsanitize=fuzzer),$$(call extra_libs,$(1)) $$(TEST_LIBS))
endef
$(foreach t,$(FUZZ_SRCS),$(eval $(call fuzz_target,$(t),$(patsubst tests/fuzz/fuzz_%.c,$(O)/fuzz/%,$(t)))))

# What tests load into programs: without the sanitizers, whose place it takes
$(O)/fault/%.so: tests/fault/%.c $(wildcard tests/fault/*.h) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -o $@ $<

# The one program that runs in the virtual machines
$(O)/vm/main: $(call objs,$(VM_SRCS)) $(LIB_A) $(WOLFSSL_OK) $(O)/ldflags
	@mkdir -p $(@D)
	$(call say,LD,$@)$(call link,$(call objs,$(VM_SRCS)),-lcrypto $(TEST_LIBS))
$(foreach t,$(BPFT_SRCS),$(eval $(call test_program,$(t),$(patsubst tests/bpf/%.c,$(O)/bpftest/%,$(t)))))

-include $(OBJS:.o=.d)
-include $(patsubst %.o,%.d,$(call objs,$(VM_SRCS) tests/fuzz/replay.c))

# ---------------------------------------------------------------- tests and checks

check:
	@+$(MAKE) --no-print-directory SAN=1 check-build
	@B='$(B)' tests/run.sh $(T)

check-unit:
	@+$(MAKE) --no-print-directory SAN=1 unit
	@B='$(B)' tests/run.sh --unit $(T)

ifeq ($(BPF_MISSING),)
bpf-info: $(O)/bpftest/info
	@$(O)/bpftest/info
else
bpf-info:
	@echo 'make: the BPF programs are not built: $(BPF_MISSING) is missing: run `sudo make deps`' >&2; exit 1
endif

# mncse.ko for the kernel whose headers are in KDIR, into B/kmod/RELEASE/
KDIR	?= /lib/modules/$(shell uname -r)/build
kmod:
	@WERROR=$(WERROR) tools/build/kmod.sh '$(KDIR)' '$(B)'

VM	?= 6.1 6.12
check-vm: $(O)/vm/main
	@tests/vm/deps.sh
	@+for k in $(VM); do tools/build/kmod.sh "build/vm/$$k/headers" '$(B)' || exit 1; done
	@tests/vm/run.sh '$(B)' $(VM)

# The BPF programs on the same kernels
.PHONY: check-vm-bpf
check-vm-bpf: programs bpftest $(O)/vm/main
	@tests/vm/deps.sh
	@tests/vm/bpf_run.sh '$(B)' $(VM)

# The workers under ThreadSanitizer: any report is a failure. wolfSSL is not built for it; its memory is each thread's own.
tsan:
	@+$(MAKE) --no-print-directory SAN=thread programs $(B)/tsan/unit/test_worker
	@BIN='$(abspath $(B))/tsan/bin' UNIT='$(abspath $(B))/tsan/unit' tests/tsan/run.sh

demo: all
	@BIN='$(abspath $(O))/bin' DEVICES='$(or $(DEVICES),1000)' GROUPS='$(or $(GROUPS),1)' NGROUPS='$(or $(GROUPS),1)' MODE='$(or $(MODE),group)' \
		BPF='$(or $(BPF),auto)' KMOD='$(or $(KMOD),auto)' JSON='$(JSON)' tools/demo/demo.sh

bench: all
	@BIN='$(abspath $(O))/bin' OUT='$(abspath $(O))/bench' tools/bench/bench.sh

.PHONY: bench-bpf
bench-bpf: all bpftest $(O)/netns/flood
	@BIN='$(abspath $(O))/bin' TESTS='$(abspath $(O))/bpftest' FLOOD='$(abspath $(O))/netns/flood' OUT='$(abspath $(O))/bench' tools/bench/bpf.sh

layers:
	@tools/build/layers.sh
style:
	@tools/build/style.sh
format:
	@tools/build/style.sh --fix

# ---------------------------------------------------------------- installation

MANUALS := $(wildcard daemon/*.[158] tools/*/*.[158])

# unit NAME: its paths are those of this installation
unit_file = sed 's,@BINDIR@,$(BINDIR),g; s,@SBINDIR@,$(SBINDIR),g; s,@DATADIR@,$(DATADIR),g; s,@SYSCONFDIR@,$(SYSCONFDIR),g' \
	tools/service/$(1).in >$(O)/$(1) && install -D -m 644 $(O)/$(1) $(DESTDIR)$(UNITDIR)/$(1)
# a configuration that is there stays as it is
config_file = { [ -e $(DESTDIR)$(SYSCONFDIR)/mncse/$(1) ] || install -D -m 644 tools/service/$(1) $(DESTDIR)$(SYSCONFDIR)/mncse/$(1); }

install: all
	@+$(MAKE) --no-print-directory install-files

# bash finds it by the program's name
install-completion:
	$(foreach p,$(call have,$(BIN_NAMES) $(SBIN_NAMES)),install -D -m 644 tools/completion/mncse.bash \
		$(DESTDIR)$(DATADIR)/bash-completion/completions/$(p) &&) :

# what is built, as it is
install-files: install-completion
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR)
	$(foreach p,$(call have,$(BIN_NAMES)),install -m 755 $(O)/bin/$(p) $(DESTDIR)$(BINDIR)/$(p) &&) :
	$(foreach p,$(call have,$(SBIN_NAMES)),install -m 755 $(O)/bin/$(p) $(DESTDIR)$(SBINDIR)/$(p) &&) :
	$(foreach m,$(MANUALS),install -D -m 644 $(m) \
		$(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)) &&) :
	$(foreach d,$(call have,$(SBIN_NAMES)),$(call unit_file,$(d).service) && $(call config_file,$(d).yaml) &&) :
	install -D -m 644 tools/service/layers.conf $(DESTDIR)$(DATADIR)/mncse/layers.conf
	$(foreach n,mncse mncse-in,install -D -m 644 tools/service/$(n).sysusers $(DESTDIR)$(SYSUSERSDIR)/$(n).conf &&) :
	$(foreach n,mncse mncse-in,install -D -m 644 tools/service/$(n).tmpfiles $(DESTDIR)$(TMPFILESDIR)/$(n).conf &&) :
ifeq ($(DESTDIR),)
	@echo 'make: now, as root: systemd-sysusers && systemd-tmpfiles --create mncse.conf mncse-in.conf && systemctl daemon-reload'
endif

# mncse, mncse-in and mncse-dkms as Debian packages, in B/deb/
deb:
	@tools/build/deb.sh '$(B)'

check-deb:
	@tests/deb/run.sh '$(B)'

clean:
	rm -rf $(addprefix $(B)/,asan tsan fuzz bin bpf bpftest kmod obj unit netns libmncse.a flags ldflags lib.list wolfssl.ok wolfssl_check)

distclean: clean
	rm -rf build

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

#: make deps          install packages and build wolfSSL into build/wolfssl (root; `sudo make deps`)
#: make               library and programs, in build/bin/
#: make check         every test with the address and undefined behaviour sanitizers (T=WORD: only tests with that name)
#: make check-unit    the unit tests alone
#: make tsan          the gateway's workers with the thread sanitizer
#: make bpf-info      what the verifier of this kernel says of each BPF program: steps, stack (root)
#: make fuzz          every fuzz target for FUZZ_S=60 seconds each (T=WORD: only targets with that name); finds are in B/fuzz/find
#: make demo          IN, gateway and DEVICES=1000 devices in network namespaces (root)
#:                    GROUPS=N MODE=group|proxy BPF=auto|on|off KMOD=auto|on|off JSON=FILE
#: make bench         the measurements of docs/benchmarks.md; results in B/bench (DEVICES= GROWTH= MODES= RUNS= DTLSLOAD= TINYDTLS=)
#: make bench-bpf     the BPF programs: ns a packet, answers a second, a flood of ClientHellos with them and without (root; DEVICES= RATE= RUNS=)
#: make kmod          mncse.ko for the running kernel, or for the headers in KDIR=
#: make check-vm      the kernel tests on Debian's 6.1 and 6.12 in QEMU (VM=6.1: only that); the first run wants root for packages
#: make check-vm-bpf  the BPF programs on the same kernels
#: make layers style  the checks of structure and style; `make format` applies the style
#: make install       programs, man pages, bash completion, systemd units, /etc/mncse; PREFIX=/usr/local DESTDIR= SYSCONFDIR=/etc UNITDIR=
#: make deb           Debian packages mncse, mncse-in and mncse-dkms in build/deb/; the first run fetches wolfSSL's source
#: make check-deb     installs, uses, upgrades and purges them in a Debian 12 of its own with systemd (root; the first run wants packages)
#: make clean         removes what make built, keeps wolfSSL; `make distclean` removes build/
#:
#: Variables: B=DIR output folder (build), WOLFSSL_DIR=PREFIX another wolfSSL, SAN=1 sanitizers (output in B/asan), SAN=thread (B/tsan), SAN=fuzz (B/fuzz),
#: WERROR=1 warnings are errors, V=1 show commands, CFLAGS LDFLAGS CC as usual

endif
