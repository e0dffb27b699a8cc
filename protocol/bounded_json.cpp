// SPDX-License-Identifier: Apache-2.0
#include "protocol/bounded_json.hpp"

namespace shoal {

namespace {

using document = nlohmann::json;

/// Counts, keeps nothing, and stops at the first value too many.
class counter final : public nlohmann::json_sax<document> {
public:
  explicit counter(const json_bounds& bounds) : bounds_{bounds} {}

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(size_t) override { return open(); }
  bool start_array(size_t) override { return open(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

private:
  bool count() { return depth_ <= bounds_.depth_max && ++values_ <= bounds_.values_max; }

  bool open() {
    if (!count())
      return false;
    ++depth_;
    return true;
  }

  bool close() {
    --depth_;
    return true;
  }

  const json_bounds& bounds_;
  size_t depth_ = 0;
  size_t values_ = 0;
};

} // namespace

document parse_json(std::string_view text, const json_bounds& bounds) {
  counter counted{bounds};
  if (!document::sax_parse(text, &counted))
    return document(document::value_t::discarded);
  return document::parse(text, nullptr, false);
}

} // namespace shoal
