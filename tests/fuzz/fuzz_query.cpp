// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "core/limits.hpp"
#include "protocol/percent.hpp"
#include "protocol/query.hpp"

using namespace shoal;

namespace {

/// Escapes and their absence must not change what a text means.
void check_percent(std::string_view text) {
  SHOAL_CHECK(percent_decode(percent_encode(text)) == text);
  SHOAL_CHECK(percent_decode(percent_encode_path(text)) == text);
  SHOAL_CHECK(form_decode(percent_encode(text)) == text);
  auto decoded = percent_decode(text);
  SHOAL_CHECK(decoded.has_value() == form_decode(text).has_value());
  std::vector<uint8_t> bytes(text.size());
  auto count = percent_decode_into(text, bytes);
  SHOAL_CHECK(count.has_value() == decoded.has_value());
  if (decoded)
    SHOAL_CHECK(as_chars(std::span(bytes).first(*count)) == *decoded);
}

/// The walk sees every byte but separators, in order, and reads back what it saw.
void check_walk(std::string_view raw) {
  std::string written;
  auto at = raw.data();
  for (const auto& field : query_view{raw}) {
    SHOAL_CHECK(field.name.data() >= at);
    SHOAL_CHECK(field.name.size() + field.value.size() + field.has_value > 0);
    SHOAL_CHECK(field.name.find_first_of("&=") == std::string_view::npos);
    SHOAL_CHECK(field.value.find('&') == std::string_view::npos);
    at = field.has_value ? field.value.data() + field.value.size()
                         : field.name.data() + field.name.size();
    SHOAL_CHECK(at <= raw.data() + raw.size());
    written += '&';
    written += field.name;
    written += field.has_value ? "=" : "";
    written += field.value;
  }
  auto original = query_view{raw}.begin();
  for (const auto& field : query_view{written})
    SHOAL_CHECK(*original++ == field);
  SHOAL_CHECK(original == query_view{raw}.end());
}

void check_params(std::string_view raw) {
  auto params = query_params::parse(raw);
  if (!params) {
    SHOAL_CHECK(is_client_error(params.error().code));
    return;
  }
  SHOAL_CHECK(params->size() <= limits::query_fields_max);
  for (const auto& field : query_view{raw}) {
    auto name = form_decode(field.name);
    SHOAL_CHECK(name && params->has(*name));
    auto all = params->all(*name);
    SHOAL_CHECK(!all.empty() && params->get(*name) == all.front());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto raw = as_chars({data, size});
  check_percent(raw);
  check_walk(raw);
  check_params(raw);
  return 0;
}
