# wfm_fdw: build, install and test.
#
#   make && make install     build against the pg_config in PATH and install
#   make demo                a private server, the simulator and one report
#   make test                every test of every kind; TESTS="unit tap:003" selects
#   make soak                the long forms of the tests (about half an hour)
#   make test-matrix         the tests on PostgreSQL 15, 17 and 18 (as root)
#   make test-upgrade        pg_upgrade from each of them to the next (as root)
#   make clients             psql, JDBC, ODBC, psycopg and what BI tools send
#   make interop             consent against an OAuth server of others, in a browser
#   make bench               figures of speed and memory (doc/performance.md)
#   make fuzz                libFuzzer over the pure C parts, ten minutes a target
#   make coverage            which lines of src/ the tests run
#   make sanitize            the tests under AddressSanitizer and UBSan
#   make valgrind            the regression tests under memcheck
#   make lint                what can be checked without running
#   make package             the Debian package, built and tested in clean roots
#   make dist                the release archives, in build/dist
#   make help                the other targets and the settings
#
# "make demo" and "make test" install the Debian packages they need and leave
# the machine's own PostgreSQL alone (doc/testing.md).

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

all:

# Goals that need no PostgreSQL build environment to start with: they run
# scripts, which install what is missing first.
SCRIPT_GOALS := help packages docs test soak clients interop fuzz test-matrix test-upgrade bench demo lint indent indent-check \
	dist package coverage sanitize valgrind

.PHONY: $(SCRIPT_GOALS)

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'make packages            install the Debian packages (as root)'
	@echo 'make docs                write doc/tables.md and doc/reference.md from the code'
	@echo "make indent              format the C files with PostgreSQL's pgindent"
	@echo 'make indent-check        fail if that would change one'
	@echo 'make clean               remove what was built'
	@echo
	@echo 'PG_CONFIG=path           the PostgreSQL to build for'
	@echo 'WFM_CRASHPOINTS=1        compile in the named crash points of the tests'
	@echo 'with_llvm=no             leave out the JIT bitcode'

packages:
	@test/install-packages

test soak clients interop bench demo lint indent indent-check: export PG_CONFIG := $(PG_CONFIG)

test:
	@test/install-packages test
	@$(PYTHON) test/run $(TESTS)

soak:
	@test/install-packages test
	@$(MAKE) --no-print-directory -s -C test/unit soak
	@WFM_TEST_LONG=1 $(PYTHON) test/run $(TESTS)

test-matrix:
	@test/matrix/run $(TESTS)

test-upgrade:
	@test/matrix/upgrade $(VERSIONS)

bench:
	@test/install-packages demo
	@$(PYTHON) test/bench/run $(FIGURES)

fuzz:
	@test/install-packages fuzz
	@$(MAKE) --no-print-directory -C test/fuzz soak

# Apart from "make test": it needs Java and the drivers.
clients:
	@test/install-packages clients
	@$(PYTHON) test/run $(or $(TESTS),clients)

coverage:
	@test/install-packages test
	@$(PYTHON) test/coverage/run $(TESTS)

sanitize:
	@test/install-packages test sanitize
	@test/sanitize/run asan $(TESTS)

valgrind:
	@test/install-packages test sanitize
	@test/sanitize/run valgrind $(TESTS)

dist:
	@test/package/dist

package:
	@test/package/run

# Apart from "make test": it needs Chromium, Node.js 20 and npm's packages.
interop:
	@test/install-packages interop
	@mkdir -p build/interop
	@cp test/interop/package.json test/interop/package-lock.json test/interop/.npmrc build/interop
	@cd build/interop && npm ci --loglevel=error
	@$(PYTHON) test/run interop

# doc/tables.md from the catalogue, doc/reference.md from a running server;
# a unit test and a Perl test fail when they are stale.
docs: export PG_CONFIG := $(PG_CONFIG)
docs:
	@mkdir -p build
	@$(CC) -std=gnu99 -Isrc -o build/generate_tables doc/generate_tables.c $(sort $(wildcard src/catalog/*.c))
	@build/generate_tables > doc/tables.md
	@$(PYTHON) doc/generate_reference.py

demo:
	@test/install-packages demo
	@test/demo/run

lint:
	@test/install-packages lint
	@$(MAKE) --no-print-directory -s with_llvm=no all
	@test/lint/run

indent:
	@test/install-packages lint
	@test/lint/pgindent

indent-check:
	@test/install-packages lint
	@test/lint/pgindent --check

ifneq ($(filter-out $(SCRIPT_GOALS),$(or $(MAKECMDGOALS),all)),)

EXTENSION = wfm_fdw
DATA = $(sort $(wildcard wfm_fdw--*.sql))
MODULE_big = wfm_fdw
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
PGFILEDESC = "wfm_fdw - foreign data wrapper for WorkflowMax and Xero Practice Manager"

WFM_LIBRARIES = libcurl libxml-2.0 jansson libcrypto zlib

# What is missing is named here rather than by the compiler.
wfm_hint = (Debian: "make packages" as root installs everything)
ifeq ($(shell command -v $(PG_CONFIG)),)
$(error $(PG_CONFIG) not found: install PostgreSQL's server development files or set PG_CONFIG=/path/to/pg_config $(wfm_hint))
endif
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) belongs to a PostgreSQL without server development files: install postgresql-server-dev-NN $(wfm_hint))
endif
ifneq ($(filter-out clean distclean uninstall,$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(error $(PKG_CONFIG) not found: install pkg-config $(wfm_hint))
endif
$(foreach library,$(WFM_LIBRARIES),$(if $(shell $(PKG_CONFIG) --exists $(library) && echo yes),,\
  $(error development files of $(library) not found: install libcurl4-openssl-dev, libxml2-dev, libjansson-dev, libssl-dev and zlib1g-dev $(wfm_hint))))
endif

PG_CPPFLAGS = -Isrc $(shell $(PKG_CONFIG) --cflags $(WFM_LIBRARIES))
ifneq ($(filter 1 yes on,$(WFM_CRASHPOINTS)),)
PG_CPPFLAGS += -DWFM_CRASHPOINTS
endif
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs $(WFM_LIBRARIES))

# PostgreSQL up to 18 is C99; 19 needs C11.  Two warnings of -Wextra are off:
# callbacks leave parameters unused by design, and PostgreSQL's own headers and
# initialisers such as PG_MODULE_MAGIC leave fields out.  -MMD and -MP write
# each object's headers to a .d file beside it.
PG_CFLAGS = -std=$(if $(filter 13 14 15 16 17 18,$(MAJORVERSION)),gnu99,gnu11) \
	-fvisibility=hidden -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-field-initializers -MMD -MP

EXTRA_CLEAN = $(sort $(wildcard src/*.[od] src/*/*.[od] src/*.bc src/*/*.bc)) build/flags

# PostgreSQL's own dependency tracking files headers under the source's base
# name, and ours has files of one name in several folders.
override autodepend = no

include $(PGXS)

# Objects are rebuilt when the server, the compiler or a flag changes.
wfm_flags = $(VERSION) $(CC) $(CFLAGS) $(CPPFLAGS)
build/flags: wfm-always
	@mkdir -p build
	@echo '$(subst ','\'',$(wfm_flags))' | cmp -s - $@ || echo '$(subst ','\'',$(wfm_flags))' > $@
.PHONY: wfm-always
$(OBJS): build/flags

-include $(OBJS:.o=.d)

endif
