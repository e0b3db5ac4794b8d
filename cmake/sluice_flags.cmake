# How our own targets are compiled. Everything here is private to our targets: a program that links
# sluice gets the include folder, C++23 and threads, nothing else.

# A compiler cache hits in another clone only if no absolute path enters its key: the source folder
# is the base, the build folder is not hashed, and the prefix map takes the paths out of the output.
if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SLUICE_CCACHE ccache)
  if(SLUICE_CCACHE)
    set(launcher env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${SLUICE_CCACHE}")
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  endif()
endif()

# Sanitizers hold for the whole folder, GoogleTest and llhttp included; never for a parent project.
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    # The check of dynamic types probes memory through a pipe; without a free descriptor, which
    # tests bring about, it takes every object for a broken one.
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

set(SLUICE_PREFIX_MAP "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
set(SLUICE_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety> $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
# No frame of ours may jump over a stack guard (stack-clash protection), and every resume label must
# be a legal landing pad (cf-protection, branch-protection).
set(SLUICE_HARDENING -fstack-clash-protection)
if(APPLE)
  # Its compilers have no such protection: there a frame larger than the guard can jump over it.
  set(SLUICE_HARDENING)
endif()
if(WIN32)
  # The convention itself touches every page of a frame, and there are no landing pads.
  set(SLUICE_HARDENING)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  list(APPEND SLUICE_HARDENING -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  list(APPEND SLUICE_HARDENING -mbranch-protection=standard)
endif()

# clang's library has std::jthread behind a flag, in some versions. Whoever includes our headers
# needs the flag as well.
set(SLUICE_LIBRARY_FLAGS)
if(APPLE OR CMAKE_SYSTEM_NAME MATCHES "BSD")
  include(CheckCXXSourceCompiles)
  set(CMAKE_CXX_STANDARD 23)
  set(jthread "#include <thread>\nint main() { std::jthread made([] {}); }")
  check_cxx_source_compiles("${jthread}" SLUICE_JTHREAD_IS_THERE)
  if(NOT SLUICE_JTHREAD_IS_THERE)
    set(SLUICE_LIBRARY_FLAGS -fexperimental-library)
  endif()
  unset(CMAKE_CXX_STANDARD)
endif()

if(WIN32)
  # Windows 10, for what a completion port and a futex need; and no macros named min and max.
  add_compile_definitions(_WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN NOMINMAX)
  set(SLUICE_WINDOWS_LIBRARIES ws2_32 mswsock synchronization ntdll)
endif()

# Gives `target` our warnings and sees to it that it may include what lies in src/.
function(sluice_dress_internal target)
  target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:${SLUICE_WARNINGS}> ${SLUICE_PREFIX_MAP} ${SLUICE_HARDENING})
  target_compile_definitions(${target} PRIVATE
      SLUICE_STATIC_GUARD=$<BOOL:${SLUICE_STATIC_GUARD}>
      $<$<BOOL:${SLUICE_MIGRATE}>:SLUICE_MIGRATE=1>)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_compile_features(${target} PUBLIC cxx_std_23)
  if(SLUICE_LIBRARY_FLAGS)
    target_compile_options(${target} PUBLIC
        $<$<COMPILE_LANGUAGE:CXX>:${SLUICE_LIBRARY_FLAGS}>)
    target_link_options(${target} PUBLIC ${SLUICE_LIBRARY_FLAGS})
  endif()
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()

# Dresses one of the libraries that programs link.
function(sluice_dress_library target)
  sluice_dress_internal(${target})
  target_include_directories(${target} PUBLIC
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
      "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} PUBLIC Threads::Threads)
  if(WIN32)
    target_link_libraries(${target} PUBLIC ${SLUICE_WINDOWS_LIBRARIES})
  endif()
  set_target_properties(${target} PROPERTIES
      POSITION_INDEPENDENT_CODE ON
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
