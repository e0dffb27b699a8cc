// SPDX-License-Identifier: Apache-2.0
#include "http/site/site.hpp"
#include "protocol/digest.hpp"

#include <openssl/evp.h>

#include <array>

namespace shoal::http::site {

namespace {

std::string base64(std::span<const uint8_t> bytes) {
  std::array<uint8_t, 4 * ((sha256_digest::size_bytes + 2) / 3) + 1> out;
  auto n = EVP_EncodeBlock(out.data(), bytes.data(), static_cast<int>(bytes.size()));
  return std::string{as_chars(std::span(out).first(static_cast<size_t>(n)))};
}

/// @returns " 'sha256-...'" for the content of each `<tag>`.
std::string hashes(std::string_view html, const std::string& tag) {
  const auto open = "<" + tag + ">";
  const auto close = "</" + tag + ">";
  std::string sources;
  for (auto at = html.find(open); at != std::string_view::npos; at = html.find(open, at)) {
    at += open.size();
    auto content = html.substr(at, html.find(close, at) - at);
    sources += " 'sha256-" + base64(sha256(content).bytes) + "'";
  }
  return sources.empty() ? " 'none'" : sources;
}

} // namespace

std::string content_security_policy(std::string_view html) {
  return "default-src 'none'; script-src" + hashes(html, "script") + "; style-src"
         + hashes(html, "style")
         + "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'";
}

} // namespace shoal::http::site
