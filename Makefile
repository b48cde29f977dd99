# SPDX-License-Identifier: ISC
#
# make            the static binary, configured by .config or else board/default
# make CONF=tiny  the same for a folder of board/, in build/tiny, .config aside
# make help       the other targets and the variables

MAKEFLAGS += -rR --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

V ?=
Q := $(if $(V),,@)
PYTHON ?= /usr/bin/python3
WERROR ?= -Werror
PREFIX ?= /usr
SECONDS ?= 60

CC_GIVEN := $(filter command environment,$(origin CC))
CROSS ?=
ARCH := $(or $(CROSS),$(shell uname -m))
BOARDS := $(patsubst board/%/defconfig,%,$(wildcard board/*/defconfig))

CONF ?=
NAME := $(or $(CONF),$(if $(wildcard .config),config,default))
O := build/$(NAME)$(CROSS:%=-%)
DOTCONFIG := $(if $(CONF),$(O)/.config,$(or $(wildcard .config),$(O)/.config))
BOARD := $(or $(CONF),default)

## all             build/NAME/mailmote, static and stripped (the default target)
all: $(O)/mailmote

# ---- configuration -------------------------------------------------------

KCONF := KCONFIG_CONFIG=.config KCONFIG_WARN_UNDEF_ASSIGN=y $(PYTHON) -m

## config          ask for what .config does not say (oldconfig is the same)
config:
	$(Q)$(KCONF) oldconfig Kconfig
oldconfig:
	$(Q)$(KCONF) oldconfig Kconfig
## olddefconfig    complete .config with the defaults, without a question
olddefconfig:
	$(Q)$(KCONF) olddefconfig Kconfig
## defconfig       .config from board/default; NAME_defconfig from board/NAME
defconfig:
	$(Q)$(KCONF) defconfig --kconfig Kconfig board/default/defconfig
## menuconfig      edit .config
menuconfig:
	$(Q)$(KCONF) menuconfig Kconfig
## savedefconfig   write ./defconfig, the least that gives this .config
savedefconfig:
	$(Q)$(KCONF) savedefconfig --kconfig Kconfig --out defconfig
## randconfig      a random .config; SEED=N repeats one
randconfig:
	$(Q)KCONFIG_CONFIG=.config $(PYTHON) board/randconfig.py $(SEED)

define board-rule
$(1)_defconfig:
	$$(Q)$$(KCONF) defconfig --kconfig Kconfig board/$(1)/defconfig
endef
$(foreach b,$(BOARDS),$(eval $(call board-rule,$(b))))
.PHONY: all config oldconfig olddefconfig defconfig menuconfig savedefconfig \
	randconfig $(BOARDS:%=%_defconfig)

ifneq ($(CONF),)
ifeq ($(filter $(CONF),$(BOARDS)),)
$(error CONF=$(CONF) is none of $(BOARDS))
endif
endif

# These need no configuration; with only them asked for, none is made.
PLAIN := %config clean help coverage deps deps-% check check-% lint lint-% \
	fleet fuzz size repro dist format demo bench power power-real sim
ifneq ($(filter-out $(PLAIN),$(or $(MAKECMDGOALS),all)),)

# FRAGMENT: a file with lines that count more than those of the board.
$(O)/.config: board/$(BOARD)/defconfig $(FRAGMENT) Kconfig
	@mkdir -p $(@D)
	$(Q)awk '{ at[$$1 == "#" ? $$2 : substr($$1, 1, index($$1, "=") - 1)] = $$0 } \
		END { for (k in at) print at[k] }' $(filter-out Kconfig,$^) >$@.in
	$(Q)KCONFIG_CONFIG=$@ $(PYTHON) -m defconfig --kconfig Kconfig $@.in >/dev/null

# One recipe makes both.  Only an incomplete .config needs Python.
KAWK := awk -f board/kconfig.awk -v epoch=$(SOURCE_DATE_EPOCH)
$(O)/config.mk: $(DOTCONFIG) Kconfig board/kconfig.awk $(O)/flags
	@mkdir -p $(@D)
	$(Q)if [ -n "$$($(KAWK) -v want=missing Kconfig $(DOTCONFIG))" ]; then \
		KCONFIG_CONFIG=$(DOTCONFIG) $(PYTHON) -m olddefconfig Kconfig >/dev/null; \
	fi
	$(Q)$(KAWK) -v want=h Kconfig $(DOTCONFIG) >$(O)/config.h.new
	$(Q)cmp -s $(O)/config.h.new $(O)/config.h || \
		cp $(O)/config.h.new $(O)/config.h
	$(Q)$(KAWK) -v want=mk Kconfig $(DOTCONFIG) >$@
$(O)/config.h: $(O)/config.mk ;

-include $(O)/config.mk
include board/deps.mk src/files.mk

# ---- flags: ours are never lost when CC, CFLAGS or LDFLAGS are given -----

WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes $(WERROR)
OUR_CFLAGS := -std=c11 -D_GNU_SOURCE -Isrc -include $(O)/config.h $(LIB_CFLAGS) \
	$(WARN) -ffunction-sections -fdata-sections -fstack-usage \
	-ffile-prefix-map=$(CURDIR)/=
# Sorted, small variables share pages instead of lying between large buffers.
OUR_LDFLAGS := -Wl,--gc-sections,--build-id=none,--sort-section=alignment

# GCC has -Oz since 12.  What is computed ahead, or kept for its next use, takes
# registers, and saving those takes more than is saved.
SMALLEST := -Oz -fno-move-loop-invariants -fno-caller-saves -fno-jump-tables \
	-fno-tree-forwprop -fno-tree-dominator-opts
ifneq ($(shell $(or $(CC_GIVEN:%=$(CC)),$(TRIPLET:%=%-)gcc) $(SMALLEST) -Werror \
	-E -x c /dev/null >/dev/null 2>&1 && echo yes),yes)
SMALLEST := -Os
endif
ifneq ($(CONFIG_DEBUG),)
OUR_CFLAGS += -Og -g
else
OUR_CFLAGS += $(SMALLEST) -DNDEBUG -fomit-frame-pointer \
	-fno-asynchronous-unwind-tables -fno-unwind-tables
STRIP_FLAG := -s
endif
ifneq ($(CONFIG_SANITIZE),)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
OUR_CFLAGS += $(SANITIZE) -fno-omit-frame-pointer
OUR_LDFLAGS += $(SANITIZE)
else
OUR_CFLAGS += -Wframe-larger-than=1024
endif
ifneq ($(CONFIG_STATIC),)
OUR_CFLAGS += -fno-pie $(ARCH_CFLAGS)
OUR_LDFLAGS += -static -no-pie \
	-Wl,-z,norelro,-z,noseparate-code,-z,max-page-size=4096,-z,common-page-size=64
endif

# The rooms of the lowest floors also mind implicit conversions.
STRICT_ROOMS := base mail smtp conf spool
room-flags = $(if $(filter $(STRICT_ROOMS),$(firstword $(subst /, ,$(1)))),-Wconversion)

# Remade only when the words change, so that a new CC or CFLAGS rebuilds.
FLAGS_NOW := $(CC) $(SMALLEST) $(CFLAGS) $(LDFLAGS) $(BEARSSL_DIR) $(UDNS_DIR) $(SOURCE_DATE_EPOCH)
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(FLAGS_NOW))' >$@
FORCE:

# ---- the program ---------------------------------------------------------

OBJS := $(obj-y:%=$(O)/%)
ARCHIVE := $(O)/mailmote.a

$(OBJS): $(O)/%.o: src/%.c $(O)/config.h $(O)/flags | $(TOOLCHAIN) $(LIB_FILES)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(OUR_CFLAGS) $(call room-flags,$*) $(CFLAGS) -MMD -MP -c -o $@ $<

# mailmote.sym keeps its symbols, for nm and the debugger.
$(O)/mailmote: $(OBJS) $(LIB_FILES)
	@echo "  LD    $@"
	$(Q)$(CC) $(OUR_LDFLAGS) $(LDFLAGS) -o $@.sym $(OBJS) $(LIB_LDLIBS)
	$(Q)$(CC) $(OUR_LDFLAGS) $(LDFLAGS) $(STRIP_FLAG) -o $@ $(OBJS) $(LIB_LDLIBS)

# Everything but main, for the tests.
$(ARCHIVE): $(filter-out $(O)/main.o,$(OBJS))
	@rm -f $@
	$(Q)ar rcs $@ $^

## install         into DESTDIR, below PREFIX (/usr); builds nothing
BIN := $(DESTDIR)$(PREFIX)
PAGES := mailmote.8 mailmote.conf.5 $(if $(CONFIG_SENDMAIL),sendmail.8) \
	$(if $(CONFIG_MAIL),mail.1)
install:
	@test -f $(O)/mailmote || { echo "install: first make $(O)/mailmote"; exit 1; }
	mkdir -p $(BIN)/sbin $(BIN)/bin $(BIN)/lib
	cp $(O)/mailmote $(BIN)/sbin/mailmote
	chmod 0755 $(BIN)/sbin/mailmote
	$(if $(CONFIG_SENDMAIL),ln -sf mailmote $(BIN)/sbin/sendmail)
	$(if $(CONFIG_SENDMAIL),ln -sf ../sbin/mailmote $(BIN)/lib/sendmail)
	$(if $(CONFIG_SENDMAIL),ln -sf ../sbin/mailmote $(BIN)/bin/newaliases)
	for page in $(PAGES); do \
		mkdir -p $(BIN)/share/man/man$${page##*.} && \
		cp src/cmd/$$page $(BIN)/share/man/man$${page##*.}/ && \
		chmod 0644 $(BIN)/share/man/man$${page##*.}/$$page || exit 1; \
	done
	$(if $(CONFIG_MAIL),ln -sf ../sbin/mailmote $(BIN)/bin/mail)
	$(if $(CONFIG_MAIL),ln -sf ../sbin/mailmote $(BIN)/bin/mailx)
	$(if $(CONFIG_MAILQ),ln -sf ../sbin/mailmote $(BIN)/bin/mailq)

# ---- tests of one configuration ------------------------------------------

TEST_CFLAGS = $(OUR_CFLAGS) -Itests -Itests/lib -Wno-format-truncation \
	-Wno-frame-larger-than $(CFLAGS) -MMD -MP
UNIT := $(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TEST_LIB := $(patsubst tests/lib/%.c,$(O)/testlib/%.o,$(wildcard tests/lib/*.c))

SIM := $(patsubst tests/%.c,$(O)/%.o,$(filter-out tests/sim/century.c,$(wildcard tests/sim/*.c)))

$(O)/testlib/%.o: tests/lib/%.c $(O)/config.h $(O)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(SIM): $(O)/sim/%.o: tests/sim/%.c $(O)/config.h $(O)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

# The relay's tests run in a simulated world.
$(filter $(O)/unit/test_relay%,$(UNIT)): $(SIM)
$(filter $(O)/unit/test_fleet,$(UNIT)): $(O)/sim/fleet.o $(O)/sim/sim.o

$(UNIT): $(O)/unit/%: tests/unit/%.c $(TEST_LIB) $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	$(Q)$(CC) $(TEST_CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $< \
		$(filter %.o,$^) $(ARCHIVE) $(LIB_LDLIBS) -lcmocka

$(FUZZ): $(O)/fuzz/%: tests/fuzz/fuzz_%.c tests/tools/replay.c $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	$(Q)$(CC) $(filter-out -MMD -MP,$(TEST_CFLAGS)) $(OUR_LDFLAGS) $(LDFLAGS) \
		-o $@ $< tests/tools/replay.c $(ARCHIVE) $(LIB_LDLIBS)

# Power cuts: built for speed; power-sanitized looks at fewer states, closer.
ifeq ($(shell uname -m),x86_64)
POWER_CRC := tests/power/crc.c
else
POWER_CRC := src/base/crc32c.c
endif
POWER := $(filter-out tests/power/crc.c,$(wildcard tests/power/*.c))
POWER_SRC := $(POWER) $(POWER_CRC) src/base/buf.c src/base/slice.c src/base/world.c \
	$(filter-out %/spool_none.c %/medium_file.c %/medium_create.c,$(wildcard src/spool/*.c))
POWER_OBJS := $(POWER_SRC:%.c=$(O)/fast/%.o)
POWER_CFLAGS = -std=c11 -D_GNU_SOURCE -O2 $(if $(filter src/%,$<),-w,$(WARN)) -Isrc \
	-Itests -include $(O)/config.h
$(POWER_OBJS): $(O)/fast/%.o: %.c $(O)/config.h $(O)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(POWER_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/power: $(POWER_OBJS)
	@echo "  TEST  tests/power"
	$(Q)$(CC) -o $@ $^
$(O)/power-sanitized: $(POWER) $(wildcard tests/power/*.h) $(ARCHIVE)
	@echo "  TEST  tests/power, sanitized"
	$(Q)$(CC) $(filter-out -MMD -MP,$(TEST_CFLAGS)) $(OUR_LDFLAGS) $(LDFLAGS) \
		-o $@ $(POWER) $(ARCHIVE) $(LIB_LDLIBS)

$(O)/fleet: tests/fleet/fleet.c $(O)/sim/fleet.o $(O)/sim/sim.o $(ARCHIVE)
	@echo "  TEST  tests/fleet"
	$(Q)$(CC) $(filter-out -MMD -MP,$(TEST_CFLAGS)) $(OUR_LDFLAGS) $(LDFLAGS) \
		-o $@ $^ $(LIB_LDLIBS) -lm

# What a mutated source takes the place of is left out of the archive.
CENTURY = $(CC) -w $(filter-out -MMD -MP,$(TEST_CFLAGS)) $(OUR_LDFLAGS) $(LDFLAGS)
$(O)/century: tests/sim/century.c $(SIM) $(ARCHIVE)
	@echo "  TEST  $<"
	$(Q)$(CENTURY) -o $@ $< $(SIM) $(ARCHIVE) $(LIB_LDLIBS) -lcmocka
century-mutant: $(O)/century
	$(Q)$(CENTURY) -o $(OUT) tests/sim/century.c $(MUTANT) $(SIM) $(ARCHIVE) \
		$(LIB_LDLIBS) -lcmocka

sources:
	@echo $(obj-y:%.o=src/%.c)
unit-programs: $(if $(T),$(filter %/$(T),$(UNIT)),$(UNIT))
fuzz-programs: $(if $(T),$(filter %/$(T),$(FUZZ)),$(FUZZ))
.PHONY: install sources unit-programs fuzz-programs century-mutant FORCE

-include $(OBJS:.o=.d) $(POWER_OBJS:.o=.d) $(UNIT:=.d) $(TEST_LIB:.o=.d) $(SIM:.o=.d)
endif

# ---- tests ---------------------------------------------------------------

RUN := $(PYTHON) tests/tools/run

## check           everything that proves the promises
check: deps
	$(Q)$(RUN) lint build unit fuzz golden power image sim coverage arch repro system
## check-fast      unit tests, quick lint rules, fuzz corpora: a minute
check-fast: deps
	$(Q)$(RUN) lint-fast unit fuzz golden power-fast
## check-unit      unit tests; T=test_x runs one program
check-unit:
	$(Q)$(RUN) unit $(T)
## check-fuzz      replays the corpora; T=reply replays one
check-fuzz:
	$(Q)$(RUN) fuzz $(T)
## check-golden    command lines and what they print; T=NAME runs one
check-golden:
	$(Q)$(RUN) golden $(T)
## power           STATES=1000000 SEED=1: cut the power in as many states
power:
	$(Q)$(MAKE) CONF=host build/host/power
	$(Q)build/host/power --jobs 2 --states $(or $(STATES),1000000) \
		--seed $(or $(SEED),1)
## check-power     power cuts, and faults of the spool they find; T=STATES
check-power:
	$(Q)$(RUN) power $(T)
## check-image     a spool's image with each of its bytes spoiled
check-image:
	$(Q)$(RUN) image
## power-real      FLASHLAB=DIR [FS="ubifs ext4 ..."] [CUTS=200]: real power cuts
##                 on real file systems under emulation
power-real:
	$(Q)$(MAKE) CONF=default
	$(Q)$(PYTHON) tests/flash/cuts $(if $(FS),--fs "$(FS)") \
		$(if $(CUTS),--cuts $(CUTS))
## coverage        branches of src/spool that its tests take, by file
coverage:
	$(Q)tests/tools/coverage
## sim             YEARS=20 of devices in a simulated world; SEED=N repeats one
SIM_MAKE := $(MAKE) CONF=host O=build/sim FRAGMENT=tests/sim/config
sim:
	$(Q)$(SIM_MAKE) build/sim/century
	$(Q)build/sim/century $(if $(SEED),--replay $(SEED),--years $(or $(YEARS),20))
## check-system    the program against real peers; T=EXPRESSION selects
check-system:
	$(Q)$(RUN) system $(T)
## check-build     the build and the lint rules themselves
check-build:
	$(Q)$(RUN) build
## fleet           100,000 devices through an outage, a reboot, a clock sync
fleet:
	$(Q)$(MAKE) CONF=host build/host/fleet
	$(Q)build/host/fleet 100000 build/fleet.svg
## fuzz            T=reply [SECONDS=60]: look for new crashes with libFuzzer
fuzz:
	$(Q)tests/tools/fuzz "$(T)" "$(SECONDS)"
## bench           figures beside budgets; NAMES="[--quick] wear ..." selects,
##                 FLASHLAB=DIR (emulated flash) and PEERS=DIR add to wear
bench: deps-build
	$(Q)for c in tiny default full; do $(MAKE) CONF=$$c || exit; done
	$(Q)tests/bench/bench $(NAMES)
## lint            layers, banned calls, documents, formatters, analysers
lint:
	$(Q)$(RUN) lint
## lint-fast       the same without clang-tidy and cppcheck
lint-fast:
	$(Q)$(RUN) lint-fast
## size            sizes beside their budgets, all configurations
size:
	$(Q)tests/tools/size $(BOARDS)
## repro           builds in two folders and compares
repro:
	$(Q)$(RUN) repro
## format          clang-format in place
format:
	clang-format -i $$(find src tests -name '*.[ch]')
## demo            a device and a smart host on loopback, a story to read
demo: deps-build
	$(Q)$(MAKE) CONF=default
	$(Q)tests/demo/demo

## deps            what all targets need: packages by apt, libraries cached
deps:
	$(Q)board/packages.sh build test
	$(Q)$(MAKE) CONF=host libs
	$(Q)$(MAKE) CONF=default libs
	$(Q)for a in $(ARCHES); do $(MAKE) CONF=default CROSS=$$a libs || exit; done
## deps-build      what the build and the demo need
deps-build:
	$(Q)board/packages.sh build
	$(Q)$(MAKE) CONF=default libs
libs: $(TOOLCHAIN) $(LIB_FILES)

## dist            build/mailmote-VERSION.tar.gz, the same each time
dist:
	$(Q)tests/tools/dist
## clean           removes what was built, keeps the cached libraries
clean:
	$(Q)find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || :
## help            this list
help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "CONF=$(subst $() ,|,$(BOARDS))  CROSS=armhf|aarch64|mipsel|riscv64|s390x  V=1"
	@echo "CC CFLAGS LDFLAGS WERROR= BEARSSL_DIR UDNS_DIR DEPS_DIR DESTDIR PREFIX"
.PHONY: check check-fast check-unit check-fuzz check-golden check-power \
	check-image coverage power power-real check-system check-build fleet fuzz bench \
	lint lint-fast size repro format demo sim deps deps-build libs dist clean help
