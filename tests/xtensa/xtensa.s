# Entry, and QEMU's simcall, for the ABI of ESP8266.
    .section .text.reset, "ax"
    j start

    .section .text.start, "ax"
    .literal_position
    .global start
start:
    l32r a1, .Lstack
    l32r a0, .Lmain
    callx0 a0
    .align 4
    .literal .Lstack, stack_end
    .literal .Lmain, main

    .global sim
    .align 4
sim:
    simcall
    ret
