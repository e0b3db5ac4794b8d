# The short way in. Thin: every line here calls CMake or a script in tools/.
PRESET ?= release
LISTEN ?= 127.0.0.1:8080
MAKEFLAGS += --no-print-directory

.PHONY: help run build test test-aarch64 test-windows test-io_uring check check-all bench
.PHONY: check-targets bench-quick c10k fmt clean

help:
	@echo "make run      build and start examples/http_server (LISTEN=$(LISTEN))"
	@echo "make test     every test of a native build, through ctest (PRESET=$(PRESET))"
	@echo "make test-aarch64  the same, cross-compiled for AArch64, under qemu"
	@echo "make test-windows  the same, cross-compiled for Windows, under Wine"
	@echo "make test-io_uring  the same, over io_uring"
	@echo "make build    the libraries and the examples, into build/$(PRESET)"
	@echo "make check    format, layers, sizes, headers alone, warnings as errors"
	@echo "make check-targets  compiles every platform's backend on this machine"
	@echo "make check-all  the deep, slow rest: sanitizers, migrate, install tests, clang-tidy"
	@echo "make bench    build and run the benchmarks; renews docs/performance.md"
	@echo "make bench-quick  the main ratios in under five minutes; changes no page"
	@echo "make c10k     10,000 clients, served by fibers and by a thread each: a table, a plot"
	@echo "              (C10K_CLIENTS=10000 C10K_SECONDS=64)"
	@echo "make fmt      format every tracked C++ file"
	@echo "presets: release debug asan tsan migrate lto aarch64 windows; built into build/PRESET"

build:
	@tools/install_deps.sh build $(PRESET)
	@tools/build.sh $(PRESET)

test:
	@tools/install_deps.sh test $(PRESET)
	@tools/test.sh $(PRESET)

run:
	@tools/install_deps.sh build release
	@tools/build.sh release examples_http_server
	@tools/run.sh "$(LISTEN)"

test-aarch64:
	@tools/install_deps.sh test aarch64
	@tools/test_aarch64.sh

test-windows:
	@tools/install_deps.sh test windows
	@tools/test_windows.sh

test-io_uring:
	@tools/install_deps.sh test $(PRESET)
	@SLUICE_POLLER=io_uring tools/test.sh $(PRESET)

check:
	@tools/install_deps.sh check
	@tools/check.sh

check-targets:
	@tools/install_deps.sh targets
	@tools/check_targets.sh

check-all:
	@tools/install_deps.sh deep
	@tools/check_all.sh

bench:
	@tools/install_deps.sh bench
	@tools/bench.sh

bench-quick:
	@tools/install_deps.sh bench
	@tools/bench.sh --quick

c10k:
	@tools/install_deps.sh c10k
	@tools/c10k.sh

fmt:
	@tools/install_deps.sh check
	@tools/check_format.sh --fix

clean:
	@cmake -E rm -rf build
