// SPDX-License-Identifier: Apache-2.0
#include "actors/origin_names.hpp"

#include "core/limits.hpp"
#include "protocol/digest.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/model_id.hpp"
#include "protocol/percent.hpp"

#include <algorithm>

namespace shoal {

namespace {

/// "main", a commit, "refs/pr/1".
bool is_sound_rev(std::string_view rev) {
  constexpr size_t parts_max = 3;
  size_t parts = 0;
  for (;;) {
    auto end = std::min(rev.find('/'), rev.size());
    if (!is_revision(rev.substr(0, end)) || ++parts > parts_max)
      return false;
    if (end == rev.size())
      return true;
    rev.remove_prefix(end + 1);
  }
}

} // namespace

bool is_sound_revision(const origin_name& name) {
  return model_id::parse(name.id) && is_sound_rev(name.rev)
         && (name.kind == "model" || name.kind == "dataset" || name.kind == "space");
}

bool is_sound(const origin_name& name) {
  return is_sound_revision(name) && is_safe_path(name.path);
}

std::string revision_text(const origin_name& name) {
  return name.kind + '/' + name.id + '@' + name.rev;
}

std::string revision_url(const std::string& base, const origin_name& name) {
  return base + "/api/" + name.kind + "s/" + percent_encode_path(name.id) + "/revision/"
         + percent_encode(name.rev);
}

std::string tree_url(const std::string& base, const origin_name& name, const std::string& commit) {
  return base + "/api/" + name.kind + "s/" + percent_encode_path(name.id) + "/tree/" + commit
         + "?recursive=true&expand=false";
}

std::string text_of(const origin_name& name) {
  return revision_text(name) + '/' + name.path;
}

std::string news_text_of(const origin_name& name) {
  return "news " + text_of(name);
}

std::string resolve_url(const std::string& base, const origin_name& name) {
  auto url = base + '/';
  if (name.kind != "model")
    url += name.kind + "s/";
  return url + percent_encode_path(name.id) + "/resolve/" + percent_encode(name.rev) + '/'
         + percent_encode_path(name.path);
}

std::optional<origin_name> name_with_commit(std::string_view text) {
  constexpr size_t commit_chars = 40;
  auto slash = text.find('/');
  auto at = text.find('@');
  if (at == std::string_view::npos || slash > at || text.size() - at < commit_chars + 2
      || text[at + 1 + commit_chars] != '/')
    return std::nullopt;
  origin_name made;
  made.kind = text.substr(0, slash);
  made.id = text.substr(slash + 1, at - slash - 1);
  made.rev = text.substr(at + 1, commit_chars);
  made.path = text.substr(at + commit_chars + 2);
  return is_commit_id(made.rev) && is_sound(made) ? std::optional{std::move(made)} : std::nullopt;
}

bool says_no(const origin::failure& why) {
  auto status = why.head.status;
  return why.kind == origin::failure_kind::status
         && (status == 404 || status == 410 || status == 401 || status == 403);
}

result<origin_record> record_of(const origin_head& head, unix_seconds now) {
  origin_record made;
  auto size = head.linked_size ? head.linked_size : head.content_length;
  if (!size || *size > limits::object_bytes_max)
    return fail(ec::unavailable, "the origin does not say how long the file is");
  made.size_bytes = *size;
  auto etag = bare_etag(head.linked_etag.empty() ? head.etag : head.linked_etag);
  made.etag = etag.substr(0, chunk_map::validator_bytes_max);
  made.commit = head.repo_commit;
  made.checked_at = now;
  // Only of a hub it is known that its tags are hashes.
  if (!made.commit.empty()) {
    made.sha256 = sha256_digest::from_hex(etag);
    made.git_blob = sha1_digest::from_hex(etag);
  }
  return made;
}

pull_spec pull_of(const std::vector<std::string>& base_urls, origin_name name,
                  const origin_record& what) {
  if (!what.commit.empty())
    name.rev = what.commit;
  pull_spec made;
  made.name = text_of(name);
  made.called = name;
  made.key = what.sha256 ? *what.sha256 : sha256(made.name + '\n' + what.etag);
  for (auto& base : base_urls)
    made.urls.push_back(resolve_url(base, name));
  made.commit = what.commit;
  made.size_bytes = what.size_bytes;
  made.sha256 = what.sha256;
  made.git_blob = what.git_blob;
  made.etag = what.etag;
  return made;
}

} // namespace shoal
