# One test binary per layer, from the x_test.cc files beside the code, and one black-box binary from
# tests/*.cc. A layer without tests has no binary. What only one system can do is in a file with its
# suffix, as in the library: x_posix_test.cc, poller_epoll_test.cc.
#
# GoogleTest is compiled here where its sources are, as Debian has them: a sanitizer must see all of
# the program, and an installed libgtest was built by another compiler. Elsewhere it is found.
include(GoogleTest)
enable_testing()

set(SLUICE_GOOGLETEST_DIR "/usr/src/googletest" CACHE PATH "GoogleTest's sources")
# A library of its own for main, so that src/testing may bring another one.
if(EXISTS "${SLUICE_GOOGLETEST_DIR}/googletest/src/gtest-all.cc")
  set(gtest "${SLUICE_GOOGLETEST_DIR}/googletest")
  set(gmock "${SLUICE_GOOGLETEST_DIR}/googlemock")
  add_library(sluice_gtest STATIC EXCLUDE_FROM_ALL
      "${gtest}/src/gtest-all.cc" "${gmock}/src/gmock-all.cc")
  target_include_directories(sluice_gtest SYSTEM PUBLIC "${gtest}/include" "${gmock}/include"
      PRIVATE "${gtest}" "${gmock}")
  target_compile_features(sluice_gtest PUBLIC cxx_std_23)
  target_compile_options(sluice_gtest PRIVATE -w)
  target_link_libraries(sluice_gtest PUBLIC Threads::Threads)
  add_library(sluice_gtest_main STATIC EXCLUDE_FROM_ALL "${gmock}/src/gmock_main.cc")
  target_link_libraries(sluice_gtest_main PUBLIC sluice_gtest)
else()
  find_package(GTest CONFIG)
  if(NOT TARGET GTest::gmock)
    message(FATAL_ERROR
        "The tests need GoogleTest: its sources in SLUICE_GOOGLETEST_DIR=${SLUICE_GOOGLETEST_DIR}, "
        "or a package that CMake finds. On Debian: tools/install_deps.sh test. Without tests: "
        "-DSLUICE_TESTS=OFF.")
  endif()
  add_library(sluice_gtest INTERFACE)
  target_link_libraries(sluice_gtest INTERFACE GTest::gmock GTest::gtest)
  add_library(sluice_gtest_main INTERFACE)
  target_link_libraries(sluice_gtest_main INTERFACE GTest::gmock_main sluice_gtest)
endif()

file(GLOB support_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/src/testing/*.cc"
    "${PROJECT_SOURCE_DIR}/src/poller/poller_fake.cc"
    "${PROJECT_SOURCE_DIR}/src/poller/poller_lying.cc")
list(FILTER support_sources EXCLUDE REGEX "_test[.]cc$")
sluice_keep_platform_files(support_sources)
if(APPLE)
  # macOS's headers hide the ucontext functions from everyone else, and call them deprecated.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/testing/model_coroutine_posix.cc"
      PROPERTIES COMPILE_DEFINITIONS "_XOPEN_SOURCE=700;_DARWIN_C_SOURCE"
      COMPILE_OPTIONS -Wno-deprecated-declarations)
endif()
if(CMAKE_SYSTEM_NAME MATCHES "BSD")
  # backtrace() is no part of the C library there.
  target_link_libraries(sluice_gtest INTERFACE execinfo)
endif()
include(cmake/sluice_kqueue_shim.cmake)
if(support_sources)
  # Objects, since one of them (test_pollers_SYSTEM.cc) is there for what its beginning does.
  add_library(sluice_testing OBJECT ${support_sources})
  sluice_dress_internal(sluice_testing)
  target_link_libraries(sluice_testing PUBLIC sluice sluice_gtest)
endif()

# Makes one test binary from `ARGN`; does nothing without sources.
function(sluice_add_test name)
  if(NOT ARGN)
    return()
  endif()
  add_executable(${name} ${ARGN})
  sluice_dress_internal(${name})
  target_link_libraries(${name} PRIVATE
      $<TARGET_NAME_IF_EXISTS:sluice_testing> $<TARGET_NAME_IF_EXISTS:sluice_http> sluice
      $<TARGET_NAME_IF_EXISTS:sluice_kqueue_shim> sluice_gtest sluice_gtest_main)
  if(TARGET sluice_http)
    sluice_see_llhttp(${name})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
      PROPERTIES TIMEOUT 120 LABELS ${name})
endfunction()

foreach(layer IN LISTS SLUICE_LAYERS ITEMS testing)
  file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${layer}/*_test.cc")
  sluice_keep_platform_files(tests)
  if(layer STREQUAL "poller" AND TARGET sluice_kqueue_shim)
    list(APPEND tests "${PROJECT_SOURCE_DIR}/src/poller/poller_kqueue_test.cc")
  endif()
  sluice_add_test(${layer}_test ${tests})
endforeach()
if(TARGET sluice_http)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/http/*_test.cc")
  sluice_keep_platform_files(tests)
  sluice_add_test(http_test ${tests})
endif()
file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*.cc")
if(NOT TARGET sluice_http)
  list(FILTER tests EXCLUDE REGEX "/http[a-z0-9_]*[.]cc$")
endif()
sluice_keep_platform_files(tests)
sluice_add_test(black_box_test ${tests})
if(TARGET sluice_kqueue_shim AND NOT SLUICE_LIBKQUEUE_DIR)
  sluice_add_test(kqueue_shim_test "${PROJECT_SOURCE_DIR}/tests/support/kqueue_shim_test.cc")
endif()

# The examples are started and spoken to by real clients: tests/examples/NAME.sh gets the build
# folder, once examples/NAME.cc is there.
file(GLOB scripts CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/examples/*.sh")
list(JOIN CMAKE_CROSSCOMPILING_EMULATOR " " emulator)
foreach(script IN LISTS scripts)
  cmake_path(GET script STEM name)
  if(TARGET examples_${name})
    add_test(NAME example.${name} COMMAND bash "${script}" "${PROJECT_BINARY_DIR}")
    set_tests_properties(example.${name} PROPERTIES TIMEOUT 120 LABELS examples ENVIRONMENT
        "SLUICE_EMULATOR=${emulator};SLUICE_EXECUTABLE_SUFFIX=${CMAKE_EXECUTABLE_SUFFIX}")
  endif()
endforeach()

# The programs that the pages in docs/ show: each checks itself. One that speaks to a server by a
# library of somebody else's is started by its script, where there is such a library.
file(GLOB guides CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/guide/*.cc")
set(redis_guide "${PROJECT_SOURCE_DIR}/tests/guide/redis.cc")
list(REMOVE_ITEM guides "${redis_guide}")
sluice_add_programs(guide ${guides})
foreach(file IN LISTS guides)
  cmake_path(GET file STEM name)
  add_test(NAME guide.${name} COMMAND guide_${name})
  set_tests_properties(guide.${name} PROPERTIES TIMEOUT 120 LABELS examples)
endforeach()

if(NOT CMAKE_CROSSCOMPILING)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME trace.file COMMAND Python3::Interpreter
      "${PROJECT_SOURCE_DIR}/tests/trace/check.py" "$<TARGET_FILE:guide_trace>")
  set_tests_properties(trace.file PROPERTIES TIMEOUT 120 LABELS examples)
  find_path(SLUICE_HIREDIS_HEADERS hiredis/hiredis.h)
  find_library(SLUICE_HIREDIS_LIBRARY hiredis)
endif()
if(SLUICE_HIREDIS_HEADERS AND SLUICE_HIREDIS_LIBRARY)
  sluice_add_programs(guide "${redis_guide}")
  target_include_directories(guide_redis SYSTEM PRIVATE "${SLUICE_HIREDIS_HEADERS}")
  target_link_libraries(guide_redis PRIVATE "${SLUICE_HIREDIS_LIBRARY}")
  add_test(NAME guide.redis
      COMMAND bash "${PROJECT_SOURCE_DIR}/tests/guide/redis.sh" "${PROJECT_BINARY_DIR}")
else()
  add_test(NAME guide.redis COMMAND ${CMAKE_COMMAND} -E echo
      "SKIPPED: there is no hiredis for this build (Debian: libhiredis-dev)")
endif()
set_tests_properties(guide.redis PROPERTIES TIMEOUT 120 LABELS examples
    SKIP_REGULAR_EXPRESSION "SKIPPED:")

# `make c10k` in small. Not under sanitizers, which have the server's own tests: the client and a
# thread for each connection are no part of the library.
if(TARGET bench_c10k_clients AND TARGET examples_echo_server AND NOT SLUICE_SANITIZE)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(smoke "${PROJECT_SOURCE_DIR}/bench/c10k_smoke.py")
  add_test(NAME bench.c10k COMMAND Python3::Interpreter "${smoke}" "${PROJECT_BINARY_DIR}")
  set_tests_properties(bench.c10k PROPERTIES TIMEOUT 120 LABELS examples)
endif()

# tools/gdb/sluice.py, on a live process and on core files. Not under sanitizers: their terabytes of
# address space are too much for a core file.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT CMAKE_CROSSCOMPILING AND NOT SLUICE_SANITIZE)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  sluice_add_programs(gdb "${PROJECT_SOURCE_DIR}/tests/gdb/known_fibers.cc")
  foreach(part IN ITEMS process core refusals)
    add_test(NAME gdb.${part} COMMAND Python3::Interpreter "${PROJECT_SOURCE_DIR}/tests/gdb/run.py"
        ${part} $<TARGET_FILE:gdb_known_fibers>)
    set_tests_properties(gdb.${part} PROPERTIES TIMEOUT 120 LABELS gdb SKIP_RETURN_CODE 77)
  endforeach()
elseif(SLUICE_SANITIZE)
  message(STATUS "NOT TESTED under sanitizers: tools/gdb/sluice.py")
endif()
