# MicroPython's CMake ports (esp32, rp2) read this file for
# USER_C_MODULES=<this repository>/micropython/micropython.cmake. It puts modbtree.c and the Rust
# library in the place of the built-in btree module.
#
# To be set with -D or by a board's mpconfigboard.cmake:
#   MODBTREE_RUST_TARGET  Rust target triple; by default that of IDF_TARGET or PICO_PLATFORM
#   MODBTREE_PROFILE      firmware (default, small), or release
#   MODBTREE_FEATURES     any of those in Cargo.toml
#   MODBTREE_CARGO        the cargo command, and MODBTREE_CARGO_FLAGS more arguments for it; by
#                         default what tools/rust-target.sh finds
#   MODBTREE_TARGET_DIR   where cargo builds

get_filename_component(MODBTREE_TOP ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)

# extmod.cmake, included later, would add the module we replace; a port may link it all the same.
set(MICROPY_PY_BTREE OFF)
if(NOT TARGET micropy_extmod_btree)
    add_library(micropy_extmod_btree INTERFACE)
endif()

if(NOT DEFINED MODBTREE_RUST_TARGET)
    if(IDF_TARGET MATCHES "^esp32(s2|s3)?$")
        set(MODBTREE_RUST_TARGET xtensa-${IDF_TARGET}-none-elf)
    elseif(IDF_TARGET MATCHES "^esp32c[23]$")
        set(MODBTREE_RUST_TARGET riscv32imc-unknown-none-elf)
    elseif(IDF_TARGET STREQUAL "esp32p4")
        set(MODBTREE_RUST_TARGET riscv32imafc-unknown-none-elf)
    elseif(IDF_TARGET MATCHES "^esp32[ch]") # c5, c6, c61, h2
        set(MODBTREE_RUST_TARGET riscv32imac-unknown-none-elf)
    elseif(PICO_PLATFORM STREQUAL "rp2040")
        set(MODBTREE_RUST_TARGET thumbv6m-none-eabi)
    elseif(PICO_PLATFORM MATCHES "^rp2350.*riscv$")
        set(MODBTREE_RUST_TARGET riscv32imac-unknown-none-elf)
    elseif(PICO_PLATFORM MATCHES "^rp2350")
        # The Pico SDK passes floating-point numbers in the registers for integers.
        set(MODBTREE_RUST_TARGET thumbv8m.main-none-eabi)
    else()
        message(FATAL_ERROR "modbtree: which Rust target is this machine? Set MODBTREE_RUST_TARGET.")
    endif()
endif()
if(NOT DEFINED MODBTREE_PROFILE)
    set(MODBTREE_PROFILE firmware)
endif()
# Features and sources are those of the make ports.
file(READ ${MODBTREE_TOP}/micropython/rust.mk modbtree_rust_mk)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MODBTREE_TOP}/micropython/rust.mk)
string(REPLACE "\\\n" " " modbtree_rust_mk "${modbtree_rust_mk}")
function(modbtree_from_make name to)
    if(NOT modbtree_rust_mk MATCHES "\n${name} [?:]= ([^\n]+)")
        message(FATAL_ERROR "modbtree: no ${name} in micropython/rust.mk")
    endif()
    separate_arguments(words UNIX_COMMAND "${CMAKE_MATCH_1}")
    set(${to} ${words} PARENT_SCOPE)
endfunction()
modbtree_from_make(MODBTREE_SRC_C modbtree_sources)
if(DEFINED MODBTREE_FEATURES)
    separate_arguments(MODBTREE_FEATURES)
else()
    modbtree_from_make(MODBTREE_FEATURES MODBTREE_FEATURES)
endif()
if(NOT DEFINED MODBTREE_TARGET_DIR)
    set(MODBTREE_TARGET_DIR ${CMAKE_BINARY_DIR}/modbtree)
endif()

# Prints NAME=VALUE words for a shell.
if(NOT DEFINED MODBTREE_CARGO)
    execute_process(
        COMMAND sh ${MODBTREE_TOP}/tools/rust-target.sh ${MODBTREE_RUST_TARGET} ${MODBTREE_TARGET_DIR}
        OUTPUT_VARIABLE modbtree_words
        OUTPUT_STRIP_TRAILING_WHITESPACE
        RESULT_VARIABLE modbtree_result
    )
    if(NOT modbtree_result EQUAL 0)
        message(FATAL_ERROR "modbtree: cannot build Rust for ${MODBTREE_RUST_TARGET}, see above")
    endif()
    set(MODBTREE_CARGO cargo)
    separate_arguments(modbtree_words UNIX_COMMAND "${modbtree_words}")
    foreach(modbtree_word IN LISTS modbtree_words)
        string(REGEX MATCH "^([A-Z_]+)=(.*)$" modbtree_matched "${modbtree_word}")
        set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
    endforeach()
endif()
separate_arguments(MODBTREE_CARGO)
separate_arguments(MODBTREE_CARGO_FLAGS)

file(STRINGS ${MODBTREE_TOP}/Cargo.toml modbtree_line REGEX "^version = " LIMIT_COUNT 1)
string(REGEX REPLACE "^version = \"(.*)\"$" "\\1" MODBTREE_VERSION "${modbtree_line}")

# What bindgen needs to read MicroPython's headers. The settings of the port make no difference
# to the few numbers that the library takes from there.
set(modbtree_cflags -DMICROPY_ENABLE_DYNRUNTIME=1 -DMICROPY_USE_INTERNAL_ERRNO=1
    -DMP_CONFIGFILE=<mpconfig.h> -I${MODBTREE_TOP}/ports/natmod -DMODBTREE_SEES_ATOMIC=1)
# Nor does libclang know where a cross compiler has its headers.
separate_arguments(modbtree_flags UNIX_COMMAND "${CMAKE_C_FLAGS}")
execute_process(
    COMMAND ${CMAKE_C_COMPILER} ${modbtree_flags} -xc -E -v /dev/null
    OUTPUT_QUIET
    ERROR_VARIABLE modbtree_search
)
string(REGEX MATCHALL "\n /[^\n]*" modbtree_dirs "${modbtree_search}")
foreach(modbtree_dir IN LISTS modbtree_dirs)
    string(STRIP "${modbtree_dir}" modbtree_dir)
    if(IS_DIRECTORY "${modbtree_dir}")
        list(APPEND modbtree_cflags -isystem${modbtree_dir})
    endif()
endforeach()
if(MODBTREE_RUST_TARGET MATCHES "xtensa")
    # Most versions of libclang do not know Xtensa; types have the same sizes there.
    list(APPEND modbtree_cflags --target=riscv32-unknown-none-elf)
endif()

# A custom target has the name of a file, which cargo does not know, in the place of the target.
get_filename_component(modbtree_target_name ${MODBTREE_RUST_TARGET} NAME_WLE)
if(NOT MODBTREE_RUST_TARGET MATCHES "\\.json$")
    set(modbtree_target_name ${MODBTREE_RUST_TARGET})
endif()
list(JOIN modbtree_cflags " " modbtree_cflags)
list(JOIN MODBTREE_FEATURES " " modbtree_features)
set(modbtree_archive ${MODBTREE_TARGET_DIR}/${modbtree_target_name}/${MODBTREE_PROFILE}/libmodbtree.a)
set(modbtree_library ${CMAKE_BINARY_DIR}/libmodbtree.a)

set(modbtree_build ${CMAKE_COMMAND} -E env --unset=MAKEFLAGS
    MODBTREE_VERSION=${MODBTREE_VERSION}
    MICROPYTHON_DIR=${MICROPY_DIR}
    "MICROPYTHON_CFLAGS=${modbtree_cflags}"
    ${MODBTREE_CARGO} rustc --quiet --manifest-path ${MODBTREE_TOP}/Cargo.toml
    --lib --crate-type staticlib --profile ${MODBTREE_PROFILE}
    --no-default-features --features "micropython ${modbtree_features}"
    --target-dir ${MODBTREE_TARGET_DIR} --target ${MODBTREE_RUST_TARGET} ${MODBTREE_CARGO_FLAGS}
)
set(modbtree_pick ${CMAKE_COMMAND} -DAR=${CMAKE_AR} -DFROM=${modbtree_archive} -DTO=${modbtree_library})
if(MODBTREE_RUST_TARGET MATCHES "xtensa.*\\.json$")
    # Not Espressif's Rust: the C compiler is to make the object, see xtensa-object.py.
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    list(APPEND modbtree_build -- --emit=asm)
    list(APPEND modbtree_pick -DOBJECT=${CMAKE_BINARY_DIR}/modbtree_core.o -DPYTHON=${Python3_EXECUTABLE}
        -DCC=${CMAKE_C_COMPILER})
endif()

# cargo knows better than CMake what is up to date.
add_custom_target(modbtree_rust
    BYPRODUCTS ${modbtree_library}
    COMMAND ${modbtree_build}
    COMMAND ${modbtree_pick} -P ${MODBTREE_TOP}/micropython/own_objects.cmake
    COMMENT "Building modbtree for ${MODBTREE_RUST_TARGET}"
    VERBATIM
)

add_library(modbtree_core STATIC IMPORTED GLOBAL)
set_target_properties(modbtree_core PROPERTIES IMPORTED_LOCATION ${modbtree_library})
add_dependencies(modbtree_core modbtree_rust)

add_library(usermod_modbtree INTERFACE)
list(TRANSFORM modbtree_sources PREPEND ${MODBTREE_TOP}/)
target_sources(usermod_modbtree INTERFACE ${modbtree_sources})
target_include_directories(usermod_modbtree INTERFACE ${MODBTREE_TOP})
set(modbtree_definitions MODBTREE_VERSION="${MODBTREE_VERSION}")
foreach(modbtree_feature IN LISTS MODBTREE_FEATURES)
    string(TOUPPER MODBTREE_${modbtree_feature}=1 modbtree_feature)
    list(APPEND modbtree_definitions ${modbtree_feature})
endforeach()
target_compile_definitions(usermod_modbtree INTERFACE ${modbtree_definitions})
# mkrules.cmake looks for names in C files without the definitions of user modules.
list(APPEND MICROPY_CPP_DEF_EXTRA ${modbtree_definitions})
target_link_libraries(usermod_modbtree INTERFACE modbtree_core)
target_link_libraries(usermod INTERFACE usermod_modbtree)
