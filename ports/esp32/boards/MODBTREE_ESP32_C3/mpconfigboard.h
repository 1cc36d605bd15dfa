#define MICROPY_HW_BOARD_NAME "ESP32C3 module with modbtree"
#define MICROPY_HW_MCU_NAME "ESP32C3"

// A REPL also on the pins of the serial port, for modules with a USB converter.
#define MICROPY_HW_ENABLE_UART_REPL (1)
