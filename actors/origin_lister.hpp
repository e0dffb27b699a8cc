// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/messages/webseed.hpp"
#include "actors/webseed_side.hpp"

#include <caf/typed_response_promise.hpp>

#include <list>
#include <unordered_map>

namespace shoal {

/// Which files revisions have at the first origin, page by page. A part of the web seed: all on its
/// thread.
class origin_lister {
public:
  using promise = caf::typed_response_promise<origin_listing>;

  /// @param side outlives this. @param mail brings `listing_page`s to `on_page`.
  origin_lister(webseed_side& side, std::shared_ptr<late_mail> mail)
      : side_{side}, mail_{std::move(mail)} {}

  /// Answers `to` now or later. @param name sound.
  void list(const origin_name& name, promise to);
  void on_page(listing_page& x);
  void close() { lookups_.clear(); }

private:
  struct lookup {
    origin_name name;
    std::string commit; ///< Empty: it is being asked for.
    std::shared_ptr<const repository_card> card;
    std::vector<hub_file> files;
    size_t pages = 0;
    size_t base = 0; ///< The origin that says it.
    std::vector<promise> waiting;
  };

  struct named {
    origin_listing listing; ///< Without files and card: they are with the commit.
    mono_time until;
  };

  /// What a commit has, and what was said of it when its files were listed.
  struct content {
    std::shared_ptr<const std::vector<hub_file>> files;
    std::shared_ptr<const repository_card> card;
  };

  std::optional<content> content_of(const std::string& text);
  void ask(const std::string& text, std::string url);
  void on_commit(lookup& l, const std::string& text, const listing_page& x);
  void on_files(lookup& l, const std::string& text, const listing_page& x);
  void settle(const std::string& text, result<origin_listing> how);
  void keep(const std::string& text, content what);

  webseed_side& side_;
  std::shared_ptr<late_mail> mail_;
  std::unordered_map<std::string, lookup> lookups_;
  std::unordered_map<std::string, named> names_;

  /// By revision and commit, the one used last at the front.
  std::list<std::pair<std::string, content>> contents_;
};

} // namespace shoal
