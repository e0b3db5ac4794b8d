# What `cmake --install` lays down: libraries, headers, gdb's commands, the CMake package and
# pkg-config files. The result can be moved: nothing in it names the prefix that was configured.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sluice")
file(RELATIVE_PATH relative_prefix
    "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" relative_prefix "${relative_prefix}")

# Installs `target` with its package file and its pkg-config file, both called `name`.
function(sluice_install_library target name)
  install(TARGETS ${target} EXPORT ${name}-targets)
  install(EXPORT ${name}-targets NAMESPACE sluice:: DESTINATION "${package_dir}")
  configure_file(
      "${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

sluice_install_library(sluice sluice)
if(TARGET sluice_http)
  sluice_install_library(sluice_http sluice-http)
else()
  set(without_http PATTERN "http*" EXCLUDE)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/sluice" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h" ${without_http})

install(FILES "${PROJECT_SOURCE_DIR}/tools/gdb/sluice.py"
    "${PROJECT_SOURCE_DIR}/tools/gdb/sluice_fibers.py"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/sluice/gdb")

configure_package_config_file(
    cmake/sluice-config.cmake.in "${PROJECT_BINARY_DIR}/sluice-config.cmake"
    INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sluice-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sluice-config.cmake"
    "${PROJECT_BINARY_DIR}/sluice-config-version.cmake" DESTINATION "${package_dir}")
