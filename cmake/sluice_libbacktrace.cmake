# libbacktrace reads the program's own debug information: for the names in backtraces (os/symbols_
# posix.cc). GCC brings it in its own folder, where clang on Linux looks for libraries too, but not
# for its header. Without it the names are those that the loader knows.
option(SLUICE_LIBBACKTRACE "Name functions and lines by libbacktrace, where GCC brings it" ON)

# Sets `result` to the folder with its header, or to nothing.
function(sluice_find_libbacktrace result)
  set(${result} "" PARENT_SCOPE)
  if(NOT SLUICE_LIBBACKTRACE OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    return()
  endif()
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-file-name=libbacktrace.a
      OUTPUT_VARIABLE library OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  cmake_path(GET library PARENT_PATH folder)
  if(NOT EXISTS "${library}" OR NOT EXISTS "${folder}/include/backtrace.h")
    message(STATUS "no libbacktrace: functions in backtraces are named by the loader")
    return()
  endif()
  set(copy "${PROJECT_BINARY_DIR}/third_party/libbacktrace")
  configure_file("${folder}/include/backtrace.h" "${copy}/backtrace.h" COPYONLY)
  set(${result} "${copy}" PARENT_SCOPE)
endfunction()
