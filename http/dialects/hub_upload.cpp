// SPDX-License-Identifier: Apache-2.0
// Commits through Hugging Face's API.
#include "http/dialects/hub_upload.hpp"

#include "core/log.hpp"
#include "http/dialects/bring_file.hpp"
#include "http/dialects/hub_commit.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace shoal::http {

namespace {

using namespace std::chrono_literals;

using document = nlohmann::json;

/// Two commits at the same moment: the later one is made again on top of the other.
constexpr int attempts_max = 5;

/// Cuts a body into lines. Memory is one line and a buffer.
class line_reader {
public:
  explicit line_reader(exchange& ex) : ex_{ex} {}

  /// @returns the next line that is not empty; an empty one at the end.
  /// @errors ec::too_large, and those of the connection.
  task<result<std::string>> next() {
    std::string line;
    for (;;) {
      auto end = std::find(rest_.begin(), rest_.end(), '\n');
      line.append(rest_.begin(), end);
      rest_.remove_prefix(static_cast<size_t>(end - rest_.begin()));
      if (line.size() > limits::hub_commit_line_bytes_max)
        co_return too_large("a line of a commit", limits::hub_commit_line_bytes_max);
      if (!rest_.empty()) {
        rest_.remove_prefix(1);
        if (line.find_first_not_of(" \t\r") != std::string::npos)
          co_return line;
        line.clear();
        continue;
      }
      auto n = co_await ex_.read_some(buffer_);
      if (!n)
        co_return tl::unexpected{n.error()};
      if (*n == 0)
        co_return line;
      total_bytes_ += *n;
      if (total_bytes_ > limits::hub_commit_bytes_max)
        co_return too_large("a commit", limits::hub_commit_bytes_max);
      rest_ = as_chars(std::span{buffer_}.first(*n));
    }
  }

private:
  static tl::unexpected<error> too_large(const char* what, size_t bytes_max) {
    return fail(ec::too_large,
                std::string{what} + " has more than " + std::to_string(bytes_max) + " bytes");
  }

  exchange& ex_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(256 * 1024);
  std::string_view rest_;
  uint64_t total_bytes_ = 0;
};

struct commit_body {
  hub_commit_head head;
  std::vector<hub_change> changes;
  std::optional<sha256_digest> absent = {}; ///< An upload that the last line names is not here.
};

/// An uploaded file, if its object is here.
result<manifest_file> find_upload(object_store& objects, const hub_pointer& what,
                                  std::optional<sha256_digest>& absent) {
  auto size = objects.size(what.object);
  if (!size)
    absent = what.object;
  if (!size)
    return fail(ec::invalid_argument,
                "Your push was rejected because an LFS pointer pointed to a file that does not "
                "exist. Upload it first: "
                    + what.path + " " + what.object.hex());
  if (what.size_bytes && *what.size_bytes != *size)
    return fail(ec::invalid_argument, what.path + " has " + std::to_string(*size) + " bytes");
  return manifest_file{what.path, *size, what.object, std::nullopt};
}

/// Reads one line and stores what is in it. Runs on the disk pool.
result<void> take_line(object_store& objects, const std::string& text, commit_body& into) {
  auto line = read_change_line(text);
  if (!line)
    return tl::unexpected{line.error()};
  if (auto* head = std::get_if<hub_commit_head>(&*line)) {
    into.head = std::move(*head);
    return {};
  }
  if (into.changes.size() >= limits::files_per_revision_max)
    return fail(ec::too_large, "a commit has at most "
                                   + std::to_string(limits::files_per_revision_max) + " changes");
  if (auto* removal = std::get_if<hub_removal>(&*line)) {
    into.changes.emplace_back(std::move(*removal));
    return {};
  }
  auto* inline_text = std::get_if<hub_text>(&*line);
  auto& path = inline_text ? inline_text->path : std::get<hub_pointer>(*line).path;
  if (!is_safe_path(path))
    return fail(ec::invalid_argument, "no file can be called so: " + path);
  auto file = inline_text ? store_text(objects, std::move(path), inline_text->content)
                          : find_upload(objects, std::get<hub_pointer>(*line), into.absent);
  if (!file)
    return tl::unexpected{file.error()};
  into.changes.emplace_back(std::move(*file));
  return {};
}

task<result<commit_body>> read_commit(exchange& ex) {
  commit_body body;
  line_reader lines{ex};
  auto* objects = &ex.node().objects();
  for (;;) {
    auto line = co_await lines.next();
    if (!line)
      co_return tl::unexpected{line.error()};
    if (line->empty())
      break;
    auto take = [&] { return take_line(*objects, *line, body); };
    auto taken = co_await ex.on_disk(take);
    if (auto absent = std::exchange(body.absent, std::nullopt)) {
      auto brought = co_await bring_file(ex, *absent); // It was uploaded at another node.
      if (!brought && brought.error().code != ec::not_found)
        co_return fail(ec::unavailable,
                       "an upload is at another node: " + to_string(brought.error()));
      if (brought)
        taken = co_await ex.on_disk(take);
    }
    if (!taken)
      co_return tl::unexpected{taken.error()};
  }
  if (body.changes.empty())
    co_return fail(ec::invalid_argument, "a commit without changes");
  co_return body;
}

/// What "main" stands for now.
task<hub_result<hub_base>> find_base(exchange& ex, std::string kind, std::string id) {
  hub_path main;
  main.id = std::move(id);
  main.rest = "main";
  auto place = co_await find_place(ex, kind, std::move(main));
  if (!place)
    co_return tl::unexpected{std::move(place.error())};
  if (place->what.rev == "main")
    co_return tl::unexpected{refused(
        409, "The revision main was published as such and never changes. Remove it, or publish "
             "another one")};
  hub_base base;
  base.id = place->files->id;
  base.kind = std::move(kind);
  base.is_private = place->what.is_private;
  base.is_mirror = place->what.is_mirror;
  base.files = place->files;
  base.rev = place->what.rev;
  base.commit = place->commit;
  auto entry = co_await load_entry(ex, place->what.entry_key);
  if (entry)
    base.about = std::move(*entry);
  co_return base;
}

response commit_answer(const exchange& ex, const hub_base& base, const std::string& commit) {
  document doc{{"success", true},
               {"commitOid", commit},
               {"commitUrl", ex.base_url() + "/" + std::string{path_prefix(base.kind)}
                                 + base.id.str() + "/commit/" + commit},
               {"hookOutput", ""}};
  return json(200, dump_json(doc));
}

/// Another node's copy of the registry may be a little behind.
task<> pause(std::chrono::milliseconds span) {
  using clock = std::chrono::steady_clock;
  auto here = co_await asio::this_coro::executor;
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor> timer{here, span};
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(use_task, ignored));
}

/// The names under which a client may commit: only the branch moves.
task<std::optional<hub_error>> check_branch(exchange& ex, std::string kind, hub_path where) {
  if (catalog_name(where.rest) == "main")
    co_return std::nullopt;
  auto name = where.rest;
  auto place = co_await find_place(ex, std::move(kind), std::move(where));
  if (!place)
    co_return std::move(place.error());
  co_return refused(403, "The revision " + name + " never changes. Commit to main");
}

} // namespace

hub_error refused(unsigned status, std::string message) {
  return {status, {}, std::move(message)};
}

hub_error change_trouble(const error& err) {
  if (!is_client_error(err.code))
    log::warn("http", "cannot commit error=\"{}\"", to_string(err));
  if (err.code == ec::not_found) // Of the commit's own lines: clients know no other name for it.
    return refused(400, err.detail);
  return hub_trouble(err);
}

task<hub_reply> commit(exchange& ex, std::string kind, hub_path where) {
  if (auto why = cannot_write(ex))
    co_return tl::unexpected{std::move(*why)};
  auto params = ex.params();
  if (params && is_set(*params, "create_pr"))
    co_return tl::unexpected{refused(403, "There are no pull requests here. Commit to main")};
  auto id = where.id;
  auto wrong = co_await check_branch(ex, kind, std::move(where));
  if (wrong)
    co_return tl::unexpected{std::move(*wrong)};
  auto body = co_await read_commit(ex);
  if (!body)
    co_return tl::unexpected{change_trouble(body.error())};
  error last{ec::busy, {}};
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto base = co_await find_base(ex, kind, id);
    if (!base)
      co_return tl::unexpected{std::move(base.error())};
    auto& parent = body->head.parent;
    if (!parent.empty() && parent != base->commit) {
      // The parent may be the commit that this copy of the registry lacks.
      auto why = unless_behind(ex, {ec::not_found, {}});
      if (why.code != ec::not_found)
        co_return tl::unexpected{hub_trouble(why)};
      co_return tl::unexpected{
          refused(412, "A commit has happened since. Please refresh and try again.")};
    }
    auto made = co_await make_commit(ex, *base, body->changes, body->head, unix_now());
    if (made)
      co_return commit_answer(ex, *base, made->commit);
    last = made.error();
    if (last.code != ec::conflict)
      break;
    co_await pause(attempt * 50ms);
  }
  if (last.code == ec::conflict)
    last = {ec::busy, last.detail};
  co_return tl::unexpected{change_trouble(last)};
}

} // namespace shoal::http
