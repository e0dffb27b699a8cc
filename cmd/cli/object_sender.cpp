// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/object_sender.hpp"

#include "cmd/cli/output.hpp"
#include "protocol/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace shoal::cli {

namespace {

constexpr int retries = 4; // After 1, 2, 4 and 8 seconds.

/// Smaller ones are sent again from their beginning.
constexpr uint64_t parts_from_bytes = 8 * 1024 * 1024;

std::string object_path(const local_object& object) {
  return "/api/objects/" + object.sha256.hex();
}

http_request upload_of(const local_object& object, const char* method, uint64_t from) {
  http_request request;
  request.method = method;
  request.path = object_path(object);
  request.content_type = "application/octet-stream";
  request.body = object.bytes;
  request.upload_file = object.file;
  request.upload_offset_bytes = from;
  request.upload_size_bytes = object.size_bytes - from;
  request.headers = {"Content-Type: application/octet-stream"};
  return request;
}

tl::unexpected<failure> changed(const local_object& object) {
  return refuse(exit_code::local_trouble, "the file changed after it was read: " + object.file,
                409);
}

outcome<void> send_whole(http_client& client, const local_object& object,
                         const progress_told& tell) {
  auto request = upload_of(object, "PUT", 0);
  request.on_sent = tell;
  request.retries = retries;
  auto answer = client.send(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (answer->status == 409 && !object.file.empty())
    return changed(object);
  if (!answer->is_success())
    return tl::unexpected<failure>(describe_refusal(*answer));
  return {};
}

std::optional<uint64_t> offset_in(const http_response& answer) {
  const auto text = answer.header("upload-offset");
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

/// Sends all bytes from there on, or, when none is left, asks whether the object is complete.
outcome<http_response> send_rest(http_client& client, const local_object& object, uint64_t from,
                                 const progress_told& tell) {
  auto request = upload_of(object, "PATCH", from);
  if (from == object.size_bytes) {
    request.upload_file.clear();
    request.headers.push_back("Content-Range: " + content_range_unsatisfiable(object.size_bytes));
  } else {
    const byte_range rest{from, object.size_bytes - 1};
    request.headers.push_back("Content-Range: " + content_range(rest, object.size_bytes));
    request.on_sent = [&tell, from](uint64_t sent) { tell(from + sent); };
  }
  return client.send(request);
}

/// Goes on after each break for as long as breaks do not follow each other without a byte.
outcome<void> send_in_parts(http_client& client, const local_object& object,
                            const progress_told& tell) {
  auto at = std::min(object.sent_bytes, object.size_bytes);
  for (int broken = 0;;) {
    auto answer = send_rest(client, object, at, tell);
    if (!answer && answer.error().code != exit_code::unreachable)
      return tl::unexpected<failure>(answer.error());
    const auto offset = answer ? offset_in(*answer) : std::nullopt;
    if (answer && !offset) {
      if (answer->status == 405) // An older server.
        return send_whole(client, object, tell);
      if (answer->status == 409)
        return changed(object);
      return answer->is_success() ? outcome<void>{}
                                  : tl::unexpected<failure>(describe_refusal(*answer));
    }
    if (answer && *offset > at)
      broken = 0;
    else if (!answer || *offset < object.size_bytes) {
      const auto why = answer ? describe_refusal(*answer) : answer.error();
      if (broken == retries)
        return tl::unexpected<failure>(why);
      client.wait(why, 1 << broken++);
    }
    if (answer) {
      at = std::min(*offset, object.size_bytes);
      continue;
    }
    auto there = ask_for(client, object);
    if (!there)
      return tl::unexpected<failure>(there.error());
    if (there->is_there)
      return {};
    if (there->sent_bytes > at)
      broken = 0;
    at = std::min(there->sent_bytes, object.size_bytes);
  }
}

} // namespace

outcome<object_standing> ask_for(http_client& client, const local_object& object) {
  http_request request;
  request.method = "HEAD";
  request.path = object_path(object);
  request.retries = retries;
  auto answer = client.send(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (answer->status != 404 && !answer->is_success())
    return tl::unexpected<failure>(describe_refusal(*answer));
  return object_standing{answer->is_success(), offset_in(*answer).value_or(0)};
}

outcome<void> send_object(http_client& client, const local_object& object,
                          const progress_told& tell) {
  return object.file.empty() || object.size_bytes < parts_from_bytes
             ? send_whole(client, object, tell)
             : send_in_parts(client, object, tell);
}

outcome<void> offer_in_place(http_client& client, const local_object& object,
                             const progress_told& tell) {
  std::error_code failed;
  const auto file = std::filesystem::canonical(object.file, failed);
  if (failed)
    return refuse(exit_code::local_trouble, "cannot read " + object.file);
  http_request request;
  request.method = "POST";
  request.path = "/api/objects/in-place";
  request.body = nlohmann::json{{"path", file.string()}, {"sha256", object.sha256.hex()}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  request.retries = retries;
  while (true) { // A server that answers 202 has hashed more of it.
    auto answer = client.send(request);
    if (!answer)
      return tl::unexpected<failure>(answer.error());
    if (answer->status == 409)
      return changed(object);
    if (!answer->is_success())
      return tl::unexpected<failure>(describe_refusal(*answer));
    if (answer->status != 202)
      return {};
    const auto far = nlohmann::json::parse(answer->body, nullptr, false);
    tell(member_number(far, "hashed"));
  }
}

} // namespace shoal::cli
