// SPDX-License-Identifier: Apache-2.0
#include "actors/origin_lister.hpp"

#include "actors/error.hpp"
#include "actors/origin_names.hpp"
#include "core/defaults.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"
#include "origin/origin_url.hpp"
#include "protocol/git_identity.hpp"

#include <algorithm>

namespace shoal {

namespace {

constexpr std::chrono::seconds missing_lifetime{10};

bool is_same_place(const std::string& one, const std::string& other) {
  auto a = origin::origin_url::parse(one);
  auto b = origin::origin_url::parse(other);
  return a && b && a->authority == b->authority;
}

} // namespace

std::optional<origin_lister::content> origin_lister::content_of(const std::string& text) {
  auto found
      = std::find_if(contents_.begin(), contents_.end(), [&](auto& x) { return x.first == text; });
  if (found == contents_.end())
    return std::nullopt;
  contents_.splice(contents_.begin(), contents_, found);
  return found->second;
}

void origin_lister::keep(const std::string& text, content what) {
  contents_.emplace_front(text, std::move(what));
  if (contents_.size() > limits::webseed_listings_max)
    contents_.pop_back();
}

void origin_lister::list(const origin_name& name, promise to) {
  auto text = revision_text(name);
  auto lately = names_.find(text);
  if (lately != names_.end() && lately->second.until > mono_now()) {
    auto listing = lately->second.listing;
    auto pinned = name;
    pinned.rev = listing.commit;
    auto known = listing.found ? content_of(revision_text(pinned)) : std::nullopt;
    if (known) {
      listing.files = std::move(known->files);
      listing.card = std::move(known->card);
    }
    if (!listing.found || known) {
      to.deliver(std::move(listing));
      return;
    }
  }
  if (auto running = lookups_.find(text); running != lookups_.end())
    return running->second.waiting.push_back(std::move(to));
  if (lookups_.size() >= limits::webseed_lookups_max) {
    to.deliver(to_caf({ec::busy, "too many questions to origins"}));
    return;
  }
  auto& made = lookups_[text];
  made.name = name;
  made.waiting.push_back(std::move(to));
  made.base = side_.health().order(mono_now()).front();
  ask(text, revision_url(side_.config().base_urls[made.base], name));
}

void origin_lister::ask(const std::string& text, std::string url) {
  side_.lookups.add();
  origin::request made;
  made.url = std::move(url);
  made.body_bytes_max = limits::webseed_listing_bytes_max;
  made.on_done = [mail = mail_, text](auto how) {
    listing_page x;
    x.name = text;
    if (how) {
      x.body = std::move(how->body);
      x.next = next_of_link(how->head.link);
    } else {
      x.failed = std::move(how.error());
    }
    mail->send(std::move(x));
  };
  side_.client().ask(std::move(made));
}

void origin_lister::on_page(listing_page& x) {
  auto found = lookups_.find(x.name);
  if (found == lookups_.end())
    return;
  auto& l = found->second;
  if (x.failed && says_no(*x.failed)) {
    origin_listing none;
    none.error_code = x.failed->head.error_code;
    return settle(x.name, std::move(none));
  }
  if (x.failed) {
    side_.health().note_failure(l.base, *x.failed, mono_now());
    log::warn("webseed", "gets no listing name={} error=\"{}\"", x.name, to_string(x.failed->why));
    return settle(x.name, fail(ec::unavailable, x.failed->why.detail));
  }
  side_.health().note_answer(l.base);
  if (l.commit.empty())
    on_commit(l, x.name, x);
  else
    on_files(l, x.name, x);
}

void origin_lister::on_commit(lookup& l, const std::string& text, const listing_page& x) {
  auto revision = parse_hub_revision(x.body);
  if (!revision)
    return settle(text, fail(ec::unavailable, revision.error().detail));
  l.commit = std::move(revision->commit);
  l.card = std::make_shared<const repository_card>(std::move(revision->card));
  auto pinned = l.name;
  pinned.rev = l.commit;
  if (auto known = content_of(revision_text(pinned)))
    return settle(text, origin_listing{true, {}, l.commit, known->files, known->card});
  ask(text, tree_url(side_.config().base_urls[l.base], l.name, l.commit));
}

void origin_lister::on_files(lookup& l, const std::string& text, const listing_page& x) {
  auto files = parse_hub_tree(x.body);
  if (!files)
    return settle(text, fail(ec::unavailable, files.error().detail));
  l.files.insert(l.files.end(), std::make_move_iterator(files->begin()),
                 std::make_move_iterator(files->end()));
  ++l.pages;
  if (l.files.size() > limits::files_per_revision_max
      || (!x.next.empty() && l.pages >= limits::webseed_listing_pages_max))
    return settle(text, fail(ec::unavailable, "the origin's listing is too long"));
  if (!x.next.empty() && !is_same_place(x.next, side_.config().base_urls[l.base]))
    return settle(text, fail(ec::unavailable, "the origin's listing goes on elsewhere"));
  if (!x.next.empty())
    return ask(text, x.next);
  auto all = std::make_shared<const std::vector<hub_file>>(std::move(l.files));
  auto pinned = l.name;
  pinned.rev = l.commit;
  keep(revision_text(pinned), {all, l.card});
  settle(text, origin_listing{true, {}, l.commit, std::move(all), l.card});
}

void origin_lister::settle(const std::string& text, result<origin_listing> how) {
  auto over = lookups_.extract(text);
  if (how) {
    auto lifetime = how->found ? side_.config().fresh : missing_lifetime;
    if (names_.size() >= limits::webseed_known_max)
      names_.clear();
    auto& known = names_[text];
    known.listing = {how->found, how->error_code, how->commit, nullptr, nullptr};
    known.until = mono_now() + lifetime;
  }
  for (auto& waiting : over.mapped().waiting)
    if (how)
      waiting.deliver(*how);
    else
      waiting.deliver(to_caf(how.error()));
}

} // namespace shoal
