# SPDX-License-Identifier: MIT
# The only build file. Everything is built below $(BUILD); `make help` lists what there is.
#
#   make DEVELOPER=1        all warnings, and they are errors
#   make SANITIZE=1         AddressSanitizer and UBSan, in build/asan
#   make SANITIZE=thread    ThreadSanitizer, in build/tsan
#   make SANITIZE=coverage  gcov, in build/coverage
#   make BUILD=/tmp/x       somewhere else
#   make V=1                show the commands

VERSION := 0.1.0
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?=
DEVELOPER ?=
FUZZ_SECONDS ?= 60
SEEDS ?= 100000
IMAGES ?= 20000
ONLY ?=
V ?=
Q := $(if $(V),,@)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

MAKEFLAGS += --no-print-directory
ifeq (0,$(MAKELEVEL))
MAKEFLAGS += -j$(JOBS)
endif

ifeq ($(SANITIZE),)
BUILD ?= build
PLAIN_BUILD := $(BUILD)
TEST_BUILD := $(BUILD)/asan
TEST_SANITIZE := 1
else
BUILD ?= $(or $(and $(filter thread,$(SANITIZE)),build/tsan),\
    $(and $(filter coverage,$(SANITIZE)),build/coverage),build/asan)
PLAIN_BUILD := build
TEST_BUILD := $(BUILD)
TEST_SANITIZE := $(SANITIZE)
endif

comma := ,
empty :=

# ---- flags -------------------------------------------------------------------------------------

PACKAGES := libuv libfyaml jansson sqlite3 libcrypto libutf8proc libpcre2-8
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
# Of libcrypto only SHA-256 is used: some 10 KB from the archive, where relocating the shared object
# takes more time at every start than all other libraries together (docs/decisions/0004).
# libfyaml is linked from an archive whose allocations are ours (docs/decisions/0005).
# libm is there anyway: SQLite needs it.
PACKAGE_LIBS := $(patsubst -lfyaml,$(BUILD)/libfyaml.a,$(patsubst -lcrypto,-l:libcrypto.a,$(shell pkg-config --libs $(PACKAGES) 2>/dev/null))) -lm
# Only fermata-call is linked with it, and the tests of src/net.
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null)
TEST_LIBS := -lcmocka $(CURL_LIBS)

LANGUAGE := -std=gnu17 -D_GNU_SOURCE -Isrc -Itests -DFERMATA_VERSION='"$(VERSION)"'
WARNINGS := -Wall -Wextra
DEVELOPER_WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wswitch-enum -Wmissing-prototypes \
    -Wstrict-prototypes -Wvla -Wformat=2 -Werror
ifneq ($(DEVELOPER),)
WARNINGS := $(DEVELOPER_WARNINGS)
endif

HARDENING := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
SECTIONS := -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=.
# Not where every global has its descriptor: relocating these is a third of what a sanitised process costs.
LINK := $(if $(filter 1,$(SANITIZE)),-no-pie,-pie) -Wl,-z,relro,-z,now,-z,pack-relative-relocs -Wl,--as-needed -Wl,--gc-sections
# glibc asks the processor for its caches at every start, which a virtual machine traps: 0.5 ms an
# attempt. musl does not (0.1 ms), and its keeper has 40 KB instead of 770.
KEEPER_CC := $(if $(shell command -v musl-gcc 2>/dev/null),musl-gcc,$(CC))
KEEPER_FLAGS := -Os -g $(LANGUAGE) $(WARNINGS) $(HARDENING) $(SECTIONS)
# Not -static-pie: under musl's specs that is a dynamic program.
KEEPER_LINK := -static $(if $(filter musl-gcc,$(KEEPER_CC)),-no-pie) -Wl,-z,norelro,-z,noseparate-code -Wl,--gc-sections

ifeq ($(SANITIZE),)
VARIANT :=
else ifeq ($(SANITIZE),thread)
VARIANT := -fsanitize=thread
else ifeq ($(SANITIZE),coverage)
VARIANT := --coverage -fprofile-update=atomic -fprofile-abs-path
else
# Undefined behaviour traps, and the address sanitizer tells where: the words for it would be seven tenths
# of all globals, each of which is registered at every start.
VARIANT := -fsanitize=address,undefined -fsanitize-undefined-trap-on-error
endif
ifneq ($(VARIANT),)
# -g1: lines are all that a report names.
CFLAGS := $(if $(filter coverage,$(SANITIZE)),-O0,-O1) -g1
HARDENING_BUILD := -fPIC -fno-omit-frame-pointer $(VARIANT)
else
HARDENING_BUILD := $(HARDENING)
endif

COMPILE = $(CC) $(LANGUAGE) $(WARNINGS) $(CFLAGS) $(HARDENING_BUILD) $(SECTIONS) $(PACKAGE_CFLAGS)
LINK_PROGRAM = $(CC) $(CFLAGS) $(VARIANT) $(LINK) $(LDFLAGS)
LINK_LIBRARY = $(CC) $(CFLAGS) $(VARIANT) -shared -Wl,-soname,$(@F) -Wl,-z,pack-relative-relocs -Wl,--as-needed $(LDFLAGS)
# For what is linked with none of our shared objects; clang always does it.
STATIC_SANITIZER := $(if $(filter 1,$(SANITIZE)),$(if $(findstring clang,$(CC)),,-static-libasan))
# Behind all libraries of what is sanitised; see the file.
ASAN_NAMES := $(if $(filter 1,$(SANITIZE)),$(BUILD)/libasan-names.so)
LINK_NAMES := $(if $(ASAN_NAMES),-Wl$(comma)--no-as-needed $(ASAN_NAMES) -Wl$(comma)-rpath$(comma)$(abspath $(BUILD)))

# ---- sources, by wildcard ----------------------------------------------------------------------

KEEPER_SOURCES := $(sort $(wildcard src/agents/keeper/*.c)) src/base/redact.c
# The drivers: a program fermata-NAME for each src/drive/NAME_main.c (docs/decisions/0012).
DRIVER_SOURCES := $(sort $(wildcard src/drive/*_main.c))
DRIVERS := $(DRIVER_SOURCES:src/drive/%_main.c=fermata-%)
SOURCES := $(sort $(filter-out src/main.c src/agents/keeper/keep.c $(DRIVER_SOURCES), \
    $(wildcard src/*.c src/*/*.c src/*/*/*.c)))
SUPPORT_SOURCES := $(sort $(wildcard tests/support/*.c))
TEST_SOURCES := $(sort $(shell find tests -name '*_test.c'))
UNIT_SOURCES := $(filter tests/unit/%,$(TEST_SOURCES))
CRASH_TESTS := $(sort $(wildcard tests/crash/*_test.c))
SIM_SOURCES := $(sort $(filter-out %_test.c, $(wildcard tests/sim/*.c)))
PRELOAD_SOURCES := tests/crash/faults.c tests/crash/memory.c tests/programs/loop_watch.c
PROGRAM_SOURCES := $(sort $(filter-out $(PRELOAD_SOURCES),$(wildcard tests/programs/*.c)))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*_fuzz.c))
EMBEDDED_FILES := $(sort $(shell find workflows experts))

OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o $(BUILD)/image.o
# What makes the image of a new store, which is part of the others.
IMAGE_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter src/base/% src/loop/% src/store/% src/run/schema.c,$(SOURCES)) tools/image.c)
TESTS := $(TEST_SOURCES:%.c=$(BUILD)/%)
# Every C file of ours, for the checks.
ALL_SOURCES := $(SOURCES) $(DRIVER_SOURCES) $(wildcard src/main.c src/agents/keeper/keep.c) $(SUPPORT_SOURCES) $(TEST_SOURCES) \
    $(SIM_SOURCES) $(wildcard tests/programs/*.c) $(FUZZ_SOURCES) $(wildcard tests/crash/*.c tools/*.c bench/*.c)
ALL_HEADERS := $(wildcard src/*.h src/*/*.h src/*/*/*.h tests/*/*.h)

# ---- build -------------------------------------------------------------------------------------

.PHONY: all programs tests
all: programs
programs: $(if $(wildcard src/main.c),$(BUILD)/fermata,$(BUILD)/libfermata.a) $(if $(KEEPER_SOURCES),$(BUILD)/fermata-keep) \
    $(DRIVERS:%=$(BUILD)/%)

# Holds the flags, so that a change of them rebuilds.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@pkg-config --exists --print-errors '$(PACKAGES) libcurl' || \
	    { echo "libraries are missing: run tools/install-deps --build" >&2; exit 1; }
	@printf '%s\n' '$(subst ','\'',$(COMPILE) | $(LINK_PROGRAM) | $(KEEPER_CC) $(KEEPER_FLAGS) $(KEEPER_LINK))' >$@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/embedded.o $(BUILD)/image.o: $(BUILD)/%.o: $(BUILD)/%.c $(BUILD)/flags
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(COMPILE) -c -o $@ $<

$(BUILD)/embedded.c: $(BUILD)/embed $(EMBEDDED_FILES)
	$(if $(V),,@echo '  EMBED   $@')
	$(Q)$(BUILD)/embed $@ workflows=workflows experts=experts

# Runs during the build, so it is never sanitised.
$(BUILD)/embed: tools/embed.c
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O1 -o $@ $<

$(BUILD)/image.c: $(BUILD)/image
	$(if $(V),,@echo '  IMAGE   $@')
	$(Q)$(BUILD)/image $@

$(BUILD)/image: $(IMAGE_OBJECTS) | $(BUILD)/libfyaml.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) -o $@ $^ $(PACKAGE_LIBS)

$(BUILD)/libfyaml.a: $(BUILD)/flags
	$(Q)objcopy --redefine-sym malloc=mem_alloc --redefine-sym calloc=mem_zero \
	    --redefine-sym realloc=mem_resize_bytes --redefine-sym strdup=mem_strdup \
	    --redefine-sym __asprintf_chk=mem_print_checked \
	    --redefine-sym __vasprintf_chk=mem_print_list_checked \
	    "$$($(CC) -print-file-name=libfyaml.a)" $@

$(BUILD)/libfermata.a: $(OBJECTS) | $(BUILD)/libfyaml.a
	@rm -f $@
	$(if $(V),,@echo '  AR      $@')
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libsupport.a: $(SUPPORT_SOURCES:%.c=$(BUILD)/%.o)
	@rm -f $@
	$(if $(V),,@echo '  AR      $@')
	$(Q)$(AR) rcs $@ $^

$(BUILD)/fermata: $(BUILD)/src/main.o $(BUILD)/libfermata.a | $(ASAN_NAMES)
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) $(STATIC_SANITIZER) -o $@ $^ $(PACKAGE_LIBS) $(LINK_NAMES)

$(BUILD)/libasan-names.so: tools/asan_names.txt $(BUILD)/flags
	$(if $(V),,@echo '  LINK    $@')
	$(Q)sed '/^#/d; s/.*/void *&(void) { return 0; }/' $< | \
	    $(CC) -x c -w -fno-builtin -fPIC -shared -Wl,-soname,$(@F) -o $@ -

# Holds one agent process each: static, tiny, libc alone, never sanitised.
$(BUILD)/fermata-keep: $(KEEPER_SOURCES) $(wildcard src/agents/keeper/*.h) src/base/redact.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(KEEPER_CC) $(KEEPER_FLAGS) $(KEEPER_LINK) -o $@ $(KEEPER_SOURCES)

$(DRIVERS:%=$(BUILD)/%): $(BUILD)/fermata-%: $(BUILD)/src/drive/%_main.o $(BUILD)/libfermata.a | $(ASAN_NAMES)
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) $(STATIC_SANITIZER) -o $@ $^ $(CURL_LIBS) $(PACKAGE_LIBS) $(LINK_NAMES)

tests: $(TESTS) $(FUZZ_SOURCES:%.c=$(BUILD)/%)
# The many test programs of a sanitised build share one library: linking all of it into each took
# as long as compiling. The archive of libfyaml is no part of it, as it is not position-independent.
# What the drivers alone have is a library of its own: libcurl brings thirty others, a quarter of what
# a short test costs.
DRIVER_OBJECTS := $(filter $(BUILD)/src/drive/% $(BUILD)/src/net/%,$(OBJECTS))
$(BUILD)/libfermata.so: $(filter-out $(DRIVER_OBJECTS),$(OBJECTS)) | $(BUILD)/libfyaml.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_LIBRARY) -o $@ $^ $(filter-out %/libfyaml.a,$(PACKAGE_LIBS))
$(BUILD)/libfermata-drivers.so: $(DRIVER_OBJECTS) | $(BUILD)/libfermata.so
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_LIBRARY) -o $@ $^ $(BUILD)/libfermata.so $(CURL_LIBS) $(filter-out %/libfyaml.a,$(PACKAGE_LIBS))
# Of these tests the linker hands calls to the test (as in tests/support/sqlite_faults.h), so it must
# see who calls: WRAP_NAME_test lists the functions.
WRAP_faults_test := $(addprefix sqlite3_,step exec prepare_v2 prepare_v3 open_v2 wal_checkpoint_v2 \
    extended_errcode system_errno)
WRAP_run_faults_test := $(WRAP_faults_test)
WRAP_folder_sync_test := fsync
WRAP_lock_test := flock
WRAP_snapshot_test := mkdirat syncfs read
WRAP_writer_test := pthread_create
WRAP_live_test := pidfd_open
WRAP_pulse_test := liveness_look
WRAP_slot_test := flock
WRAP_live_recover_test := attempt_probe
WRAP_live_gate_test := pidfd_open attempt_probe launch_new_check launch_start collect_new_check \
    collect_lacks_storage
WRAPPED_TESTS := $(foreach test,$(TESTS),$(if $(WRAP_$(notdir $(test))),$(test)))
# One that shares the library is not linked again when only the library is new.
SHARED_LIB := $(if $(VARIANT),$(BUILD)/libfermata-drivers.so $(BUILD)/libfermata.so)
# The second one brings what it takes of libfyaml, also where only the first one asks for it.
LINK_SHARED := $(if $(VARIANT),$(BUILD)/libfermata-drivers.so -Wl$(comma)--no-as-needed $(BUILD)/libfermata.so -Wl$(comma)--as-needed)
SHARING_TESTS := $(if $(VARIANT),$(filter-out $(WRAPPED_TESTS),$(TESTS)))
$(SHARING_TESTS): | $(SHARED_LIB)
$(TESTS): | $(ASAN_NAMES)
$(filter-out $(SHARING_TESTS),$(TESTS)): $(BUILD)/libfermata.a
$(TESTS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libsupport.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) $(WRAP_$(@F):%=-Wl,--wrap=%) -Wl,-rpath,$(abspath $(BUILD)) -o $@ $(filter %.o,$^) \
	    $(BUILD)/libsupport.a $(or $(filter %/libfermata.a,$^),$(LINK_SHARED)) $(TEST_LIBS) $(PACKAGE_LIBS) $(LINK_NAMES)
$(filter $(BUILD)/tests/sim/%,$(TESTS)): $(SIM_SOURCES:%.c=$(BUILD)/%.o)

# What tests run beside the program itself. Never sanitised, as a user's programs are not.
.PHONY: test-programs
test-programs: $(PROGRAM_SOURCES:%.c=$(BUILD)/%) $(PRELOAD_SOURCES:%.c=$(BUILD)/%.so)
$(PROGRAM_SOURCES:%.c=$(BUILD)/%): $(BUILD)/%: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O2 -o $@ $< $(LIBS_$(@F))
# Static: it is started hundreds of times, and costs a third less so.
LIBS_json := -static -ljansson

# Preloaded; see the files.
$(PRELOAD_SOURCES:%.c=$(BUILD)/%.so): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O2 -g -fPIC -shared -static-libgcc -o $@ $<

# Without the fuzzer: each target over its corpus (tests/fuzz/corpus_test.sh).
$(FUZZ_SOURCES:%.c=$(BUILD)/%): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libfermata.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) -o $@ $^ $(CURL_LIBS) $(PACKAGE_LIBS)

.SECONDARY:
-include $(shell find $(BUILD)/src $(BUILD)/tests $(BUILD)/fuzz/objects -name '*.d' 2>/dev/null)

# ---- try it ------------------------------------------------------------------------------------

.PHONY: demo bench docs fuzz format
demo:
	@tools/install-deps --build
	@$(MAKE) all
	@tools/demo $(BUILD)

bench: all $(BUILD)/bench/floor $(BUILD)/bench/engine $(BUILD)/bench/agent
	bench/run $(BUILD) $(BENCH)

$(BUILD)/bench/engine: $(BUILD)/bench/engine.o $(BUILD)/libfermata.a
	$(if $(V),,@echo '  LINK    $@')
	$(Q)$(LINK_PROGRAM) -o $@ $^ $(PACKAGE_LIBS)

$(BUILD)/bench/floor: bench/floor.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O2 -o $@ $< -lsqlite3

$(BUILD)/bench/agent: bench/agent.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(CC) $(LANGUAGE) $(WARNINGS) -O2 -o $@ $<

docs: all
	$(BUILD)/fermata schema reference >$(BUILD)/workflow-reference.md
	mv $(BUILD)/workflow-reference.md docs/workflow-reference.md
	$(BUILD)/fermata schema agents >$(BUILD)/agent-abilities.md
	mv $(BUILD)/agent-abilities.md docs/agent-abilities.md
	$(BUILD)/fermata schema experts >$(BUILD)/expert-list.md
	mv $(BUILD)/expert-list.md docs/expert-list.md
	$(BUILD)/fermata schema workflows >$(BUILD)/workflow-list.md
	mv $(BUILD)/workflow-list.md docs/workflow-list.md
	bench/table.py --into docs/performance.md bench/results/latest.json
	$(MAKE) $(BUILD)/tests/unit/agents/classify_test
	$(BUILD)/tests/unit/agents/classify_test --table >$(BUILD)/failures.md
	sed -i -e '/^<!-- failures/r $(BUILD)/failures.md' -e '/^<!-- failures/,/^<!-- end/{/^|/d}' docs/agents.md
	$(MAKE) $(BUILD)/tests/sim/routing_test
	$(BUILD)/tests/sim/routing_test --table >$(BUILD)/routing.md
	sed -i -e '/^<!-- figures/r $(BUILD)/routing.md' -e '/^<!-- figures/,/^<!-- end/{/^|/d}' docs/routing.md

# ---- tests -------------------------------------------------------------------------------------
# The programs under test are the sanitised ones.

.PHONY: test test-unit test-store test-sim test-fuzz test-cli test-crash test-build test-tsan valgrind coverage \
    sabotage sim crash memory hostile powerloss test-agents
test test-crash: export PLAIN_BUILD := $(abspath $(PLAIN_BUILD))
test: test-build
	@tools/run-tests $(TEST_BUILD) unit store sim fuzz cli agents crash
test-unit test-store test-sim test-fuzz test-cli test-crash: test-%: test-build
	@tools/run-tests $(TEST_BUILD) $*
test-build:
	@tools/install-deps --build --test
	@$(MAKE) -k SANITIZE=$(TEST_SANITIZE) BUILD=$(TEST_BUILD) programs tests test-programs
	@$(MAKE) SANITIZE= BUILD=$(PLAIN_BUILD) programs test-programs

# What has threads: the store and its writer, the loop and its pool, the engine between them.
TSAN_TESTS := $(sort $(wildcard tests/unit/store/*_test.c tests/unit/loop/*_test.c tests/unit/run/engine_test.c \
    tests/unit/run/live_test.c tests/unit/run/live_recover_test.c tests/unit/run/nested_test.c tests/store/*_test.c))
test-tsan:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE=thread BUILD=build/tsan programs $(TSAN_TESTS:%.c=build/tsan/%)
	@tools/run-tests build/tsan $(TSAN_TESTS)

# Uninitialised memory, which the sanitizers of `make test` do not see: the engine's mind, the graph, the
# store. Tests that start processes stay out: Debian's valgrind does not know pidfd_open; and the one that
# leaves the program without memory, which valgrind does not survive itself.
VALGRIND_TESTS = $(filter-out tests/unit/store/memory_test.c, \
    $(sort $(shell grep -L 'run_project\.h\|attempt\.h' tests/unit/run/*_test.c tests/unit/plan/*_test.c tests/unit/store/*_test.c)))
valgrind:
	@tools/install-deps --build --test --valgrind
	@$(MAKE) programs $(VALGRIND_TESTS:%.c=$(BUILD)/%)
	@TEST_UNDER="valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite" \
	    tools/run-tests $(BUILD) $(VALGRIND_TESTS)

# Lines and branches, a folder a line; `tools/coverage build/coverage --list src/run` names what is missing.
coverage:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE=coverage BUILD=build/coverage programs tests test-programs
	@find build/coverage -name '*.gcda' -delete
	@PLAIN_BUILD=$(abspath build/coverage) tools/run-tests build/coverage unit store sim fuzz cli agents crash
	@tools/coverage build/coverage

# The real coding programs against the stand-in for model servers (docs/testing.md); not in `make test`: they
# are large, and come from the npm registry. PROGRAMS='claude acp-gemini' and CASES='edit,401' take some,
# JOBS says how many at a time.
AGENTS_FOLDER ?= build/agents
PROGRAMS ?= claude codex gemini qwen opencode copilot \
    acp-claude acp-codex acp-gemini acp-qwen acp-opencode acp-copilot
JOBS ?= 2
test-agents:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE= BUILD=$(PLAIN_BUILD) programs
	-@tools/install-agents $(AGENTS_FOLDER) $(PROGRAMS)
	@FERMATA=$(abspath $(PLAIN_BUILD))/fermata tests/agents/conformance.py $(AGENTS_FOLDER) \
	    --programs '$(subst $(empty) $(empty),$(comma),$(strip $(PROGRAMS)))' --cases '$(CASES)' --jobs $(JOBS)

# Each patch of tests/sabotage breaks a promise; a test must notice.
sabotage: test-build
	@tools/sabotage $(TEST_BUILD) $(ONLY)

# Not sanitised: so many seeds as one likes.
sim:
	@tools/install-deps --build --test
	@$(MAKE) $(BUILD)/tests/sim/sim_test
	$(BUILD)/tests/sim/sim_test --seeds $(SEEDS)

# Every point of the crash tests, of which `make test` takes a part.
crash:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE= BUILD=$(PLAIN_BUILD) programs test-programs $(CRASH_TESTS:%.c=$(PLAIN_BUILD)/%)
	@CRASH_EVERY=1 POWERLOSS_IMAGES=$(IMAGES) BITFLIP_PLACES=10000 MEMORY_POINTS=stacks PAID_KILLS=200 SHIPPED=all POWERCUTS=100 LOCKED_SECONDS=32 TEST_TIMEOUT_SECONDS=3600 PLAIN_BUILD=$(abspath $(PLAIN_BUILD)) tools/run-tests $(PLAIN_BUILD) crash

# The memory of every call stack that asks for some fails, in the first operation that has it; POINTS=operations:
# in each; POINTS=all: every single allocation.
POINTS ?= stacks
memory:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE= BUILD=$(PLAIN_BUILD) programs test-programs
	@MEMORY_POINTS=$(POINTS) MEMORY_ONLY='$(ONLY)' PLAIN_BUILD=$(abspath $(PLAIN_BUILD)) tests/crash/memory_test.sh

# Steps that behave as no step should, with what a busy machine makes fail: time, memory, pace.
hostile:
	@tools/install-deps --build --test
	@$(MAKE) SANITIZE= BUILD=$(PLAIN_BUILD) programs test-programs
	@HOSTILE_MEASURE=1 HOSTILE_ONLY='$(ONLY)' BUILD=$(abspath $(PLAIN_BUILD)) tests/cli/hostile_test.sh
	@DAEMON_CYCLES=1000 BUILD=$(abspath $(PLAIN_BUILD)) tests/crash/daemons_test.sh

# Every moment of a store's life, and so many disks that a power cut may leave.
powerloss:
	@tools/install-deps --build --test
	@$(MAKE) programs $(BUILD)/tests/crash/powerloss_test
	POWERLOSS_IMAGES=$(IMAGES) FERMATA_KEEP=$(BUILD)/fermata-keep $(BUILD)/tests/crash/powerloss_test

# What all targets share is compiled once.
FUZZ_CC ?= clang
FUZZ_COMPILE = $(FUZZ_CC) $(LANGUAGE) -O1 -g $(PACKAGE_CFLAGS)
FUZZ_OBJECTS := $(SOURCES:%.c=$(BUILD)/fuzz/objects/%.o) $(BUILD)/fuzz/objects/embedded.o
fuzz:
	@tools/install-deps --build --fuzz
	@$(MAKE) $(BUILD)/fuzz/libfermata.a
	@$(MAKE) -j1 $(FUZZ_SOURCES:%.c=fuzz-run/%)
$(BUILD)/fuzz/objects/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC      $<')
	$(Q)$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -MMD -MP -c -o $@ $<
$(BUILD)/fuzz/objects/embedded.o: $(BUILD)/embedded.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_COMPILE) -c -o $@ $<
$(BUILD)/fuzz/libfermata.a: $(FUZZ_OBJECTS) | $(BUILD)/libfyaml.a
	@rm -f $@
	$(if $(V),,@echo '  AR      $@')
	$(Q)$(AR) rcs $@ $^
fuzz-run/%: %.c $(BUILD)/fuzz/libfermata.a FORCE
	@mkdir -p $(BUILD)/fuzz/$(@F)
	$(FUZZ_COMPILE) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	    -o $(BUILD)/fuzz/$(@F).bin $< $(BUILD)/fuzz/libfermata.a $(CURL_LIBS) $(PACKAGE_LIBS)
	$(BUILD)/fuzz/$(@F).bin -max_total_time=$(FUZZ_SECONDS) $(BUILD)/fuzz/$(@F) \
	    $(wildcard tests/fuzz/corpus/$(@F))

# ---- checks ------------------------------------------------------------------------------------

CHECKS := format warnings layers sizes tests banned spdx sabotages docs shell tidy
.PHONY: check check-deps $(CHECKS:%=check-%)
check: check-deps
	@$(MAKE) -k -Otarget $(CHECKS:%=check-%)
	@echo "all checks passed"
check-deps:
	@tools/install-deps --build --check
check-format:
	@clang-format --dry-run -Werror $(wildcard $(ALL_SOURCES) $(ALL_HEADERS))
check-warnings:
	@gcc $(LANGUAGE) $(DEVELOPER_WARNINGS) $(PACKAGE_CFLAGS) -fsyntax-only $(ALL_SOURCES)
	@clang $(LANGUAGE) $(DEVELOPER_WARNINGS) $(PACKAGE_CFLAGS) -fsyntax-only $(ALL_SOURCES)
check-layers check-sizes check-tests check-banned check-spdx check-shell: check-%:
	@tools/check-$*
check-sabotages:
	@tools/sabotage --check
check-docs: all $(BUILD)/tests/unit/agents/classify_test $(BUILD)/tests/sim/routing_test
	@tools/check-docs $(BUILD)
check-tidy: compile_commands.json
	@tools/check-tidy

format:
	clang-format -i $(wildcard $(ALL_SOURCES) $(ALL_HEADERS))

# For editors and clang-tidy: how each file is compiled.
compile_commands.json: Makefile $(ALL_SOURCES)
	@tools/compile-commands $(ALL_SOURCES) -- $(CC) $(LANGUAGE) $(DEVELOPER_WARNINGS) \
	    $(PACKAGE_CFLAGS) >$@.tmp
	@mv $@.tmp $@

# ---- install -----------------------------------------------------------------------------------

.PHONY: install install-built uninstall clean help
INSTALLED := bin/fermata libexec/fermata/fermata-keep $(DRIVERS:%=libexec/fermata/%) share/man/man1/fermata.1 share/man/man1/fermata-*.1 \
    share/bash-completion/completions/fermata share/zsh/site-functions/_fermata \
    share/fish/vendor_completions.d/fermata.fish

install: all
	@$(MAKE) install-built
# What is there already, without building.
install-built:
	rm -rf $(BUILD)/man && mkdir $(BUILD)/man
	$(BUILD)/fermata man >$(BUILD)/man/fermata.1
	$(BUILD)/fermata complete "" | while IFS='	' read -r name summary; do \
	    $(BUILD)/fermata man "$$name" >"$(BUILD)/man/fermata-$$name.1" || exit 1; done
	for shell in bash zsh fish; do \
	    $(BUILD)/fermata completion $$shell >$(BUILD)/completion.$$shell || exit 1; done
	install -D -s -m 755 $(BUILD)/fermata $(DESTDIR)$(PREFIX)/bin/fermata
	install -D -s -m 755 $(BUILD)/fermata-keep $(DESTDIR)$(PREFIX)/libexec/fermata/fermata-keep
	for driver in $(DRIVERS); do \
	    install -s -m 755 $(BUILD)/$$driver $(DESTDIR)$(PREFIX)/libexec/fermata/$$driver || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(BUILD)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -D -m 644 $(BUILD)/completion.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/fermata
	install -D -m 644 $(BUILD)/completion.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_fermata
	install -D -m 644 $(BUILD)/completion.fish \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/fermata.fish

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%)
	-rmdir $(DESTDIR)$(PREFIX)/libexec/fermata

clean:
	rm -rf $(BUILD) compile_commands.json

help:
	@echo "make                 $(BUILD)/fermata, $(BUILD)/fermata-keep and its drivers"
	@echo "make demo            review this repository with the code-review workflow"
	@echo "make test            every test under sanitizers; test-unit test-store test-sim test-fuzz test-cli test-crash"
	@echo "make test-agents     the real coding programs, installed from npm, against a stand-in for model servers"
	@echo "make test-tsan       what has threads, under ThreadSanitizer"
	@echo "make valgrind        engine, graph and store under valgrind (minutes)"
	@echo "make coverage        every test once more, and the lines and branches that they reach"
	@echo "make sim SEEDS=n     n seeds of the engine's simulator, optimised, on all cores ($(SEEDS))"
	@echo "make hostile         steps that misbehave: their end, and the time, memory and pace of the rest; ONLY='NAME...'"
	@echo "make powerloss       $(IMAGES) disks that power cuts may leave, each opened and compared"
	@echo "make sabotage        break the program in each way of tests/sabotage: a test must notice; ONLY='NAME...'"
	@echo "make crash           kill -9, EIO and ENOSPC at every call that changes a file; make test takes a part"
	@echo "make memory          no memory for any call stack that asks for some; POINTS=operations|all; ONLY='NAME,NAME...'"
	@echo "make check           every guard: $(CHECKS:%=check-%)"
	@echo "make format          clang-format over every C file"
	@echo "make bench           the footprint contract, as a table; BENCH='--only KEY --rounds N --save'"
	@echo "make fuzz            each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))"
	@echo "make docs            docs/workflow-reference.md from the key table, the table of docs/performance.md"
	@echo "make install         to DESTDIR + PREFIX ($(PREFIX)); make uninstall"
	@echo "make compile_commands.json   for editors"
	@echo "make clean"
	@echo "variables: CC CFLAGS BUILD DEVELOPER=1 SANITIZE=1|thread PREFIX DESTDIR JOBS"
