# cmake -DAR=... -DFROM=... -DTO=... -P own_objects.cmake: copies an archive of Rust's without
# what comes with Rust. memcpy() and the like are then those of the firmware, which are often
# smaller or in ROM. With -DOBJECT=... our part is made by xtensa-object.py, and by a compiler CC.

set(copy ${TO}.new)
file(REMOVE ${copy})
if(OBJECT)
    execute_process(
        COMMAND ${PYTHON} ${CMAKE_CURRENT_LIST_DIR}/xtensa-object.py ${FROM} ${OBJECT} ${CC}
        COMMAND_ERROR_IS_FATAL ANY
    )
    execute_process(COMMAND ${AR} crs ${copy} ${OBJECT} COMMAND_ERROR_IS_FATAL ANY)
else()
    execute_process(COMMAND ${AR} t ${FROM} OUTPUT_VARIABLE members COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "[^\r\n]+" members "${members}")
    list(FILTER members EXCLUDE REGEX "^modbtree-")
    configure_file(${FROM} ${copy} COPYONLY)
    if(members)
        execute_process(COMMAND ${AR} d ${copy} ${members} COMMAND_ERROR_IS_FATAL ANY)
    endif()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${copy} ${TO} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${copy})
