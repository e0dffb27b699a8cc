// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal {

/// Appends bencoded values to a string. The caller writes dictionary keys in ascending byte order
/// and closes what it opened; nothing is checked. @source BEP 3 "bencoding".
class bencode_writer {
public:
  explicit bencode_writer(std::string& out) : out_(out) {}

  bencode_writer& integer(int64_t value);
  bencode_writer& string(std::string_view bytes);
  bencode_writer& begin_list();
  bencode_writer& begin_dict();
  bencode_writer& end();

  /// Appends bytes that are bencoded already.
  bencode_writer& raw(std::string_view bencoded);

private:
  std::string& out_;
};

} // namespace shoal
