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

# SAN=address,undefined, SAN=thread and COVERAGE=1 build into separate directories, so that variants
# can coexist.
SAN ?=
COVERAGE ?=
comma := ,
VARIANT := $(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(COVERAGE),coverage,release))
OUT := build/$(VARIANT)

CC := gcc
FUZZ_CC ?= clang
# Debian's interpreter, because another one on the PATH would not see Debian's packages (pytest,
# hypothesis, ...).
PYTHON ?= /usr/bin/python3
VERSION := 0.2.0

PKGS := libmicrohttpd gnutls jansson yaml-0.1 libcrypto libcurl zlib
PACKAGES_BUILD := gcc libc6-dev make pkg-config libmicrohttpd-dev libgnutls28-dev libjansson-dev libyaml-dev libssl-dev libcurl4-openssl-dev zlib1g-dev \
	python3-minimal python3 git
PACKAGES_TEST := libcmocka-dev python3-pytest python3-pytest-xdist python3-hypothesis python3-yaml python3-cryptography python3-jsonpatch \
	python3-jsonschema curl openssl mandoc zsh fish
PACKAGES_FUZZ := clang libclang-rt-dev llvm
PACKAGES_MODEL := spin
PACKAGES_LINT := clang-format clang-tidy codespell
PACKAGES_BROWSER := chromium chromium-driver python3-selenium
PACKAGES_COVERAGE := gcovr
PACKAGES_PACKAGE := binutils debhelper dpkg-dev
# Only for the tests of `make packages`. strace and systemd show whether the unit permits what
# gpugate does.
PACKAGES_PACKAGE_TEST := lintian skopeo umoci strace systemd man-db groff python3-venv

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Werror
# Mitigations; tests/package/test_hardening.py looks for each in the binary. The control flow
# integrity of gcc is that of the processor: landing pads on x86-64, landing pads and signed returns
# on arm64.
HARDEN_CONTROL_FLOW_x86_64 := -fcf-protection=full
HARDEN_CONTROL_FLOW_aarch64 := -mbranch-protection=standard
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection $(HARDEN_CONTROL_FLOW_$(shell uname -m)) -Wformat-security \
	$(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=3)
# The same sources result in the same binary, whatever directory they are in.
REPRODUCIBLE := $(if $(SAN)$(COVERAGE),,-ffile-prefix-map=$(CURDIR)=.)
CFLAGS ?= $(if $(COVERAGE),-O0,$(if $(SAN),-O1,-O2)) -g
LANGUAGE := -std=c17 -D_GNU_SOURCE -DGPUGATE_VERSION='"$(VERSION)"' -Iinclude -I.
# Expanded only by recipes: on a bare machine, pkg-config is installed with the packages below.
ALL_CFLAGS = $(LANGUAGE) $(WARNINGS) $(HARDEN) $(REPRODUCIBLE) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer) $(if $(COVERAGE),--coverage -fprofile-update=atomic) $(shell pkg-config --cflags $(PKGS))
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LDLIBS = $(shell pkg-config --libs $(PKGS)) -lpthread

SOURCES := $(sort $(wildcard policy/*/*.c certs/*.c webhook/*.c webhook/*/*.c))
HEADERS := $(sort $(wildcard include/gpugate/*.h policy/*/*.h certs/*.h webhook/*.h webhook/*/*.h tests/*/*.h tests/unit/*/*.h tests/unit/*/*/*.h))
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
UNITS := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_BINARIES := $(UNITS:tests/unit/%.c=$(OUT)/unit/%)
REFERENCE := $(sort $(wildcard tests/reference/*.c))
FUZZERS := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BINARIES := $(FUZZERS:tests/fuzz/%.c=build/fuzz/%)
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
C_FILES := $(SOURCES) $(UNITS) $(FUZZERS) $(BENCH_SOURCES) $(REFERENCE)

##@ To use it

build/gpugate: build/release/gpugate ## build the program (the default)
	$(Q)cp -f $< $@

demo: build/gpugate ## the main job in a minute: a real TLS server, real AdmissionReviews, no cluster
	$(Q)$(PYTHON) deploy/demo/demo.py

demo-cluster: build/.packages-test build/gpugate control-plane ## the same through real `kubectl apply`, on a control plane of its own
	$(Q)$(PYTHON) deploy/demo/demo_cluster.py

run: build/gpugate ## leave the demo's server up on https://127.0.0.1:8443 and print curl lines to try
	$(Q)$(PYTHON) deploy/demo/demo.py --serve

##@ To install it

image: build/.packages-build build/.packages-package build/gpugate ## a container image without an engine: build/image (OCI layout), build/image.tar, build/image.spdx.json
	$(call say,IMAGE,build/image)
	$(Q)$(PYTHON) deploy/image/build.py --binary build/release/gpugate --version $(VERSION) --packages build/debs --out build/image

# The package contains the release build unchanged: the very binary that the tests ran.
deb: build/.packages-build build/.packages-package build/gpugate ## a Debian package with a hardened systemd unit: build/deb/*.deb
	$(call say,DEB,build/deb)
	$(Q)rm -rf build/deb && mkdir -p build/deb/gpugate
	$(Q)cp -r deploy/debian build/deb/gpugate/debian && cp -r build/release/gpugate deploy/policy deploy/schema build/deb/gpugate/
	$(Q)cd build/deb/gpugate && SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} dpkg-buildpackage --build=binary \
		--no-sign --no-check-builddeps >../build.log 2>&1 || { cat ../build.log; exit 1; }

deploy: build/gpugate deploy/dashboards/gpugate.json deploy/alerts/prometheusrule.yaml ## write what the chart and the kustomize folder have from `gpugate render`, alerts and dashboards, and the JSON Schema
	$(Q)$(PYTHON) deploy/generate.py

##@ To prove it

test: build/.packages-test build/.packages-fuzz build/.packages-model build/.packages-package build/.packages-package-test build/gpugate ## all tests; ends with "N passed, N failed, N skipped"
	$(Q)$(PYTHON) tests/run.py

test-basic: build/.packages-test build/gpugate ## the unit and the black-box tests of the release build, and nothing else
	$(Q)$(PYTHON) tests/run.py units blackbox

test-other-release: ## the same in a chroot of the other Debian release (bookworm's is trixie): root, a mirror
	$(Q)$(PYTHON) tests/release/chroot.py

control-plane: ## build a real control plane's binaries, once (minutes); KUBEBUILDER_ASSETS=DIR spares it, KUBE_VERSION=1.X.Y is another
	$(Q)$(PYTHON) tests/cluster/binaries.py

test-cluster: build/.packages-test build/gpugate control-plane ## the tests on a real control plane (CLUSTER_ARGS for pytest)
	$(Q)$(PYTHON) -m pytest tests/cluster -c tests/cluster/pytest.ini $(CLUSTER_ARGS)

test-browser: build/.packages-test build/.packages-browser build/gpugate ## the tests of the status page in a real Chromium (BROWSER_ARGS for pytest)
	$(Q)$(PYTHON) -m pytest tests/browser -c tests/browser/pytest.ini $(BROWSER_ARGS)

SOAK_ADMISSIONS ?= 100000
SOAK_SEED ?=
CALM_SECONDS ?= 600

soak: build/.packages-test build/gpugate control-plane ## accidents and load until SOAK_ADMISSIONS (100000) Pods and claims were admitted, then etcd's history is checked, and CALM_SECONDS (600) of ordinary operation; SOAK_SEED repeats one
	$(Q)SOAK_ADMISSIONS=$(SOAK_ADMISSIONS) SOAK_SEED=$(SOAK_SEED) CALM_SEED=$(SOAK_SEED) CALM_SECONDS=$(CALM_SECONDS) \
		$(PYTHON) -m pytest tests/cluster/test_never_over.py tests/cluster/test_calm.py -c tests/cluster/pytest.ini -s

test-deploy: build/.packages-test build/gpugate control-plane ## chart and kustomize overlays, by the real Helm and kubectl, on a real control plane (DEPLOY_ARGS for pytest)
	$(Q)$(PYTHON) tests/deploy/helm_tool.py
	$(Q)$(PYTHON) -m pytest tests/deploy -c tests/deploy/pytest.ini $(DEPLOY_ARGS)

test-ecosystem: build/.packages-test build/gpugate control-plane ## Kueue and KubeRay as well as the controllers of `make test`, built from source, once, and run with gpugate (ECOSYSTEM_ARGS for pytest)
	$(Q)$(PYTHON) tests/ecosystem/controllers.py all
	$(Q)$(PYTHON) -m pytest tests/ecosystem -c tests/ecosystem/pytest.ini -m "" -rs $(ECOSYSTEM_ARGS)

test-package: build/.packages-test build/.packages-package build/.packages-package-test build/gpugate ## image, Debian package and hardening (PACKAGE_ARGS for pytest)
	$(Q)$(PYTHON) -m pytest tests/package -c tests/package/pytest.ini $(PACKAGE_ARGS)

units: $(UNIT_BINARIES) ## build the unit tests (SAN=... for a sanitized variant)

fuzzers: $(FUZZ_BINARIES) ## build the fuzz targets

model: build/.packages-model ## search every interleaving of the ledger's protocol, and find what is wrong with its mutants
	$(Q)$(PYTHON) tests/model/check.py $(MODEL_ARGS)

layers: build/gpugate ## the arrows between folders go one way, and no files depend on each other in a circle
	$(Q)$(PYTHON) tests/layers/layers.py

prose: build/.packages-lint ## the words, sentences, lines and spelling of documents, comments and messages
	$(Q)$(PYTHON) tests/prose/prose.py
	$(Q)codespell *.md docs certs deploy include policy tests webhook Makefile

lint: build/.packages-lint build/.packages-test layers prose ## clang-format and clang-tidy have nothing to say; layers and prose hold
	$(call say,FORMAT,$(words $(C_FILES) $(HEADERS)) files)
	$(Q)clang-format --dry-run -Werror $(C_FILES) $(HEADERS)
	$(call say,TIDY,$(words $(SOURCES)) files)
	$(Q)printf '%s\n' $(SOURCES) | xargs -P $$(nproc) -n 4 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- \
		$(subst ",\",$(subst ',,$(LANGUAGE))) '"$$(pkg-config --cflags $(PKGS))" clang-tidy 2>/dev/null

format: build/.packages-lint ## write the house style into every C file
	$(Q)clang-format -i $(C_FILES) $(HEADERS)

bench: build/gpugate build/release/bench/floor build/release/bench/load build/release/bench/bench_reader ## ratios against a do-nothing server, in one run -> build/bench.json
	$(Q)$(PYTHON) tests/bench/bench.py $(BENCH_ARGS)

bench-cluster: build/.packages-test build/gpugate build/release/bench/floor build/release/bench/load build/release/bench/deal control-plane ## creates beside native quota and do-nothing webhooks, on a real control plane -> build/bench-cluster.json
	$(Q)$(PYTHON) tests/bench/cluster.py $(BENCH_ARGS)

coverage: build/.packages-test build/.packages-coverage ## lines of policy/, webhook/ and certs/ that the tests run; fails below 90 %
	$(Q)$(MAKE) --no-print-directory COVERAGE=1 build/coverage/gpugate units
	$(Q)find build/coverage -name '*.gcda' -delete
	$(Q)$(PYTHON) tests/run.py units-coverage blackbox-coverage cluster-coverage
	$(Q)gcovr --root . --filter policy/ --filter webhook/ --filter certs/ --object-directory build/coverage --sort-percentage \
		--txt - --html-details build/coverage/index.html --fail-under-line 90

##@ Other

screenshot: build/.packages-test build/.packages-browser build/gpugate ## picture the status page with the demo's policy -> docs/status.png, docs/status-dark.png
	$(Q)$(PYTHON) tests/browser/screenshot.py docs

packages: build/.packages-build build/.packages-test build/.packages-fuzz build/.packages-model build/.packages-lint build/.packages-coverage build/.packages-browser build/.packages-package build/.packages-package-test ## install every Debian package that any target needs

compile_commands.json: Makefile build/.packages-build ## for editors
	$(Q)$(PYTHON) -c 'import json,shlex,sys; flags=sys.argv[1]; print(json.dumps([{"directory":"$(CURDIR)","file":f,"arguments":["$(CC)"]+shlex.split(flags)+["-c",f]} for f in sys.argv[2:]],indent=1))' \
		"$(subst ",\",$(LANGUAGE)) $(WARNINGS) $$(pkg-config --cflags $(PKGS))" $(C_FILES) > $@

clean: ## remove what was built
	rm -rf build compile_commands.json

help: ## this list
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET, where TARGET is"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z_.\/-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' Makefile
	@printf '\nKnobs: V=1 (show commands), SAN=address,undefined or SAN=thread, COVERAGE=1, CFLAGS, PYTHON, KUBEBUILDER_ASSETS, KUBE_VERSION.\n'

.PHONY: demo demo-cluster run image deb deploy test control-plane test-cluster test-basic test-other-release test-browser test-deploy test-ecosystem test-package screenshot soak units fuzzers model layers prose lint format bench bench-cluster coverage packages clean help

# --- how things are built ---

$(OUT)/gpugate: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

# The Makefile says how they are compiled, and what version they are of.
$(OUT)/%.o: %.c Makefile | build/.packages-build
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Tests are not worth the time that an optimizer takes for sanitized code.
$(OUT)/tests/%.o: tests/%.c Makefile | build/.packages-test
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(SAN),-O0) -MMD -MP -c -o $@ $<

# The assembler includes these, and -MMD does not see that.
$(OUT)/webhook/server/status_page.o build/fuzz/webhook/server/status_page.o: webhook/server/status_page.html

$(OUT)/webhook/init/template.o build/fuzz/webhook/init/template.o: build/templates.txt

build/templates.txt: deploy/templates.py $(shell find deploy/examples -type f) | build/.packages-build
	$(call say,TEXT,$@)
	$(Q)$(PYTHON) $< $@

# Their allocations fail when they say so.
$(OUT)/unit/webhook/ledger/test_memory: LDLIBS += -Wl,--wrap=malloc,--wrap=calloc
$(patsubst %,$(OUT)/unit/webhook/ledger/test_%,replicas reservation): LDLIBS += -Wl,--wrap=pod_group_find
$(OUT)/unit/policy/document/test_memory: LDLIBS += -Wl,--wrap=calloc,--wrap=reallocarray
$(OUT)/unit/webhook/kube/test_memory: LDLIBS += -Wl,--wrap=calloc
$(OUT)/unit/policy/compile/test_memory: LDLIBS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup

# Their clock stands still.
$(patsubst %,$(OUT)/unit/webhook/cluster/test_%,classes fit kinds queue slices step): LDLIBS += -Wl,--wrap=clock_gettime

# A unit test needs few of the objects, and linking all of them takes most of the time. epoll.o
# takes the place of a function of libc, for which no linker looks into an archive.
$(OUT)/objects.a: $(filter-out $(OUT)/webhook/main.o,$(OBJECTS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsT $@ $^

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(OUT)/webhook/http/epoll.o $(OUT)/objects.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(OUT)/bench/bench_reader: $(filter $(OUT)/policy/base/% $(OUT)/webhook/json/% $(OUT)/webhook/object/% $(patsubst %,$(OUT)/webhook/kube/%.o,list_meta stream token),$(OBJECTS)) \
	$(OUT)/tests/bench/pods.o
$(OUT)/bench/floor $(OUT)/bench/load: $(OUT)/tests/bench/stream.o
$(OUT)/bench/load: $(OUT)/tests/bench/load_options.o
$(OUT)/bench/floor: $(OUT)/webhook/http/epoll.o
$(OUT)/bench/load: LDLIBS += -lssl
$(OUT)/bench/%: $(OUT)/tests/bench/%.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lm

$(OUT)/reference: $(REFERENCE:%.c=$(OUT)/%.o) $(filter-out $(OUT)/webhook/main.o,$(OBJECTS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

docs/reference/command-line.md: build/release/reference ## write the reference of the command line from the program's own table
	$(call say,TEXT,$@)
	$(Q)$< command-line >build/command-line.md && mv build/command-line.md $@

docs/policy.md: build/release/reference $(wildcard tests/reference/*.md) ## write the policy reference from the parser's own table
	$(call say,TEXT,$@)
	$(Q)$< policy >build/policy.md && mv build/policy.md $@

docs/reference/lint.md: build/release/reference $(wildcard tests/reference/lint/*.md) ## write the reference of lint from the table of its findings
	$(call say,TEXT,$@)
	$(Q)$< lint >build/lint.md && mv build/lint.md $@

docs/reference/metrics.md: build/release/reference $(wildcard tests/reference/metrics/*.md) ## write the reference of the metrics from their rows
	$(call say,TEXT,$@)
	$(Q)mkdir -p $(@D) && $< metrics >build/metrics.md && mv build/metrics.md $@

docs/runbooks.md: deploy/alerts/runbooks.py deploy/alerts/runbooks.yaml deploy/alerts/gpugate.rules.yaml ## write the runbooks from the alert rules
	$(call say,TEXT,$@)
	$(Q)$(PYTHON) $<

deploy/dashboards/gpugate.json deploy/alerts/prometheusrule.yaml: %: deploy/dashboards/build.py deploy/alerts/build.py deploy/alerts/gpugate.rules.yaml
	$(call say,TEXT,$@)
	$(Q)$(PYTHON) $(@D)/build.py

FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(filter-out webhook/main.c,$(SOURCES)))

build/fuzz/objects.a: $(FUZZ_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcsT $@ $^

build/fuzz/%.o: %.c Makefile | build/.packages-build build/.packages-fuzz
	$(call say,FUZZ-CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(LANGUAGE) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
		$$(pkg-config --cflags $(PKGS)) -MMD -MP -c -o $@ $<

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/webhook/http/epoll.o build/fuzz/objects.a
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)

# The required Debian packages. Asks for root only if some are missing, and says so first. Several
# lists may be requested at once, but `apt-get update` does not wait for a lock, so a lock of our
# own runs one apt-get at a time.
build/.packages-%: Makefile
	@mkdir -p build
	@exec 9>build/.packages.lock; flock 9; missing=(); for p in $(PACKAGES_$(shell echo $* | tr a-z- A-Z_)); do \
		dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing+=($$p); done; \
	if [ $${#missing[@]} -gt 0 ]; then \
		echo "gpugate needs these Debian packages: $${missing[*]}"; \
		if [ "$$(id -u)" = 0 ]; then run=; elif command -v sudo >/dev/null; then run=sudo; \
			echo "installing them with sudo (or stop here and install them yourself)"; \
		else echo "install them as root: apt-get install $${missing[*]}" >&2; exit 1; fi; \
		$$run apt-get update -qq && \
		$$run env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
	@touch $@

.PRECIOUS: build/.packages-%
.SECONDARY:

-include $(OBJECTS:.o=.d) $(UNITS:%.c=$(OUT)/%.d) $(BENCH_SOURCES:%.c=$(OUT)/%.d) $(REFERENCE:%.c=$(OUT)/%.d) $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:%.c=build/fuzz/%.d)
