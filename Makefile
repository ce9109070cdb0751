# gpugate: one Makefile, everything built goes to build/. `make help` lists the targets.

.DEFAULT_GOAL := build/gpugate
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
export PYTHONDONTWRITEBYTECODE := 1
ifeq (0,$(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)))
MAKEFLAGS += -j$(shell nproc)
endif

# V=1 shows commands.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' '$(1)' '$(2)')

# SAN=address,undefined or SAN=thread or COVERAGE=1 build into a folder of their own: variants stand side by side.
SAN ?=
COVERAGE ?=
comma := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(COVERAGE),coverage,release))
OUT := build/$(VARIANT)

CC := gcc
FUZZ_CC ?= clang
# Debian's interpreter: its packages (pytest, hypothesis, ...) are not seen by others that may be on the PATH.
PYTHON ?= /usr/bin/python3
VERSION := 0.1.0

PKGS := libmicrohttpd gnutls jansson yaml-0.1 libcrypto
PACKAGES_BUILD := gcc libc6-dev make pkg-config libmicrohttpd-dev libgnutls28-dev libjansson-dev libyaml-dev libssl-dev \
	python3-minimal python3 git
PACKAGES_TEST := libcmocka-dev clang libclang-rt-dev llvm python3-pytest python3-hypothesis python3-yaml \
	python3-cryptography python3-jsonpatch curl openssl
PACKAGES_LINT := clang-format clang-tidy
PACKAGES_COVERAGE := gcovr

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Werror
HARDEN := -fstack-protector-strong -fPIE $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= $(if $(COVERAGE),-O0,$(if $(SAN),-O1,-O2)) -g
LANGUAGE := -std=c17 -D_GNU_SOURCE -DGPUGATE_VERSION='"$(VERSION)"' -Iinclude -I.
# Not expanded before a recipe runs: on a bare machine pkg-config comes with the packages below.
ALL_CFLAGS = $(LANGUAGE) $(WARNINGS) $(HARDEN) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer) $(if $(COVERAGE),--coverage -fprofile-update=atomic) $(shell pkg-config --cflags $(PKGS))
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LDLIBS = $(shell pkg-config --libs $(PKGS)) -lpthread

SOURCES := $(sort $(wildcard policy/*.c certs/*.c webhook/*.c))
HEADERS := $(sort $(wildcard include/gpugate/*.h policy/*.h certs/*.h webhook/*.h tests/*/*.h))
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
UNITS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BINARIES := $(UNITS:tests/unit/%.c=$(OUT)/unit/%)
REFERENCE := tests/reference/reference.c
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BINARIES := $(FUZZERS:tests/fuzz/%.c=build/fuzz/%)
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
C_FILES := $(SOURCES) $(UNITS) $(FUZZERS) $(BENCH_SOURCES) $(REFERENCE)

##@ To use it

build/gpugate: build/release/gpugate ## build the program (the default)
	$(Q)cp -f $< $@

demo: build/gpugate ## the main job in a minute: a real TLS server, real AdmissionReviews, no cluster
	$(Q)$(PYTHON) deploy/demo/demo.py

run: build/gpugate ## leave the demo's server up on https://127.0.0.1:8443 and print curl lines to try
	$(Q)$(PYTHON) deploy/demo/demo.py --serve

##@ To prove it

test: build/.packages-test build/gpugate ## all tests; ends with "N passed, N failed, N skipped"
	$(Q)$(PYTHON) tests/run.py

units: $(UNIT_BINARIES) ## build the unit tests (SAN=... for a sanitized variant)

fuzzers: $(FUZZ_BINARIES) ## build the fuzz targets

lint: build/.packages-lint build/.packages-test ## clang-format and clang-tidy have nothing to say
	$(call say,FORMAT,$(words $(C_FILES) $(HEADERS)) files)
	$(Q)clang-format --dry-run -Werror $(C_FILES) $(HEADERS)
	$(call say,TIDY,$(words $(SOURCES)) files)
	$(Q)printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- \
		$(subst ",\",$(subst ',,$(LANGUAGE))) '"$$(pkg-config --cflags $(PKGS))" clang-tidy 2>/dev/null

format: build/.packages-lint ## write the house style into every C file
	$(Q)clang-format -i $(C_FILES) $(HEADERS)

bench: build/gpugate build/release/bench/floor build/release/bench/load build/release/bench/bench_reader ## ratios against a do-nothing server, in one run -> build/bench.json
	$(Q)$(PYTHON) tests/bench/bench.py $(BENCH_ARGS)

coverage: build/.packages-test build/.packages-coverage ## lines of policy/ and webhook/ that the tests run; fails below 90 %
	$(Q)$(MAKE) --no-print-directory COVERAGE=1 build/coverage/gpugate units
	$(Q)find build/coverage -name '*.gcda' -delete
	$(Q)$(PYTHON) tests/run.py --coverage
	$(Q)gcovr --root . --filter policy/ --filter webhook/ --object-directory build/coverage --sort-percentage \
		--txt - --html-details build/coverage/index.html --fail-under-line 90

##@ Other

packages: build/.packages-build build/.packages-test build/.packages-lint build/.packages-coverage ## install every Debian package that any target needs

compile_commands.json: Makefile build/.packages-build ## for editors
	$(Q)$(PYTHON) -c 'import json,shlex,sys; flags=sys.argv[1]; print(json.dumps([{"directory":"$(CURDIR)","file":f,"arguments":["$(CC)"]+shlex.split(flags)+["-c",f]} for f in sys.argv[2:]],indent=1))' \
		"$(subst ",\",$(LANGUAGE)) $(WARNINGS) $$(pkg-config --cflags $(PKGS))" $(C_FILES) > $@

clean: ## remove what was built
	rm -rf build compile_commands.json

help: ## this list
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET, where TARGET is"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z_.\/-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' Makefile
	@printf '\nKnobs: V=1 (show commands), SAN=address,undefined or SAN=thread, COVERAGE=1, CFLAGS, PYTHON.\n'

.PHONY: demo run test units fuzzers lint format bench coverage packages clean help

# --- how things are built ---

$(OUT)/gpugate: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/%.o: %.c | build/.packages-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/tests/%.o: tests/%.c | build/.packages-test
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(filter-out $(OUT)/webhook/main.o,$(OBJECTS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(OUT)/bench/bench_reader: $(filter $(OUT)/webhook/review_%,$(OBJECTS))
$(OUT)/bench/floor $(OUT)/bench/load: $(OUT)/tests/bench/stream.o
$(OUT)/bench/load: $(OUT)/tests/bench/load_options.o
$(OUT)/bench/load: LDLIBS += -lssl
$(OUT)/bench/%: $(OUT)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lm

$(OUT)/reference: $(OUT)/tests/reference/reference.o $(filter $(OUT)/policy/%,$(OBJECTS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

docs/policy.md: build/release/reference $(wildcard tests/reference/*.md) ## write the policy reference from the parser's own table
	$(call say,TEXT,$@)
	$(Q)$< >build/policy.md && mv build/policy.md $@

FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out webhook/main.c,$(SOURCES)))

build/fuzz/%.o: %.c | build/.packages-test
	$(call say,FUZZ-CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(LANGUAGE) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		$$(pkg-config --cflags $(PKGS)) -MMD -MP -c -o $@ $<

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)

# What Debian has to provide. Asks for root only when something is missing, and says so first.
build/.packages-%: Makefile
	@mkdir -p build
	@missing=(); for p in $(PACKAGES_$(shell echo $* | tr a-z A-Z)); do \
		dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
		echo "gpugate needs these Debian packages: $${missing[*]}"; \
		if [ "$$(id -u)" = 0 ]; then run=; elif command -v sudo >/dev/null; then run=sudo; \
			echo "installing them with sudo (or stop here and install them yourself)"; \
		else echo "install them as root: apt-get install $${missing[*]}" >&2; exit 1; fi; \
		$$run apt-get update -qq && \
		$$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
	@touch $@

.PRECIOUS: build/.packages-%
.SECONDARY:

-include $(OBJECTS:.o=.d) $(UNITS:%.c=$(OUT)/%.d) $(BENCH_SOURCES:%.c=$(OUT)/%.d) $(REFERENCE:%.c=$(OUT)/%.d) $(FUZZ_OBJECTS:.o=.d)
