// SPDX-License-Identifier: Apache-2.0
#include "origin/origin_url.hpp"

#include "protocol/text.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace shoal::origin {

namespace {

struct url_deleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using url_handle = std::unique_ptr<CURLU, url_deleter>;

constexpr size_t url_bytes_max = 8192;

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK || text == nullptr)
    return {};
  std::string copy{text};
  curl_free(text);
  return copy;
}

bool set(CURLU* url, std::string_view text) {
  std::string copy{text};
  return curl_url_set(url, CURLUPART_URL, copy.c_str(), 0) == CURLUE_OK;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), text::lower);
  return text;
}

result<origin_url> taken(CURLU* url, std::string_view from) {
  origin_url made;
  made.scheme = lower(part(url, CURLUPART_SCHEME));
  made.host = lower(part(url, CURLUPART_HOST));
  auto has_user = !part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty();
  if ((made.scheme != "http" && made.scheme != "https") || made.host.empty() || has_user)
    return fail(ec::invalid_argument,
                "not a URL of http or https: " + std::string{from.substr(0, 200)});
  made.authority
      = made.scheme + "://" + made.host + ':' + part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (made.host.starts_with('[') && made.host.ends_with(']'))
    made.host = made.host.substr(1, made.host.size() - 2);
  curl_url_set(url, CURLUPART_FRAGMENT, nullptr, 0);
  made.text = part(url, CURLUPART_URL);
  return made;
}

/// curl is given the text and reads it again. "%30x7f.1" is no address when it is read first, and
/// 127.0.0.1 the second time; what is not ASCII may become one on the way.
result<origin_url> settled(result<origin_url> made) {
  if (!made)
    return made;
  url_handle again{curl_url()};
  auto is_ascii = std::all_of(made->host.begin(), made->host.end(),
                              [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  auto same = is_ascii && set(again.get(), made->text) ? taken(again.get(), made->text)
                                                       : result<origin_url>{fail(ec::corrupt)};
  if (!same || same->host != made->host || same->text != made->text)
    return fail(ec::invalid_argument, "a URL that can be read in two ways: " + made->text);
  return made;
}

bool is_clean(std::string_view text) {
  return text.size() <= url_bytes_max && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= 0x20;
         });
}

} // namespace

result<origin_url> origin_url::parse(std::string_view text) {
  url_handle url{curl_url()};
  // Without a scheme curl would guess one.
  if (!is_clean(text) || text.find("://") == std::string_view::npos || !set(url.get(), text))
    return fail(ec::invalid_argument, "not a URL: " + std::string{text.substr(0, 200)});
  return settled(taken(url.get(), text));
}

result<origin_url> origin_url::follow(std::string_view location) const {
  url_handle url{curl_url()};
  if (location.empty() || !is_clean(location) || !set(url.get(), text) || !set(url.get(), location))
    return fail(ec::invalid_argument, "a redirect to no URL");
  return settled(taken(url.get(), location));
}

} // namespace shoal::origin
