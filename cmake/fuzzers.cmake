# SPDX-License-Identifier: Apache-2.0
# Coverage for libFuzzer and sanitizers in every layer; see tests/fuzz.
add_compile_options(-fsanitize=fuzzer-no-link,address,undefined
  -fno-sanitize-recover=all -fno-omit-frame-pointer)
add_link_options(-fsanitize=address,undefined)
