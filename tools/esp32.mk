# What can be tested of the ESP32 without ESP-IDF: micropython.cmake in a firmware that runs in QEMU,
# MicroPython's own build files for two boards of ours, with a stand-in for ESP-IDF up to the point
# where everything of ours is compiled, and the same for ESP8266.

CMAKE_OUT := $(MPY_OUT)/cmake
CMAKE_PACKAGES := cmake $(QEMU_PACKAGES_riscv)
CMAKE_SCRIPTS := '$(MPY)'/tests/extmod/btree*.py $(addprefix tests/micropython/,basic.py check.py dict_extras.py \
	err_stream.py gc_survive.py journal.py stream_fat.py stream_lfs2.py)

ESP32_BOARDS := MODBTREE_ESP32 MODBTREE_ESP32_C3
ESP32_CHIP_MODBTREE_ESP32 := xtensa
ESP32_CHIP_MODBTREE_ESP32_C3 := riscv
ESP32_NM_xtensa := xtensa-lx106-elf-nm
ESP32_NM_riscv := riscv64-unknown-elf-nm
ESP32_PACKAGES_xtensa := cmake gcc-xtensa-lx106 clang-22 llvm-22 picolibc-riscv64-unknown-elf
ESP32_PACKAGES_riscv := cmake $(QEMU_PACKAGES_riscv)
esp32-dir = $(MPY_OUT)/$(1)
# CMake tells much, also where errors go.
cmake-log = >'$(MPY_OUT)/$(1).log' 2>&1 || { tail -n 20 '$(MPY_OUT)/$(1).log' >&2; exit 1; }
# Whether every constant of a function can be reached from it, which only linking shows. The linker
# has the other processor's instructions, but those that matter here are the same.
xtensa-link = xtensa-lx106-elf-ld --no-relax -Ttext=0x40200000 -e 0x40200000 --unresolved-symbols=ignore-all \
	-z noexecstack -o '$(1)/linked.elf' --whole-archive
# Boards freeze MicroPython's own modules, too, which are in a submodule.
ESP32_MANIFEST := $(or $(wildcard $(ROOT)/micropython/manifest.py),$(MPY)/extmod/asyncio/manifest.py)

# What firmware has besides our files: MicroPython's core and file systems, and a C library.
MPY_CORE = $$(find '$(CMAKE_OUT)/CMakeFiles/firmware.elf.dir' -path '*/py/*.obj' -o -path '*/extmod/vfs*.obj' \
	-o -path '*/littlefs/*.obj')
PICOLIBC := /usr/lib/picolibc/riscv64-unknown-elf/lib/rv32imac/ilp32/libc.a

.PHONY: firmware-cmake test-cmake test-esp32 $(ESP32_BOARDS:%=test-%) test-esp8266 test-xtensa

firmware-cmake: $(MPY_READY)
	@sh tools/packages.sh 'make $@' $(CMAKE_PACKAGES)
	@echo '== firmware for $(QEMU_BOARD_riscv), with CMake'
	@mkdir -p '$(MPY_OUT)'
	@{ cmake -S tests/cmake -B '$(CMAKE_OUT)' -DCMAKE_TOOLCHAIN_FILE=riscv.cmake -DMICROPY_DIR='$(MPY)' \
		-DMODBTREE_RUST_TARGET='$(QEMU_RUST_riscv)' && \
	$(RUST_ENV) $(MPY_ENV) MAKEFLAGS= cmake --build '$(CMAKE_OUT)' --parallel $(JOBS); } $(call cmake-log,cmake)

test-cmake: firmware-cmake
	@echo '== scripts under MicroPython built with CMake'
	@$(run-tests) --qemu riscv $(ON_LFS2) '$(CMAKE_OUT)/firmware.elf' $(CMAKE_SCRIPTS)

ESP32_STEPS := $(ESP32_BOARDS:%=test-%) test-cmake test-esp8266 test-xtensa
test-esp32: $(ESP32_STEPS) ## what can be tested of the ESP32 ports without ESP-IDF

# cargo puts what it makes for one processor in the same place.
test-MODBTREE_ESP32: | natmod-xtensawin
test-esp8266: | natmod-xtensa
ESP32_RUST_xtensa = -DMODBTREE_TARGET_DIR='$(XTENSA_RUST_OUT)'
ESP32_ENV_riscv = $(RUST_ENV)

# Not cmake --build for all: the rest needs ESP-IDF.
$(ESP32_BOARDS:%=test-%): test-%: firmware-cmake mpy-cross
	@sh tools/packages.sh 'make $@' $(ESP32_PACKAGES_$(ESP32_CHIP_$*))
	@echo '== our part of firmware for $*'
	@rm -rf '$(call esp32-dir,$*)'
	@{ export IDF_PATH='$(ROOT)/tests/cmake/idf' MICROPY_MPYCROSS='$(MPY_CROSS)' && cmake \
		-S '$(MPY)/ports/esp32' -B '$(call esp32-dir,$*)' \
		-DCMAKE_TOOLCHAIN_FILE='$(ROOT)/tests/cmake/$(ESP32_CHIP_$*).cmake' \
		-DMICROPY_BOARD='$*' -DMICROPY_BOARD_DIR='$(ROOT)/ports/esp32/boards/$*' \
		-DMICROPY_FROZEN_MANIFEST='$(ESP32_MANIFEST)' -DMICROPY_LIB_DIR='$(MPY)/lib' \
		$(ESP32_RUST_$(ESP32_CHIP_$*)) && $(ESP32_ENV_$(ESP32_CHIP_$*)) \
	$(MPY_ENV) MAKEFLAGS= cmake --build '$(call esp32-dir,$*)' --parallel $(JOBS) --target __idf_main; } $(call cmake-log,$*)
	@if grep -q 'extmod/modbtree\.c' '$(call esp32-dir,$*)/component-sources.txt'; then \
		echo 'the built-in btree is still there' >&2; exit 1; fi
	@python3 tools/check-symbols.py $(ESP32_NM_$(ESP32_CHIP_$*)) --from $(MPY_CORE) '$(PICOLIBC)' \
		--in '$(call esp32-dir,$*)/libmodbtree.a' '$(call esp32-dir,$*)/main/lib__idf_main.a'
	$(if $(filter xtensa,$(ESP32_CHIP_$*)),@$(call xtensa-link,$(call esp32-dir,$*)) \
		'$(call esp32-dir,$*)/libmodbtree.a' '$(call esp32-dir,$*)/main/lib__idf_main.a')

ESP8266_OUT := $(MPY_OUT)/esp8266

test-esp8266: firmware-cmake
	@sh tools/packages.sh 'make $@' gcc-xtensa-lx106 picolibc-riscv64-unknown-elf
	@echo '== our part of firmware for ESP8266'
	@mkdir -p '$(ESP8266_OUT)'
	+@{ rust=$$(sh tools/rust-target.sh xtensa-esp8266-none-elf '$(XTENSA_RUST_OUT)') && eval "set -- $$rust" && \
	$(submake) -C tests/esp8266 BUILD='$(ESP8266_OUT)' TOP='$(MPY)' NAMES='$(CMAKE_OUT)' \
		MODBTREE_PROFILE=firmware MODBTREE_TARGET_DIR='$(XTENSA_RUST_OUT)' "$$@"; } $(call log,esp8266)
	@python3 tools/check-symbols.py xtensa-lx106-elf-nm --in '$(ESP8266_OUT)'/*.o \
		--from $(MPY_CORE) '$(MPY)/ports/esp8266/boards/eagle.rom.addr.v6.ld'

# The Rust library of the native modules for Xtensa, without MicroPython, on processors that QEMU has;
# and on this machine, where the same file has to come out.
XTENSA_OUT := $(MPY_OUT)/xtensa
XTENSA_CC_host := gcc
XTENSA_CC_xtensa := xtensa-lx106-elf-gcc -isystem/usr/lib/picolibc/riscv64-unknown-elf/include -mlongcalls
XTENSA_CC_xtensawin := $(ROOT)/tools/xtensa-cc
XTENSA_CPU_xtensa := lx106
XTENSA_CPU_xtensawin := test_mmuhifi_c3
XTENSA_RESET_xtensa := 0x50000000
XTENSA_RESET_xtensawin := 0xfe000000
# $(call xtensa-cc,xtensa,x64): compiles the test for one of these, with the names of a native module
xtensa-cc = $(XTENSA_CC_$(1)) -std=gnu99 -Os -Wall -Werror -fno-builtin -DNO_QSTR -DMICROPY_ENABLE_DYNRUNTIME \
	-Iports/natmod -I. -I'$(MPY)' '-DMP_CONFIGFILE=<mpconfig.h>' \
	'-DMODBTREE_QSTRS=<$(call natmod-dir,$(2))/btree.config.h>' -c -o '$(XTENSA_OUT)/$(1).o' tests/xtensa/core.c
# $(call run-xtensa,xtensa): prints what the test prints
run-xtensa = $(call xtensa-cc,$(1),$(1)) && $(XTENSA_CC_$(1)) -c -o '$(XTENSA_OUT)/start.o' tests/xtensa/$(1).s && \
	xtensa-lx106-elf-ld --no-relax --no-warn-rwx-segments -z noexecstack --gc-sections -T tests/xtensa/link.ld \
		--defsym=RESET='$(XTENSA_RESET_$(1))' -o '$(XTENSA_OUT)/$(1).elf' '$(XTENSA_OUT)/start.o' '$(XTENSA_OUT)/$(1).o' \
		'$(call natmod-dir,$(1))/modbtree_core.o' '$(call natmod-dir,$(1))/runtime.o' && \
	timeout 300 qemu-system-xtensa -M sim -cpu '$(XTENSA_CPU_$(1))' -nographic -monitor null -serial stdio -semihosting \
		-kernel '$(XTENSA_OUT)/$(1).elf' </dev/null

test-xtensa: natmod-x64 natmod-xtensa natmod-xtensawin ## the Rust library on simulated processors like those of ESP8266 and ESP32
	@sh tools/packages.sh 'make $@' qemu-system-misc
	@echo '== the Rust library on Xtensa'
	@mkdir -p '$(XTENSA_OUT)'
	@$(call xtensa-cc,host,x64) && gcc -o '$(XTENSA_OUT)/host' tests/xtensa/host.c '$(XTENSA_OUT)/host.o' \
		'$(call natmod-dir,x64)/modbtree.a' && '$(XTENSA_OUT)/host' >'$(XTENSA_OUT)/host.txt' || \
		{ cat '$(XTENSA_OUT)/host.txt'; exit 1; }
	@{ $(call run-xtensa,xtensa); } >'$(XTENSA_OUT)/xtensa.txt'; cmp '$(XTENSA_OUT)/host.txt' '$(XTENSA_OUT)/xtensa.txt'
	@{ $(call run-xtensa,xtensawin); } >'$(XTENSA_OUT)/xtensawin.txt'; cmp '$(XTENSA_OUT)/host.txt' '$(XTENSA_OUT)/xtensawin.txt'
	@cat '$(XTENSA_OUT)/host.txt'
