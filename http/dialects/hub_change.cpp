// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/hub_change.hpp"

#include "core/base64.hpp"
#include "core/limits.hpp"
#include "http/json_body.hpp"

namespace shoal::http {

namespace {

result<std::string> path_of(const json_body& line) {
  auto path = line.text("path", limits::text_field_bytes_max);
  if (path && path->empty())
    return fail(ec::missing_argument, "path");
  return path;
}

result<hub_change_line> read_head(const json_body& line) {
  hub_commit_head head;
  for (auto [field, to] :
       {std::pair{"summary", &head.summary}, std::pair{"description", &head.description},
        std::pair{"parentCommit", &head.parent}}) {
    auto text = line.text(field, limits::text_field_bytes_max);
    if (!text)
      return tl::unexpected{text.error()};
    *to = std::move(*text);
  }
  return head;
}

result<std::string> decode(std::string content, const std::string& encoding,
                           const std::string& path) {
  if (encoding.empty() || encoding == "utf-8")
    return content;
  if (encoding != "base64")
    return fail(ec::unsupported, path + ": its encoding " + encoding);
  auto bytes = base64_decode(content);
  if (!bytes)
    return fail(ec::invalid_argument, path + ": its content is not base64");
  return std::move(*bytes);
}

result<hub_change_line> read_text(json_body& line) {
  auto path = path_of(line);
  auto encoding = line.text("encoding", limits::name_bytes_max);
  if (!path || !encoding)
    return tl::unexpected{path ? encoding.error() : path.error()};
  auto content = line.take_text("content").and_then(
      [&](std::string text) { return decode(std::move(text), *encoding, *path); });
  if (!content)
    return tl::unexpected{content.error()};
  if (content->size() > limits::git_blob_bytes_max)
    return fail(ec::too_large, *path + " has more than "
                                   + std::to_string(limits::git_blob_bytes_max)
                                   + " bytes: upload it with LFS");
  return hub_text{std::move(*path), std::move(*content)};
}

result<hub_change_line> read_pointer(const json_body& line) {
  auto path = path_of(line);
  auto algorithm = line.text("algo", limits::name_bytes_max);
  auto oid = line.text("oid", limits::name_bytes_max);
  auto size = line.number("size");
  if (!path || !algorithm || !oid || !size)
    return tl::unexpected{!path        ? path.error()
                          : !algorithm ? algorithm.error()
                          : !oid       ? oid.error()
                                       : size.error()};
  if (!algorithm->empty() && *algorithm != "sha256")
    return fail(ec::unsupported, *path + ": its algo " + *algorithm);
  auto object = sha256_digest::from_hex(*oid);
  if (!object)
    return fail(ec::invalid_argument, *path + ": its oid is not 64 hexadecimal digits");
  return hub_pointer{std::move(*path), *object, *size};
}

result<hub_change_line> read_removal(const json_body& line, bool of_folder) {
  auto path = path_of(line);
  if (!path)
    return tl::unexpected{path.error()};
  while (of_folder && path->ends_with('/'))
    path->pop_back();
  return hub_removal{std::move(*path), of_folder};
}

} // namespace

result<hub_change_line> read_change_line(std::string_view text) {
  auto line = json_body::parse_with(text, "value",
                                    {"key", "summary", "description", "parentCommit", "path",
                                     "content", "encoding", "algo", "oid", "size"});
  if (!line)
    return tl::unexpected{line.error()};
  auto kind = line->text("key", limits::name_bytes_max);
  if (!kind)
    return tl::unexpected{kind.error()};
  if (*kind == "header")
    return read_head(*line);
  if (*kind == "file")
    return read_text(*line);
  if (*kind == "lfsFile")
    return read_pointer(*line);
  if (*kind == "deletedFile" || *kind == "deletedFolder")
    return read_removal(*line, *kind == "deletedFolder");
  return fail(ec::unsupported, "a line of a commit with the key '" + *kind + "'");
}

hub_draft::hub_draft(const manifest& parent) {
  for (auto& file : parent.files) {
    auto copy = file;
    copy.pieces_root.reset(); // Of a torrent with pieces of another length, perhaps.
    files_.emplace(file.path, std::move(copy));
  }
}

result<void> hub_draft::put(manifest_file file) {
  auto path = file.path;
  files_.insert_or_assign(std::move(path), std::move(file));
  if (files_.size() > limits::files_per_revision_max)
    return fail(ec::too_large, "a revision has at most "
                                   + std::to_string(limits::files_per_revision_max) + " files");
  return {};
}

result<void> hub_draft::remove(const hub_removal& what) {
  if (!what.of_folder) {
    if (files_.erase(what.path) == 0)
      return fail(ec::not_found, "there is no file " + what.path);
    return {};
  }
  auto begin = files_.lower_bound(what.path + '/');
  auto end = files_.lower_bound(what.path + char{'/' + 1});
  if (begin == end)
    return fail(ec::not_found, "there is no folder " + what.path);
  files_.erase(begin, end);
  return {};
}

std::vector<manifest_file> hub_draft::files() const {
  manifest sorted;
  for (auto& [path, file] : files_)
    sorted.files.push_back(file);
  normalize(sorted);
  return std::move(sorted.files);
}

} // namespace shoal::http
