# SPDX-License-Identifier: Apache-2.0
# cmake -DNAME=function -DINPUT=file -DOUTPUT=file.cpp -DHEADER=header -P embed.cmake
# Writes a source file whose function returns the text of INPUT.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "// Made from ${INPUT} by cmake/embed.cmake.
#include \"${HEADER}\"

std::string_view ${NAME}() {
  return R\"embedded(${text})embedded\";
}
")
