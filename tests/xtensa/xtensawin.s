# Entry, the handlers that spill and fill registers, and QEMU's simcall, for the ABI of ESP32. The
# processor that QEMU has is ESP32's but for quou, remu and muluh, which are done here.
    .section .text.reset, "ax"
    j start

    .section .text.vectors, "ax"
    .global vectors
vectors: # window overflow and underflow, for calls of 4, 8 and 12 registers
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .org 0x40
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    .org 0x80
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo
    .org 0xc0
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    .org 0x100
    s32e a0, a13, -16
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo
    .org 0x140
    l32e a0, a13, -16
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu
    .org 0x300 # other exceptions, in the kernel
    j undefined
    .org 0x340 # in a user's program
    j undefined
    .org 0x3c0 # and within such
    j give_up

    .macro simcall # which LLVM does not know
    .byte 0x00, 0x51, 0x00
    .endm

    .section .text.undefined, "ax"
    .literal .Lframe, frame
    .align 4
undefined:
    wsr a0, excsave1
    l32r a0, .Lframe
    s32i a1, a0, 4
    s32i a2, a0, 8
    s32i a3, a0, 12
    s32i a4, a0, 16
    s32i a5, a0, 20
    s32i a6, a0, 24
    s32i a7, a0, 28
    s32i a8, a0, 32
    s32i a9, a0, 36
    s32i a10, a0, 40
    s32i a11, a0, 44
    s32i a12, a0, 48
    s32i a13, a0, 52
    s32i a14, a0, 56
    s32i a15, a0, 60
    rsr a1, excsave1
    s32i a1, a0, 0
    rsr a1, epc1 # instruction a[r], a[s], a[t]
    l8ui a2, a1, 0
    l8ui a3, a1, 1
    l8ui a4, a1, 2
    srli a5, a2, 4
    addx4 a5, a5, a0
    l32i a5, a5, 0 # a[t]
    extui a6, a3, 0, 4
    addx4 a6, a6, a0
    l32i a6, a6, 0 # a[s]
    movi a7, 0xc2
    beq a4, a7, divide # quou
    movi a7, 0xe2
    beq a4, a7, divide # remu
    movi a7, 0xa2
    beq a4, a7, multiply # muluh
give_up:
    movi a2, 1
    movi a3, 3
    simcall
divide: # by less than 1 << 31
    movi a8, 0 # quotient
    movi a9, 0 # remainder
    movi a10, 32
next_bit:
    slli a8, a8, 1
    slli a9, a9, 1
    extui a11, a6, 31, 1
    or a9, a9, a11
    slli a6, a6, 1
    bltu a9, a5, no_bit
    sub a9, a9, a5
    addi a8, a8, 1
no_bit:
    addi a10, a10, -1
    bnez a10, next_bit
    movi a7, 0xc2
    beq a4, a7, done
    mov a8, a9
    j done
multiply: # the upper half of the product, by halves of the factors
    extui a7, a5, 0, 16
    extui a8, a5, 16, 16
    extui a9, a6, 0, 16
    extui a10, a6, 16, 16
    mull a11, a7, a9
    mull a12, a7, a10
    mull a13, a8, a9
    mull a8, a8, a10
    extui a11, a11, 16, 16
    extui a14, a12, 0, 16
    add a11, a11, a14
    extui a14, a13, 0, 16
    add a11, a11, a14
    extui a11, a11, 16, 16
    add a8, a8, a11
    extui a12, a12, 16, 16
    add a8, a8, a12
    extui a13, a13, 16, 16
    add a8, a8, a13
done:
    extui a7, a3, 4, 4
    addx4 a7, a7, a0
    s32i a8, a7, 0
    addi a1, a1, 3
    wsr a1, epc1
    rsync
    l32i a1, a0, 4
    l32i a2, a0, 8
    l32i a3, a0, 12
    l32i a4, a0, 16
    l32i a5, a0, 20
    l32i a6, a0, 24
    l32i a7, a0, 28
    l32i a8, a0, 32
    l32i a9, a0, 36
    l32i a10, a0, 40
    l32i a11, a0, 44
    l32i a12, a0, 48
    l32i a13, a0, 52
    l32i a14, a0, 56
    l32i a15, a0, 60
    l32i a0, a0, 0
    rfe

    .section .bss.frame, "aw", @nobits
    .align 4
frame:
    .zero 64

    .section .text.start, "ax"
    .literal .Lstack, stack_end
    .literal .Lmain, main
    .literal .Lvectors, vectors
    .literal .Lstate, 0x40020
    .global start
    .align 4
start:
    l32r a0, .Lvectors
    wsr a0, vecbase
    movi a0, 0
    wsr a0, windowbase
    rsync
    movi a0, 1
    wsr a0, windowstart
    l32r a0, .Lstate
    wsr a0, ps
    rsync
    movi a0, 0
    l32r a1, .Lstack
    l32r a8, .Lmain
    callx8 a8

    .global sim
    .align 4
sim:
    entry a1, 32
    simcall
    retw
