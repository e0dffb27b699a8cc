// SPDX-License-Identifier: Apache-2.0
#include "protocol/bencode.hpp"

#include <charconv>

namespace shoal {

namespace {

void append_number(std::string& out, auto value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

} // namespace

bencode_writer& bencode_writer::integer(int64_t value) {
  out_ += 'i';
  append_number(out_, value);
  out_ += 'e';
  return *this;
}

bencode_writer& bencode_writer::string(std::string_view bytes) {
  append_number(out_, bytes.size());
  out_ += ':';
  out_ += bytes;
  return *this;
}

bencode_writer& bencode_writer::begin_list() {
  out_ += 'l';
  return *this;
}

bencode_writer& bencode_writer::begin_dict() {
  out_ += 'd';
  return *this;
}

bencode_writer& bencode_writer::end() {
  out_ += 'e';
  return *this;
}

bencode_writer& bencode_writer::raw(std::string_view bencoded) {
  out_ += bencoded;
  return *this;
}

} // namespace shoal
