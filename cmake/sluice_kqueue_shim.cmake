# The kqueue backend on systems without kqueue: compiled against tests/support/sys/event.h and
# linked into the test binaries, where SLUICE_POLLER=kqueue-shim names it. The library is untouched.
#
# -DSLUICE_LIBKQUEUE_DIR=PREFIX takes libkqueue, installed there, in the shim's place. It loses
# edges (docs/design/0012), so a failure over it is not one of the backend's yet.
set(SLUICE_LIBKQUEUE_DIR "" CACHE PATH "Run the kqueue backend over libkqueue from here, in tests")

if("kqueue" IN_LIST sluice_pollers_${CMAKE_SYSTEM_NAME} OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()

file(GLOB shim_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.cc")
list(FILTER shim_sources EXCLUDE REGEX "_test[.]cc$")
if(SLUICE_LIBKQUEUE_DIR)
  set(shim_sources)
endif()
add_library(sluice_kqueue_shim OBJECT ${shim_sources}
    "${PROJECT_SOURCE_DIR}/src/os/kqueue_bsd.cc"
    "${PROJECT_SOURCE_DIR}/src/os/kqueue_bell_bsd.cc"
    "${PROJECT_SOURCE_DIR}/src/poller/poller_kqueue.cc")
sluice_dress_internal(sluice_kqueue_shim)
target_link_libraries(sluice_kqueue_shim PUBLIC sluice)
if(SLUICE_LIBKQUEUE_DIR)
  find_library(SLUICE_LIBKQUEUE kqueue PATHS "${SLUICE_LIBKQUEUE_DIR}" PATH_SUFFIXES lib
      NO_DEFAULT_PATH REQUIRED)
  target_include_directories(sluice_kqueue_shim SYSTEM PUBLIC
      "${SLUICE_LIBKQUEUE_DIR}/include/kqueue")
  target_link_libraries(sluice_kqueue_shim PUBLIC "${SLUICE_LIBKQUEUE}")
else()
  target_include_directories(sluice_kqueue_shim SYSTEM PUBLIC "${PROJECT_SOURCE_DIR}/tests/support")
endif()
