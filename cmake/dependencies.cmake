# SPDX-License-Identifier: Apache-2.0
# Every dependency is a Debian 12 package; deploy/lib/packages.sh lists them.

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(CURL REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(LIBTORRENT REQUIRED IMPORTED_TARGET libtorrent-rasterbar)
pkg_check_modules(MAXMINDDB REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# Debian's CAF ships neither a CMake config nor a pkg-config file.
if(SHOAL_CAF_ROOT)
  # A CAF rebuilt with ThreadSanitizer: see tests/lib/caf-tsan.sh.
  find_library(SHOAL_CAF_CORE caf_core PATHS ${SHOAL_CAF_ROOT}/lib NO_DEFAULT_PATH REQUIRED)
else()
  find_library(SHOAL_CAF_CORE caf_core REQUIRED)
endif()
find_path(SHOAL_CAF_INCLUDE caf/actor_system.hpp REQUIRED)
add_library(caf::core UNKNOWN IMPORTED)
set_target_properties(caf::core PROPERTIES
  IMPORTED_LOCATION ${SHOAL_CAF_CORE}
  INTERFACE_LINK_LIBRARIES Threads::Threads)

# msgpack-cxx is header-only; with this macro it needs no Boost of its own.
find_path(SHOAL_MSGPACK_INCLUDE msgpack.hpp REQUIRED)
find_path(SHOAL_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
find_path(SHOAL_BEAST_INCLUDE boost/beast/core.hpp REQUIRED)
