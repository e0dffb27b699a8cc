// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/http_client.hpp"

#include "cmd/cli/output.hpp"
#include "core/limits.hpp"
#include "protocol/percent.hpp"
#include "protocol/text.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace shoal::cli {

namespace {

constexpr long connect_timeout_s = 10;
constexpr long stall_timeout_s = 120; // A server may hash for a while before it answers.
constexpr int busy_wait_s_max = 30;
constexpr size_t error_text_bytes_max = 500;

struct file_closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// What curl's callbacks work on during one request.
struct exchange {
  const http_request& request;
  http_response& response;
  std::unique_ptr<std::FILE, file_closer> file;
  size_t body_sent = 0; ///< Of `request.body`.
  bool read_failed = false;
  bool too_large = false;
  bool refused = false;  ///< By `request.accepts`.
  bool accepted = false; ///< The same asked already.
  bool poured = false;   ///< `request.sink` has had bytes.
  const std::atomic<bool>* stop = nullptr;
};

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& ex = *static_cast<exchange*>(user);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n'))
    line.remove_suffix(1);
  if (line.starts_with("HTTP/")) { // Also after "100 Continue" and redirects: begin anew.
    ex.response.headers.clear();
    ex.accepted = false;
    const auto space = std::min(line.find(' '), line.size());
    line.remove_prefix(std::min(space + 1, line.size()));
    ex.response.status = std::atol(std::string(line.substr(0, 3)).c_str());
    ex.response.reason = line.size() > 4 ? line.substr(4) : std::string_view{};
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), text::lower);
    ex.response.headers[name] = text::trim(line.substr(colon + 1));
  }
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& ex = *static_cast<exchange*>(user);
  const std::string_view bytes(data, size * count);
  if (ex.response.is_success() && ex.request.accepts && !ex.accepted) {
    ex.accepted = ex.request.accepts(ex.response);
    ex.refused = !ex.accepted;
    if (ex.refused)
      return 0;
  }
  if (ex.request.sink && ex.response.is_success()) {
    ex.poured = true;
    return ex.request.sink(bytes) ? bytes.size() : 0;
  }
  if (ex.response.body.size() + bytes.size() > limits::manifest_bytes_max) {
    ex.too_large = true;
    return 0;
  }
  ex.response.body += bytes;
  return bytes.size();
}

size_t on_read(char* out, size_t size, size_t count, void* user) {
  auto& ex = *static_cast<exchange*>(user);
  if (!ex.file) {
    const auto n = std::min(size * count, ex.request.body.size() - ex.body_sent);
    std::copy_n(ex.request.body.data() + ex.body_sent, n, out);
    ex.body_sent += n;
    return n;
  }
  const auto n = std::fread(out, 1, size * count, ex.file.get());
  // curl would wait for the missing bytes of a file that has shrunk.
  const auto at = std::ftell(ex.file.get());
  const auto end = ex.request.upload_offset_bytes + ex.request.upload_size_bytes;
  ex.read_failed = n == 0 && (at < 0 || static_cast<uint64_t>(at) < end);
  return ex.read_failed ? CURL_READFUNC_ABORT : n;
}

/// @param offset in the body.
bool go_to(exchange& ex, uint64_t offset) {
  const auto at = static_cast<off_t>(ex.request.upload_offset_bytes + offset);
  return ::fseeko(ex.file.get(), at, SEEK_SET) == 0;
}

int on_seek(void* user, curl_off_t offset, int origin) {
  auto& ex = *static_cast<exchange*>(user);
  if (origin != SEEK_SET)
    return CURL_SEEKFUNC_CANTSEEK;
  if (!ex.file)
    ex.body_sent = static_cast<size_t>(offset);
  else if (!go_to(ex, static_cast<uint64_t>(offset)))
    return CURL_SEEKFUNC_FAIL;
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
  auto& ex = *static_cast<exchange*>(user);
  if (ex.request.on_sent)
    ex.request.on_sent(static_cast<uint64_t>(sent));
  return ex.stop != nullptr && *ex.stop ? 1 : 0;
}

struct slist_deleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using header_list = std::unique_ptr<curl_slist, slist_deleter>;

header_list make_headers(const http_request& request, const std::string& key, bool key_always) {
  curl_slist* list = nullptr;
  for (auto& header : request.headers)
    list = curl_slist_append(list, header.c_str());
  if (!request.body.empty())
    list = curl_slist_append(list, ("Content-Type: " + request.content_type).c_str());
  // A GET may be redirected elsewhere, and the key with it.
  if (!key.empty() && request.method != "GET")
    list = curl_slist_append(list, ("X-Weightless-Key: " + key).c_str());
  else if (!key.empty() && key_always)
    list = curl_slist_append(list, ("Authorization: Bearer " + key).c_str());
  return header_list(list);
}

void set_body(CURL* curl, const http_request& request) {
  const bool is_file = !request.upload_file.empty();
  const bool has_body
      = is_file || request.method == "PUT" || request.method == "POST" || request.method == "PATCH";
  if (!has_body)
    return;
  const uint64_t size = is_file ? request.upload_size_bytes : request.body.size();
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
}

/// A company's own authority is known to few machines' stores. libcurl, unlike OpenSSL and so
/// libtorrent, leaves the variable that names it to programs.
void set_authorities(CURL* curl) {
  auto* file = std::getenv("SSL_CERT_FILE");
  if (file && *file)
    curl_easy_setopt(curl, CURLOPT_CAINFO, file);
}

void set_options(CURL* curl, const http_request& request, exchange& ex) {
  set_authorities(curl);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "shoal/" SHOAL_VERSION);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stall_timeout_s);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method == "GET") {
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  }
  set_body(curl, request);
  if (request.method != "HEAD" && request.method != "GET")
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ex);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ex);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
  curl_easy_setopt(curl, CURLOPT_READDATA, &ex);
  curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
  curl_easy_setopt(curl, CURLOPT_SEEKDATA, &ex);
  const bool watched = request.on_sent || ex.stop != nullptr;
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, watched ? 0L : 1L);
  curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE,
                   static_cast<curl_off_t>(request.bytes_per_second_max));
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &ex);
}

bool is_busy(const http_response& response) {
  return response.status == 429 || response.status == 503;
}

int busy_wait_s(const http_response& response, int attempt) {
  const int asked = std::atoi(response.header("retry-after").c_str());
  return std::clamp(asked > 0 ? asked : 1 << attempt, 1, busy_wait_s_max);
}

/// The server's own words: "error" or "message" of a JSON body, or the first line of a text.
std::string server_words(const http_response& response) {
  const auto doc = nlohmann::json::parse(response.body, nullptr, false);
  if (doc.is_object())
    for (auto key : {"error", "message"})
      if (auto i = doc.find(key); i != doc.end() && i->is_string())
        return safe_text(i->get_ref<const std::string&>());
  if (response.header("content-type").starts_with("text/plain"))
    return safe_text(
        response.body.substr(0, std::min(response.body.find('\n'), error_text_bytes_max)));
  return {};
}

} // namespace

struct http_client::handle {
  CURL* curl = curl_easy_init();

  ~handle() { curl_easy_cleanup(curl); }
};

http_client::http_client(std::vector<std::string> base_urls, std::string key)
    : base_urls_(std::move(base_urls)), key_(std::move(key)), curl_(std::make_unique<handle>()) {
  for (auto& url : base_urls_)
    while (url.ends_with('/'))
      url.pop_back();
}

http_client::http_client(http_client&&) noexcept = default;
http_client::~http_client() = default;

std::string http_response::header(const std::string& lower_name) const {
  const auto i = headers.find(lower_name);
  return i == headers.end() ? std::string{} : i->second;
}

outcome<http_response> http_client::send_once(const http_request& request) {
  http_response response;
  response.url = base_url() + request.path;
  exchange ex{request, response, nullptr};
  ex.stop = stop_;
  if (!request.upload_file.empty()) {
    ex.file.reset(std::fopen(request.upload_file.c_str(), "rb"));
    if (!ex.file || !go_to(ex, 0))
      return refuse(exit_code::local_trouble, "cannot read " + request.upload_file);
  }
  auto* curl = curl_->curl;
  curl_easy_reset(curl); // Keeps the connection.
  char details[CURL_ERROR_SIZE] = {};
  const auto headers = make_headers(request, key_, key_always_);
  curl_easy_setopt(curl, CURLOPT_URL, response.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
  set_options(curl, request, ex);
  const auto code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  poured_ = ex.poured;
  if (ex.read_failed)
    return refuse(exit_code::local_trouble,
                  "the file changes while it is sent: " + request.upload_file);
  if (ex.refused)
    return refuse(exit_code::refused, response.url + " answers with something else",
                  response.status);
  // A server that refuses a body closes before it has read it; its answer counts.
  if (code != CURLE_OK && !(code == CURLE_SEND_ERROR && response.status >= 400))
    return refuse(exit_code::unreachable,
                  fmt::format("Failed to reach {}: {}", base_url(),
                              ex.too_large         ? "the answer is too large"
                              : details[0] != '\0' ? details
                                                   : curl_easy_strerror(code)));
  return response;
}

void http_client::wait(const failure& why, int seconds) const {
  if (tell_)
    tell_(why, seconds);
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + std::chrono::seconds(seconds);
  while (!stopped() && clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

/// Asks each server once, until one can be reached.
outcome<http_response> http_client::send_anywhere(const http_request& request) {
  auto answer = send_once(request);
  for (size_t others = base_urls_.size() - 1; others > 0; --others) {
    if (answer || answer.error().code != exit_code::unreachable || poured_ || stopped())
      break;
    current_ = (current_ + 1) % base_urls_.size();
    answer = send_once(request);
  }
  return answer;
}

outcome<http_response> http_client::send(const http_request& request) {
  int broken = 0;
  int busy = 0;
  while (true) {
    auto answer = send_anywhere(request);
    if (stopped() || (!answer && poured_))
      return answer;
    if (!answer && answer.error().code == exit_code::unreachable && broken < request.retries) {
      wait(answer.error(), 1 << broken++);
      continue;
    }
    if (answer && is_busy(*answer) && busy < request.busy_retries) {
      wait(describe_refusal(*answer), busy_wait_s(*answer, busy++));
      continue;
    }
    return answer;
  }
}

outcome<http_response> http_client::send_ok(const http_request& request) {
  auto answer = send(request);
  if (answer && !answer->is_success())
    return tl::unexpected<failure>(describe_refusal(*answer));
  return answer;
}

outcome<nlohmann::json> http_client::fetch_json(const std::string& path) {
  http_request request;
  request.path = path;
  request.headers = {"Accept: application/json"};
  auto answer = send_ok(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  auto doc = nlohmann::json::parse(answer->body, nullptr, false);
  if (doc.is_discarded())
    return refuse(exit_code::refused, "the answer is no JSON: " + answer->url, answer->status);
  return doc;
}

failure describe_refusal(const http_response& response) {
  auto message = fmt::format("HTTP {} {} when calling {}", response.status,
                             safe_text(response.reason), response.url);
  if (const auto words = server_words(response); !words.empty())
    message += ": " + words;
  return {exit_code::refused, message, response.status};
}

std::string query_string(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (auto& [key, value] : pairs)
    if (!value.empty())
      out += (out.empty() ? "?" : "&") + percent_encode(key) + "=" + percent_encode(value);
  return out;
}

} // namespace shoal::cli
