# SPDX-License-Identifier: Apache-2.0
# shoal_layer(NAME LINKS ... PCH ... SOURCES ...) makes the static library
# shoal_NAME of all sources in the current folder and those given;
# shoal_program(NAME SOURCES ...) makes an executable with the same rules.

if(SHOAL_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=null
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(SHOAL_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

find_program(SHOAL_CCACHE ccache)
if(SHOAL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${SHOAL_CCACHE})
endif()

option(SHOAL_UNITY "Compile the sources of a layer in batches, which is four times as fast from scratch" ON)

# Most of the time to compile a small file goes into headers and what they instantiate; sources of
# a batch share that. To see whether each file stands alone: -DSHOAL_UNITY=OFF.
function(shoal_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SHOAL_UNITY} UNITY_BUILD_BATCH_SIZE 6)
  if(SHOAL_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC takes an included source for a header, whose anonymous types would be each includer's own.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  elseif(SHOAL_UNITY)
    # Clang minds also names of a neighbour's anonymous namespace; GCC sees those that matter.
    target_compile_options(${target} PRIVATE -Wno-shadow)
  endif()
endfunction()

function(shoal_compile_rules target)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PUBLIC
    SHOAL_VERSION="${PROJECT_VERSION}" SPDLOG_COMPILED_LIB
    BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_USE_STD_STRING_VIEW)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
  # GCC 12 reports impossible overflows inside its own string and Asio code.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE
      -fcoroutines -Wno-restrict -Wno-maybe-uninitialized -fpch-preprocess)
    if(SHOAL_SANITIZE)
      target_compile_options(${target} PRIVATE -Wno-error)
    endif()
  else()
    # Clang counts changes of sign as conversions, GCC does not.
    target_compile_options(${target} PRIVATE -Wno-sign-conversion)
  endif()
endfunction()

# Boost 1.74's asio/awaitable.hpp forgets to include <utility>. Forced before a
# precompiled header, an include would switch that header off without a word.
function(shoal_precompile target)
  if(ARGN)
    target_precompile_headers(${target} PRIVATE <utility> ${ARGN})
  else()
    target_compile_options(${target} PRIVATE -include utility)
  endif()
endfunction()

function(shoal_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PCH" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(APPEND sources ${ARG_SOURCES})
  if(NOT sources) # A layer of headers so far.
    add_library(shoal_${name} INTERFACE)
    target_link_libraries(shoal_${name} INTERFACE ${ARG_LINKS})
    return()
  endif()
  add_library(shoal_${name} STATIC ${sources})
  shoal_compile_rules(shoal_${name})
  shoal_unity(shoal_${name})
  target_link_libraries(shoal_${name} PUBLIC ${ARG_LINKS})
  shoal_precompile(shoal_${name} ${ARG_PCH})
endfunction()

function(shoal_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PCH" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  shoal_compile_rules(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  shoal_precompile(${name} ${ARG_PCH})
endfunction()
