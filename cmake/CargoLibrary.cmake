# Runs cargo and describes what it makes as the imported target remotemedia::remotemedia.

# The name that the loader looks for; its number is the major version of the ABI (runtime/capi/build.rs sets it).
set(REMOTEMEDIA_SONAME libremotemedia.so.1)

# Adds the build step and the target. What decides the outcome:
#   REMOTEMEDIA_CARGO_PROFILE     "release" or "dev"; by default "dev" for CMAKE_BUILD_TYPE=Debug, else "release"
#   REMOTEMEDIA_CARGO_TARGET_DIR  cargo's target folder; by default that of the source tree when this is the top-level
#                                 project (or $CARGO_TARGET_DIR), else one in the binary folder
#   REMOTEMEDIA_LIBRARY           a shared library that was built already; then cargo is not asked
#   REMOTEMEDIA_VAD_WEIGHTS       the weights of the speech detector; by default .build/weights/silero_vad.f32, which is
#                                 fetched if it is not there
function(remotemedia_add_cargo_library)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    message(FATAL_ERROR "remotemedia builds on Linux so far, not on ${CMAKE_SYSTEM_NAME}: use a Linux machine or a container.")
  endif()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/lib)
  file(MAKE_DIRECTORY ${folder})
  add_library(remotemedia::remotemedia SHARED IMPORTED GLOBAL)
  set_target_properties(remotemedia::remotemedia PROPERTIES
    IMPORTED_LOCATION ${folder}/${REMOTEMEDIA_SONAME}
    IMPORTED_SONAME ${REMOTEMEDIA_SONAME}
    INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include;${PROJECT_SOURCE_DIR}/bindings/cpp/include")

  set(REMOTEMEDIA_LIBRARY "" CACHE FILEPATH "A libremotemedia.so that was built already; empty: cargo builds it")
  if(REMOTEMEDIA_LIBRARY)
    configure_file(${REMOTEMEDIA_LIBRARY} ${folder}/${REMOTEMEDIA_SONAME} COPYONLY)
    file(CREATE_LINK ${REMOTEMEDIA_SONAME} ${folder}/libremotemedia.so SYMBOLIC)
    return()
  endif()

  find_program(CARGO_EXECUTABLE cargo DOC "Rust's build tool")
  if(NOT CARGO_EXECUTABLE)
    message(FATAL_ERROR "`cargo` was not found on PATH: install Rust from https://rustup.rs, or set CARGO_EXECUTABLE.")
  endif()

  set(profile release)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(profile dev)
  endif()
  set(REMOTEMEDIA_CARGO_PROFILE "" CACHE STRING "Cargo profile: release or dev; empty: by CMAKE_BUILD_TYPE")
  if(REMOTEMEDIA_CARGO_PROFILE)
    set(profile ${REMOTEMEDIA_CARGO_PROFILE})
  endif()
  set(profile_folder ${profile})
  if(profile STREQUAL "dev")
    set(profile_folder debug)
  endif()

  set(target_dir ${CMAKE_CURRENT_BINARY_DIR}/cargo)
  if(REMOTEMEDIA_IS_TOP_LEVEL)
    set(target_dir ${PROJECT_SOURCE_DIR}/target)
    if(DEFINED ENV{CARGO_TARGET_DIR})
      get_filename_component(target_dir "$ENV{CARGO_TARGET_DIR}" ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
    endif()
  endif()
  set(REMOTEMEDIA_CARGO_TARGET_DIR ${target_dir} CACHE PATH "Cargo's target folder")

  set(REMOTEMEDIA_VAD_WEIGHTS "$ENV{REMOTEMEDIA_VAD_WEIGHTS}" CACHE FILEPATH "Weights of the speech detector; empty: fetched")
  set(weights)
  set(cure "run `python3 build.py weights`, or set REMOTEMEDIA_VAD_WEIGHTS to the file")
  if(REMOTEMEDIA_VAD_WEIGHTS)
    if(NOT EXISTS ${REMOTEMEDIA_VAD_WEIGHTS})
      message(FATAL_ERROR "REMOTEMEDIA_VAD_WEIGHTS names ${REMOTEMEDIA_VAD_WEIGHTS}, which is no file: ${cure}.")
    endif()
    get_filename_component(file ${REMOTEMEDIA_VAD_WEIGHTS} ABSOLUTE BASE_DIR ${CMAKE_BINARY_DIR})
    # Only where it was chosen: cargo builds anew when this variable changes.
    set(weights REMOTEMEDIA_VAD_WEIGHTS=${file})
  elseif(NOT EXISTS ${PROJECT_SOURCE_DIR}/.build/weights/silero_vad.f32)
    find_program(REMOTEMEDIA_PYTHON NAMES python3 python DOC "Fetches the weights of the speech detector")
    execute_process(
      COMMAND ${REMOTEMEDIA_PYTHON} ${PROJECT_SOURCE_DIR}/build.py weights
      RESULT_VARIABLE result OUTPUT_QUIET)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "The weights of the speech detector could not be fetched: ${cure}.")
    endif()
  endif()

  set(built ${REMOTEMEDIA_CARGO_TARGET_DIR}/${profile_folder}/libremotemedia.so)

  # Panics carry the path of the source that they come from: a name in place of this machine's folder of crates.
  # tools/native.py says the same, so that both share what cargo has built.
  string(ASCII 31 separator)
  set(flags "$ENV{CARGO_ENCODED_RUSTFLAGS}")
  if(NOT flags)
    separate_arguments(given UNIX_COMMAND "$ENV{RUSTFLAGS}")
    list(JOIN given "${separator}" flags)
  endif()
  set(cargo_home "$ENV{HOME}/.cargo")
  if(NOT "$ENV{CARGO_HOME}" STREQUAL "")
    get_filename_component(cargo_home "$ENV{CARGO_HOME}" ABSOLUTE)
  endif()
  list(APPEND flags --remap-path-prefix=${cargo_home}=/cargo)
  list(JOIN flags "${separator}" flags)
  string(STRIP "$ENV{CFLAGS} -ffile-prefix-map=${cargo_home}=/cargo" c_flags)

  # Cargo knows better than any build tool what is out of date, so it is asked every time; it takes a fraction of a second.
  add_custom_target(remotemedia_cargo ALL
    COMMAND ${CMAKE_COMMAND} -E env --unset=CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS=${flags}
            CFLAGS=${c_flags} CMAKE=${CMAKE_COMMAND} ${weights}
            ${CARGO_EXECUTABLE} build --locked --package remotemedia-capi --lib
            --profile ${profile} --target-dir ${REMOTEMEDIA_CARGO_TARGET_DIR}
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${built} ${folder}/${REMOTEMEDIA_SONAME}
    COMMAND ${CMAKE_COMMAND} -E create_symlink ${REMOTEMEDIA_SONAME} ${folder}/libremotemedia.so
    BYPRODUCTS ${folder}/${REMOTEMEDIA_SONAME} ${folder}/libremotemedia.so
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    COMMENT "cargo build (profile ${profile})"
    USES_TERMINAL
    VERBATIM)

  add_dependencies(remotemedia::remotemedia remotemedia_cargo)
endfunction()
