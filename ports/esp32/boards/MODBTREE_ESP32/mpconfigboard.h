#define MICROPY_HW_BOARD_NAME "ESP32 module with modbtree"
#define MICROPY_HW_MCU_NAME "ESP32"
