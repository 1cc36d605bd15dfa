# MicroPython's names of architectures, and what they are for Rust.

NATMOD_RUST_x64 := x86_64-unknown-linux-gnu
NATMOD_RUST_x86 := i686-unknown-linux-gnu
NATMOD_RUST_armv6m := thumbv6m-none-eabi
NATMOD_RUST_armv7m := thumbv7m-none-eabi
NATMOD_RUST_armv7emsp := thumbv7em-none-eabihf
NATMOD_RUST_armv7emdp := thumbv7em-none-eabihf
NATMOD_RUST_rv32imc := riscv32imc-unknown-none-elf
NATMOD_RUST_xtensa := xtensa-esp8266-none-elf
NATMOD_RUST_xtensawin := xtensa-esp32-none-elf
