# Toolchain of Debian for 32-bit RISC-V. GCC 12 finds the 32-bit libgcc only under this name,
# without _zicsr, which version 2.2 of the instruction set has anyway.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_C_FLAGS_INIT "-march=rv32imac -mabi=ilp32 -misa-spec=2.2 -specs=picolibc.specs")
set(CMAKE_ASM_FLAGS_INIT "-march=rv32imac -mabi=ilp32 -misa-spec=2.2")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
