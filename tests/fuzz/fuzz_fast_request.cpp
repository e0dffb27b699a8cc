// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_protocol
#include "core/error.hpp"
#include "core/hex.hpp"
#include "protocol/fast_request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace shoal;
namespace http = boost::beast::http;

namespace {

std::string_view text_of(boost::beast::string_view from) {
  return {from.data(), from.size()};
}

/// What was understood must be what the complete parser understands.
void compare(std::string_view bytes, const fast_request& fast) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(16 * 1024);
  boost::system::error_code failed;
  auto used = parser.put(boost::asio::buffer(bytes), failed);
  SHOAL_CHECK(!failed);
  SHOAL_CHECK(parser.is_done());
  SHOAL_CHECK(used == fast.size);
  auto& head = parser.get();
  SHOAL_CHECK(head.method() == http::verb::get);
  std::string target = "/announce";
  if (!fast.passkey.empty())
    target += "/" + std::string{fast.passkey};
  auto seen = text_of(head.target());
  auto path = seen.substr(0, seen.find('?'));
  SHOAL_CHECK(path == target);
  SHOAL_CHECK(seen.substr(std::min(path.size() + 1, seen.size())) == fast.query);
  SHOAL_CHECK(fast.keep_alive == (head.version() == 11 && parser.keep_alive()));
  SHOAL_CHECK(head.count(http::field::host) <= 1);
  SHOAL_CHECK(head.count(http::field::transfer_encoding) == 0);
  SHOAL_CHECK(head.count(http::field::content_length) == 0);
  SHOAL_CHECK(head.count(http::field::upgrade) == 0);
  SHOAL_CHECK(head.count(http::field::expect) == 0);
  std::vector<std::string> forwarded;
  auto [first, last] = head.equal_range("X-Forwarded-For");
  for (auto i = first; i != last; ++i)
    forwarded.emplace_back(text_of(i->value()));
  SHOAL_CHECK(forwarded.size() == fast.forwarded_count);
  for (size_t i = 0; i < forwarded.size(); ++i)
    SHOAL_CHECK(forwarded[i] == fast.forwarded_headers[i]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = as_chars({data, size});
  fast_request fast;
  auto verdict = scan_fast_request(bytes, fast);
  if (verdict == fast_verdict::yes)
    compare(bytes, fast);
  // The verdict does not depend on how the bytes are cut.
  fast_request part;
  for (size_t cut = 0; cut < std::min<size_t>(size, 64); ++cut) {
    auto early = scan_fast_request(bytes.substr(0, size - 1 - cut), part);
    if (early == fast_verdict::no)
      SHOAL_CHECK(verdict == fast_verdict::no);
    if (early == fast_verdict::yes)
      SHOAL_CHECK(verdict == fast_verdict::yes && part.size == fast.size);
  }
  return 0;
}
