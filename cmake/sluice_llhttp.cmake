# Puts llhttp's three C files into sluice_http, or links the system's llhttp. They are private: no
# public header names llhttp, and a shared sluice_http does not export its symbols, so a program may
# bring an llhttp of its own.
enable_language(C)

set(llhttp_hints
    "${SLUICE_LLHTTP_DIR}/usr/share/include/llhttp" "${SLUICE_LLHTTP_DIR}/usr/share/llhttp"
    "${SLUICE_LLHTTP_DIR}/include" "${SLUICE_LLHTTP_DIR}/src")
find_path(llhttp_include llhttp.h PATHS ${llhttp_hints} NO_DEFAULT_PATH NO_CACHE)
find_path(llhttp_sources llhttp.c PATHS ${llhttp_hints} NO_DEFAULT_PATH NO_CACHE)
if(NOT llhttp_include OR NOT llhttp_sources)
  # Elsewhere than on Debian 12 the system has a library of it. Since 9.0 it is strict by itself; an
  # older one may have been built lenient, which nobody can see.
  find_path(llhttp_include llhttp.h NO_CACHE)
  find_library(llhttp_library llhttp NO_CACHE)
  if(llhttp_include AND llhttp_library)
    file(STRINGS "${llhttp_include}/llhttp.h" llhttp_version REGEX "LLHTTP_VERSION_MAJOR +[0-9]+")
    string(REGEX REPLACE "[^0-9]" "" llhttp_version "${llhttp_version}")
  endif()
  if(NOT llhttp_version GREATER_EQUAL 9)
    message(FATAL_ERROR
        "sluice::http needs the sources of llhttp 8.1 or later, and there are none in\n"
        "  SLUICE_LLHTTP_DIR=${SLUICE_LLHTTP_DIR}\n"
        "nor is there an installed llhttp 9. On Debian: tools/fetch_llhttp.sh. Elsewhere install "
        "llhttp (Homebrew, FreeBSD's ports), or unpack a source release and give its folder as "
        "-DSLUICE_LLHTTP_DIR=... Without HTTP: -DSLUICE_HTTP=OFF.")
  endif()
endif()

# Lets `target`, and nobody who links it, include "llhttp.h".
function(sluice_see_llhttp target)
  target_include_directories(${target} SYSTEM PRIVATE "${llhttp_include}")
  # Strict mode refuses a space before the colon and a chunk body without its CRLF.
  target_compile_definitions(${target} PRIVATE LLHTTP_STRICT_MODE=1)
endfunction()

function(sluice_add_llhttp target)
  sluice_see_llhttp(${target})
  if(NOT llhttp_sources)
    target_link_libraries(${target} PRIVATE "${llhttp_library}")
    # For the pkg-config file.
    set(llhttp_link "${llhttp_library}" PARENT_SCOPE)
    return()
  endif()
  set(files "${llhttp_sources}/llhttp.c" "${llhttp_sources}/api.c" "${llhttp_sources}/http.c")
  # Somebody else's warnings are not ours to see.
  set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "-w")
  target_sources(${target} PRIVATE ${files})
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden)
endfunction()
