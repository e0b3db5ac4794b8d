# The examples and the benchmarks: one program per file, into BUILD/examples and BUILD/bench.

# Makes the program `folder`/NAME from each of the files in ARGN.
function(sluice_add_programs folder)
  foreach(file IN LISTS ARGN)
    cmake_path(GET file STEM name)
    if(name MATCHES "^http" AND NOT TARGET sluice_http)
      continue()
    endif()
    set(target ${folder}_${name})
    add_executable(${target} "${file}")
    sluice_dress_program(${target} ${folder} ${name})
    if(name MATCHES "^http")
      target_link_libraries(${target} PRIVATE sluice::http)
    endif()
    if(name MATCHES "^asio")
      target_include_directories(${target} SYSTEM PRIVATE "${SLUICE_ASIO_DIR}")
    endif()
  endforeach()
endfunction()

# Examples are compiled as a user's program is: without src/, but with our warnings.
function(sluice_dress_program target folder name)
  target_link_libraries(${target} PRIVATE sluice::sluice)
  target_compile_options(${target} PRIVATE ${SLUICE_WARNINGS} ${SLUICE_PREFIX_MAP})
  set_target_properties(${target} PROPERTIES
      OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${folder}"
      CXX_EXTENSIONS OFF)
  if(folder STREQUAL "bench")
    target_include_directories(${target} PRIVATE
        "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/bench" "${PROJECT_SOURCE_DIR}/examples")
  endif()
endfunction()

if(SLUICE_EXAMPLES)
  file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cc")
  sluice_add_programs(examples ${examples})
endif()

# `make c10k` builds these by name, without the benchmarks and what they need. They belong to "all"
# where benchmarks are wanted, or the test that runs them in small.
# Like all of bench/ they are written for Linux.
set(c10k)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(c10k "${PROJECT_SOURCE_DIR}/bench/c10k_clients.cc"
      "${PROJECT_SOURCE_DIR}/bench/thread_echo.cc")
endif()
sluice_add_programs(bench ${c10k})
if(c10k AND NOT SLUICE_BENCHMARKS AND NOT SLUICE_TESTS)
  set_target_properties(bench_c10k_clients bench_thread_echo PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

if(SLUICE_BENCHMARKS)
  file(GLOB benchmarks CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cc")
  list(REMOVE_ITEM benchmarks ${c10k})
  find_path(SLUICE_ASIO_DIR asio.hpp DOC "Asio's headers, the stand-alone form")
  if(NOT SLUICE_ASIO_DIR)
    message(WARNING "NOT COMPARED WITH ASIO: no asio.hpp was found (Debian: libasio-dev)")
    list(FILTER benchmarks EXCLUDE REGEX "/asio_[a-z0-9_]*[.]cc$")
  endif()
  sluice_add_programs(bench ${benchmarks})
  foreach(target IN ITEMS bench_asio_echo bench_asio_http)
    if(TARGET ${target})
      # g++ 12 takes the allocator of Asio's coroutine frames for a mismatched pair.
      target_compile_options(${target} PRIVATE
          $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
    endif()
  endforeach()

  # bench/micro/*.cc and every x_bench.cc beside the code make one Google Benchmark program.
  file(GLOB_RECURSE micro CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*_bench.cc")
  file(GLOB micro_own CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/micro/*.cc")
  if(NOT TARGET sluice_http)
    list(FILTER micro EXCLUDE REGEX "/src/http/")
  endif()
  if(micro OR micro_own)
    find_package(benchmark REQUIRED)
    add_executable(bench_micro ${micro} ${micro_own})
    sluice_dress_program(bench_micro bench micro)
    target_link_libraries(bench_micro PRIVATE
        $<TARGET_NAME_IF_EXISTS:sluice_http> benchmark::benchmark benchmark::benchmark_main)
  endif()
endif()
