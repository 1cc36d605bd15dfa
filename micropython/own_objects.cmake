# cmake -DAR=... -DFROM=... -DTO=... -P own_objects.cmake: copies an archive of Rust's without
# what comes with Rust. memcpy() and the like are then those of the firmware, which are often
# smaller or in ROM.

execute_process(COMMAND ${AR} t ${FROM} OUTPUT_VARIABLE members COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "\n" ";" members "${members}")
list(FILTER members EXCLUDE REGEX "^modbtree-|^$")
set(copy ${TO}.new)
configure_file(${FROM} ${copy} COPYONLY)
if(members)
    execute_process(COMMAND ${AR} d ${copy} ${members} COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${copy} ${TO} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${copy})
