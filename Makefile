# gpugate: one Makefile, not recursive, everything built goes to build/. `make help` lists the targets.

.DEFAULT_GOAL := build/gpugate
.DELETE_ON_ERROR:
SHELL := /bin/bash

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# SAN=address,undefined (or thread) builds into a folder of its own, so that variants stand side by side.
SAN ?=
comma := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(COVERAGE),coverage,release))
OUT := build/$(VARIANT)

CC ?= gcc
PYTHON ?= /usr/bin/python3
PKGS := libmicrohttpd gnutls jansson yaml-0.1 libcrypto
VERSION := 0.1.0
GIT_COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Werror
HARDEN := -fstack-protector-strong -fPIE $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
LDHARDEN := -pie -Wl,-z,relro,-z,now
CFLAGS ?= $(if $(COVERAGE),-O0,-O2) -g
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DGPUGATE_VERSION='"$(VERSION)"' $(WARNINGS) $(HARDEN) $(CFLAGS) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) $(if $(COVERAGE),--coverage) \
	-Iinclude -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDLIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread
LDFLAGS_ALL = $(LDHARDEN) $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)

SOURCES := $(sort $(wildcard policy/*.c certs/*.c webhook/*.c))
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
LIBRARY := $(filter-out $(OUT)/webhook/main.o,$(OBJECTS))
UNITS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BINARIES := $(UNITS:tests/unit/%.c=$(OUT)/unit/%)
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))

build/gpugate: $(OUT)/gpugate
	$(Q)cp -f $< $@

$(OUT)/gpugate: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS)

$(OUT)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS) -lcmocka

units: $(UNIT_BINARIES)

-include $(OBJECTS:.o=.d) $(UNITS:%.c=$(OUT)/%.d)

clean:
	rm -rf build compile_commands.json

.PHONY: units clean
