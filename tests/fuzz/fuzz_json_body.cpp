// SPDX-License-Identifier: Apache-2.0
// clang 14 cannot compile the coroutines of shoal_http, so only the decoder is taken from there.
#include "core/hex.hpp"
#include "http/json_body.cpp" // NOLINT(bugprone-suspicious-include)

using namespace shoal;
using namespace shoal::http;

namespace {

/// What was understood must come back the same from its own text.
void check_json(std::string_view text) {
  auto value = parse_json(text);
  if (!value) {
    SHOAL_CHECK(is_client_error(value.error().code));
    return;
  }
  auto again = parse_json(dump_json(*value));
  SHOAL_CHECK(again && *again == *value);
}

/// A body keeps a field just as the whole document has it, and nothing else.
void check_body(std::string_view text) {
  auto body = json_body::parse(text, {"name", "size"});
  auto whole = parse_json(text);
  SHOAL_CHECK(body.has_value() == (whole && whole->is_object()));
  if (!body)
    return;
  SHOAL_CHECK(!body->has("other"));
  SHOAL_CHECK(body->has("name") == (whole->contains("name") && !(*whole)["name"].is_null()));
  auto name = body->text("name", 8);
  if (name && !name->empty())
    SHOAL_CHECK(name->size() <= 8 && (*whole)["name"] == *name);
  auto size = body->number("size");
  if (size && *size)
    SHOAL_CHECK((*whole)["size"] == **size);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  check_json(text);
  check_body(text);
  return 0;
}
