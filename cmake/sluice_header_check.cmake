# Compiles every header alone, and twice in one file, so that each brings what it uses. Public
# headers see nothing but include/. A target like any other, so that ninja redoes only what changed.

# Makes the object library `target` with one source per header of `files`, named from below `base`.
function(sluice_check_headers target base files)
  set(stubs)
  foreach(file IN LISTS files)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${base}" OUTPUT_VARIABLE name)
    set(stub "${PROJECT_BINARY_DIR}/headers/${target}/${name}.cc")
    file(CONFIGURE OUTPUT "${stub}" CONTENT "#include \"${name}\"\n#include \"${name}\"\n")
    list(APPEND stubs "${stub}")
  endforeach()
  if(stubs)
    add_library(${target} OBJECT ${stubs})
    target_compile_features(${target} PRIVATE cxx_std_23)
    target_compile_options(${target} PRIVATE ${SLUICE_WARNINGS})
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include")
  endif()
endfunction()

file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/*.h")
sluice_check_headers(sluice_public_headers "${PROJECT_SOURCE_DIR}/include" "${headers}")

file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.h")
sluice_pick_platform_files(headers)
if(NOT TARGET sluice_http)
  list(FILTER headers EXCLUDE REGEX "/src/http/")
endif()
sluice_check_headers(sluice_private_headers "${PROJECT_SOURCE_DIR}/src" "${headers}")
if(TARGET sluice_private_headers)
  sluice_dress_internal(sluice_private_headers)
  # Test fixtures and the poller's conformance suite include GoogleTest.
  target_link_libraries(sluice_private_headers PRIVATE $<TARGET_NAME_IF_EXISTS:sluice_gtest>)
  if(TARGET sluice_http)
    sluice_see_llhttp(sluice_private_headers)
  endif()
endif()
