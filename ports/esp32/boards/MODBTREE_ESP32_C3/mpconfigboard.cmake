# MicroPython's ESP32_GENERIC_C3 with btree in Rust and our Python modules frozen.

include(boards/ESP32_GENERIC_C3/mpconfigboard.cmake)
list(APPEND SDKCONFIG_DEFAULTS ${CMAKE_CURRENT_LIST_DIR}/../MODBTREE_ESP32/sdkconfig.board)

set(USER_C_MODULES ${CMAKE_CURRENT_LIST_DIR}/../../../../micropython/micropython.cmake)
set(MICROPY_FROZEN_MANIFEST ${CMAKE_CURRENT_LIST_DIR}/../manifest.py)
