# SPDX-License-Identifier: ISC
#
# The libraries: which, whence, and for whom they are built.  In: ARCH, CROSS,
# CC_GIVEN and the CONFIG_ variables.  Out: CC, LIB_FILES (to wait for),
# LIB_CFLAGS, LIB_LDLIBS.

DEPS_DIR ?= build/deps

MUSL := musl 1.2.3 7d5b0b6062521e4627e099e4c9dc8248d32a30285e959b7eecaa780cf8cfd4a4
BEARSSL := bearssl 0.6+dfsg.1 102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004
UDNS := udns 0.4 115108dc791a2f9e99e150012bcb459d9095da2dd7d80699b584ac0ac3768710

TRIPLET_armhf := arm-linux-gnueabihf
TRIPLET_aarch64 := aarch64-linux-gnu
TRIPLET_mipsel := mipsel-linux-gnu
TRIPLET_riscv64 := riscv64-linux-gnu
TRIPLET_s390x := s390x-linux-gnu
# Debian's mipsel compiler makes position-independent code unless told.
ARCH_CFLAGS_mipsel := -fno-pic -mno-shared -mplt $(if $(CONFIG_MIPS16),-mips16)
ARCHES := armhf aarch64 mipsel riscv64 s390x

ifneq ($(filter-out $(ARCHES),$(CROSS)),)
$(error CROSS=$(CROSS) is none of $(ARCHES))
endif

TRIPLET := $(TRIPLET_$(CROSS))
ARCH_CFLAGS := $(if $(CONFIG_STATIC),$(ARCH_CFLAGS_$(CROSS)))
MUSL_TARGET := $(subst -gnu,-musl,$(TRIPLET))
LIB_OPT := -Os -ffunction-sections -fdata-sections -fomit-frame-pointer \
	-fno-asynchronous-unwind-tables -fno-unwind-tables

# A target's libraries are kept apart by what they were compiled with.
ifneq ($(CC_GIVEN),)
TARGET := cc-$(shell printf '%s' '$(CC) $(CFLAGS)' | cksum | cut -d' ' -f1)
LIB_OPT += $(CFLAGS)
else ifneq ($(CONFIG_STATIC),)
TARGET := $(ARCH)-musl
TOOLCHAIN := $(DEPS_DIR)/$(TARGET)/cc
CC := $(abspath $(TOOLCHAIN))
else
TARGET := $(ARCH)-host
LIB_OPT := -g -O1
CC := $(TRIPLET:%=%-)gcc
endif
L := $(DEPS_DIR)/$(TARGET)
LIB_OPT += $(if $(CONFIG_STATIC),-fno-pie) $(ARCH_CFLAGS)

# Time and random bytes are given to BearSSL: it asks nobody for them.
BEARSSL_OPT := -DBR_USE_URANDOM=0 -DBR_USE_UNIX_TIME=0

lib-src = $(DEPS_DIR)/src/$(word 1,$($(1)))-$(word 2,$($(1)))/.ready

ifneq ($(CONFIG_TLS),)
ifeq ($(BEARSSL_DIR),)
LIB_FILES += $(L)/lib/libbearssl.a
BEARSSL_CFLAGS ?= -isystem $(L)/include
BEARSSL_LIBS ?= $(L)/lib/libbearssl.a
else
BEARSSL_CFLAGS ?= -isystem $(BEARSSL_DIR)/inc -isystem $(BEARSSL_DIR)/include
BEARSSL_LIBS ?= -L$(BEARSSL_DIR)/build -L$(BEARSSL_DIR)/lib -L$(BEARSSL_DIR) \
	-lbearssl
endif
LIB_CFLAGS += $(BEARSSL_CFLAGS)
LIB_LDLIBS += $(BEARSSL_LIBS)
endif

ifneq ($(CONFIG_DNS),)
ifeq ($(UDNS_DIR),)
LIB_FILES += $(L)/lib/libudns.a
UDNS_CFLAGS ?= -isystem $(L)/include
UDNS_LIBS ?= $(L)/lib/libudns.a
else
UDNS_CFLAGS ?= -isystem $(UDNS_DIR) -isystem $(UDNS_DIR)/include
UDNS_LIBS ?= -L$(UDNS_DIR) -L$(UDNS_DIR)/lib -ludns
endif
LIB_CFLAGS += $(UDNS_CFLAGS)
LIB_LDLIBS += $(UDNS_LIBS)
endif

$(call lib-src,MUSL):
	@echo "  FETCH musl"
	$(Q)board/fetch.sh $(DEPS_DIR) $(MUSL)

$(call lib-src,BEARSSL):
	@echo "  FETCH bearssl"
	$(Q)board/fetch.sh $(DEPS_DIR) $(BEARSSL)

$(call lib-src,UDNS):
	@echo "  FETCH udns"
	$(Q)board/fetch.sh $(DEPS_DIR) $(UDNS)

# What a library is made of; written anew only when the words change, and then
# the library is built again.
L_MUSL := $(DEPS_DIR)/$(ARCH)-musl
$(L_MUSL)/musl.by: WORDS = $(MUSL)
$(L)/bearssl.by: WORDS = $(BEARSSL) $(CC) $(LIB_OPT) $(BEARSSL_OPT)
$(L)/udns.by: WORDS = $(UDNS) $(CC) $(LIB_OPT)
$(L_MUSL)/musl.by $(L)/bearssl.by $(L)/udns.by: FORCE
	@mkdir -p $(@D)
	@echo '$(WORDS)' | cmp -s - $@ || echo '$(WORDS)' >$@

$(L_MUSL)/cc: $(L_MUSL)/musl.by | $(call lib-src,MUSL)
	@echo "  LIB   musl ($(ARCH))"
	$(Q)board/libs.sh musl $(dir $(firstword $|)) $(@D) \
		$(or $(TRIPLET),native) $(MUSL_TARGET)

$(L)/lib/libbearssl.a: $(L)/bearssl.by $(TOOLCHAIN) | $(call lib-src,BEARSSL)
	@echo "  LIB   bearssl ($(TARGET))"
	$(Q)board/libs.sh bearssl $(dir $(firstword $|)) $(L) "$(CC)" $(LIB_OPT) \
		$(BEARSSL_OPT)

$(L)/lib/libudns.a: $(L)/udns.by $(TOOLCHAIN) | $(call lib-src,UDNS)
	@echo "  LIB   udns ($(TARGET))"
	$(Q)board/libs.sh udns $(dir $(firstword $|)) $(L) "$(CC)" $(LIB_OPT)
