# Stands in for ESP-IDF where there is none, as far as MicroPython's esp32 port goes before it
# compiles: MicroPython's own CMakeLists.txt, esp32_common.cmake, usermod.cmake and mkrules.cmake run
# unchanged. Of the firmware only user modules are compiled, into the archive of a component.

if(NOT IDF_TARGET)
    set(IDF_TARGET esp32)
endif()
string(TOUPPER CONFIG_${IDF_TARGET} MODBTREE_CHIP)
string(REPLACE CONFIG_ CONFIG_IDF_TARGET_ MODBTREE_CHIP ${MODBTREE_CHIP})
if(IDF_TARGET MATCHES "^esp32(s2|s3)?$")
    set(MODBTREE_ARCH CONFIG_IDF_TARGET_ARCH_XTENSA)
else()
    set(MODBTREE_ARCH CONFIG_IDF_TARGET_ARCH_RISCV)
endif()
set(${MODBTREE_CHIP} y)
set(${MODBTREE_ARCH} y)

macro(project name)
    _project(${name} C)
    # What ESP-IDF makes of all those files; the settings of the chip come without one.
    file(STRINGS ${SDKCONFIG_DEFAULTS} MODBTREE_SETTINGS REGEX "^CONFIG_")
    string(REGEX REPLACE "=y(;|$)" "=1\\1" MODBTREE_SETTINGS "${MODBTREE_SETTINGS}")
    list(FILTER MODBTREE_SETTINGS EXCLUDE REGEX "=n$")
    list(APPEND MODBTREE_SETTINGS ${MODBTREE_CHIP}=1 ${MODBTREE_ARCH}=1)
    list(TRANSFORM MODBTREE_SETTINGS REPLACE "^([A-Z0-9_]+)=(.*)$" "#undef \\1\n#define \\1 \\2")
    list(JOIN MODBTREE_SETTINGS "\n" MODBTREE_SETTINGS)
    file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.h "${MODBTREE_SETTINGS}\n")
    add_subdirectory(main)
endmacro()

# In the scope of esp32_common.cmake.
macro(idf_component_register)
    cmake_parse_arguments(MODBTREE_COMPONENT "" "" "SRCS;INCLUDE_DIRS;LDFRAGMENTS;REQUIRES" ${ARGN})
    list(JOIN MODBTREE_COMPONENT_SRCS "\n" MODBTREE_COMPONENT_SRCS)
    file(WRITE ${CMAKE_BINARY_DIR}/component-sources.txt "${MODBTREE_COMPONENT_SRCS}\n")

    set(COMPONENT_TARGET __idf_main)
    file(WRITE ${CMAKE_BINARY_DIR}/empty.c "")
    add_library(${COMPONENT_TARGET} STATIC ${CMAKE_BINARY_DIR}/empty.c)
    target_include_directories(${COMPONENT_TARGET} PUBLIC
        ${MODBTREE_COMPONENT_INCLUDE_DIRS} $ENV{IDF_PATH}/include)
    # As ESP-IDF does, but for what only its compilers know.
    target_compile_options(${COMPONENT_TARGET} PRIVATE
        -std=gnu17 -Os -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
        -ffunction-sections -fdata-sections)
    separate_arguments(MICROPY_CPP_FLAGS_EXTRA UNIX_COMMAND "${CMAKE_C_FLAGS}")
    # Names of the rest of the firmware are not ours to collect here.
    set(MICROPY_SOURCE_QSTR ${MICROPY_SOURCE_USERMOD})
endmacro()
