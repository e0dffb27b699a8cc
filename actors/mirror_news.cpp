// SPDX-License-Identifier: Apache-2.0
#include "actors/mirror_news.hpp"

#include "actors/link_archive.hpp"
#include "actors/link_kinds.hpp"
#include "actors/origin_names.hpp"
#include "cluster/object_homes.hpp"
#include "protocol/model_id.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::chrono::seconds news_patience{5};

/// The nodes that may register a commit, best first.
std::vector<std::string> registrars(const mirror_news_config& config, const origin_name& commit) {
  std::vector<std::string> names;
  auto there = config.there();
  for (auto i : cluster::rank_homes(there, sha256("mirror " + revision_text(commit))))
    names.push_back(there[i].id);
  return names;
}

std::string body_of(const file_pulled& x) {
  return to_archive(pulled_news{x.name.kind, x.name.id, x.name.rev, x.name.path, encode(x.what)});
}

} // namespace

void mirror_news::tell(const file_pulled& x, std::function<void()> here) {
  auto e = std::make_shared<errand>();
  e->nodes = registrars(config_, x.name);
  std::reverse(e->nodes.begin(), e->nodes.end());
  e->body = body_of(x);
  e->here = std::move(here);
  try_next(e);
}

void mirror_news::try_next(const std::shared_ptr<errand>& e) {
  // Where all nodes leave, whoever has the file sees to it.
  if (e->nodes.empty() || e->nodes.back() == config_.self)
    return e->here();
  auto node = std::move(e->nodes.back());
  e->nodes.pop_back();
  asker_.ask(node, link_kind::pulled_file, e->body, config_.now() + news_patience,
             [this, e](const result<std::string>& heard) {
               if (!heard)
                 try_next(e);
             });
}

result<file_pulled> read_news(std::string_view body) {
  auto news = from_archive<pulled_news>(body);
  if (!news)
    return tl::unexpected{news.error()};
  file_pulled x{{news->kind, news->id, news->rev, news->path}, {}, true};
  auto record = decode_origin(news->record);
  if (!record)
    return tl::unexpected{record.error()};
  x.what = std::move(*record);
  if (!is_sound_revision(x.name) || !is_safe_path(x.name.path) || !x.what.sha256)
    return fail(ec::invalid_argument, "news of nothing that could have come");
  return x;
}

} // namespace shoal
