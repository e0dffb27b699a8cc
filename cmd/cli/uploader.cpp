// SPDX-License-Identifier: Apache-2.0
#include "cmd/cli/uploader.hpp"

#include "cmd/cli/progress.hpp"

#include <algorithm>

namespace shoal::cli {

namespace {

constexpr int retries = 4; // After 1, 2, 4 and 8 seconds.

std::string object_path(const local_object& object) {
  return "/api/objects/" + object.sha256.hex();
}

outcome<bool> is_there(http_client& client, const local_object& object) {
  http_request request;
  request.method = "HEAD";
  request.path = object_path(object);
  auto answer = client.send(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (answer->status != 404 && !answer->is_success())
    return tl::unexpected<failure>(describe_refusal(*answer));
  return answer->is_success();
}

/// Keeps what the server lacks.
outcome<void> drop_known(http_client& client, std::vector<local_object>& objects) {
  std::vector<local_object> missing;
  for (auto& object : objects) {
    auto known = is_there(client, object);
    if (!known)
      return tl::unexpected<failure>(known.error());
    if (!*known)
      missing.push_back(std::move(object));
  }
  objects = std::move(missing);
  return {};
}

outcome<void> put(http_client& client, const local_object& object,
                  std::function<void(uint64_t)> on_sent) {
  http_request request;
  request.method = "PUT";
  request.path = object_path(object);
  request.content_type = "application/octet-stream";
  request.body = object.bytes;
  request.upload_file = object.file;
  request.upload_size_bytes = object.size_bytes;
  request.headers = {"Content-Type: application/octet-stream"};
  request.on_sent = std::move(on_sent);
  request.retries = retries;
  auto answer = client.send(request);
  if (!answer)
    return tl::unexpected<failure>(answer.error());
  if (answer->status == 409 && !object.file.empty())
    return refuse(exit_code::local_trouble, "the file changed after it was read: " + object.file,
                  409);
  if (!answer->is_success())
    return tl::unexpected<failure>(describe_refusal(*answer));
  return {};
}

} // namespace

outcome<upload_summary> upload(const context& ctx, http_client& client,
                               std::vector<local_object> objects) {
  auto by_hash = [](auto& left, auto& right) { return left.sha256 < right.sha256; };
  auto same_hash = [](auto& left, auto& right) { return left.sha256 == right.sha256; };
  std::stable_sort(objects.begin(), objects.end(), by_hash);
  objects.erase(std::unique(objects.begin(), objects.end(), same_hash), objects.end());
  if (auto ok = drop_known(client, objects); !ok)
    return tl::unexpected<failure>(ok.error());
  upload_summary done;
  uint64_t total = 0;
  for (auto& object : objects)
    total += object.size_bytes;
  progress_bar bar("Uploading", total, ctx.wants_progress() && !objects.empty());
  for (auto& object : objects) {
    auto ok = put(client, object, [&](uint64_t sent) { bar.update(done.bytes + sent); });
    if (!ok)
      return tl::unexpected<failure>(ok.error());
    done.objects += 1;
    done.bytes += object.size_bytes;
    bar.update(done.bytes);
  }
  return done;
}

} // namespace shoal::cli
