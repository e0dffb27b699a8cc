// SPDX-License-Identifier: Apache-2.0
#include "http/dialects/pull_home.hpp"

#include "core/log.hpp"
#include "http/object_relay.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/percent.hpp"

#include <charconv>

namespace shoal::http {

namespace {

/// Whether it is that node which cannot do it, so that another one may. That a node is busy is no
/// reason for a second pull.
bool is_of_node(ec code) {
  return code == ec::storage_full || code == ec::storage_failed || code == ec::corrupt
         || code == ec::unsupported || code == ec::shutting_down;
}

/// How a stream has ended that is not at its end.
struct broken_stream {
  /// What that says about the node that gave it.
  enum class about : uint8_t {
    file,   ///< Nothing: no other node would do better.
    doubt,  ///< It may be gone, or slow: whether it is there must be asked.
    failure ///< It cannot do it.
  };

  error why;
  about node = about::failure;
};

using about = broken_stream::about;
using stream_end = tl::expected<void, broken_stream>;

tl::unexpected<broken_stream> broken(error why, about node) {
  return tl::unexpected<broken_stream>{{std::move(why), node}};
}

task<stream_end> pull_as_home(exchange& ex, pulled_answer& to) {
  auto sent = co_await pull_here(ex, to);
  if (!sent)
    co_return broken(sent.error(), is_of_node(sent.error().code) ? about::failure : about::file);
  co_return stream_end{};
}

about judge(const reached_source& x) {
  if (x.refused)
    return is_of_node(x.why.code) ? about::failure : about::file;
  return x.why.code == ec::timeout ? about::doubt : about::failure;
}

/// Sends what the home pulls, with one buffer.
task<stream_end> relay(exchange& ex, pulled_answer& to, object_place home) {
  auto& bulk = *ex.srv().bulk;
  auto seat = bulk.enter_pull();
  if (!seat)
    co_return broken({ec::busy, "too many files come from other nodes"}, about::file);
  auto& head = to.head;
  bulk_request request{pull_target(to.name, to.what), to.what.size_bytes, head.offset, head.length,
                       defaults::pull_source_stall};
  auto& pool = ex.far()->pool();
  auto reached = co_await pool.reach(home, std::move(request));
  if (!reached.source)
    co_return broken(reached.why, judge(reached));
  if (!ex.answered())
    to.going = co_await ex.send_head(head.head, head.length);
  std::unique_ptr<char[]> buffer{new char[limits::pull_relay_buffer_bytes]};
  std::span<char> room{buffer.get(), limits::pull_relay_buffer_bytes};
  relayed_part left{head.offset, head.length, to.going};
  auto poured = co_await pour(ex, *reached.source, left, room, bulk.pull_bytes);
  head.offset = left.offset;
  head.length = left.length;
  to.going = left.going;
  if (!poured) {
    bulk.pull_switches.add();
    co_return broken(poured.error(), about::doubt);
  }
  if (to.going)
    pool.keep(std::move(reached.source));
  co_return stream_end{};
}

/// Whether two pulls of it give the same bytes for certain.
bool may_change_hands(const pulled_answer& to) {
  return to.from.is_checkable() || !to.from.etag.empty();
}

template <class Digest>
result<std::optional<Digest>> read_digest(const query_params& from, std::string_view name) {
  auto text = from.get(name);
  if (!text)
    return std::optional<Digest>{};
  auto digest = Digest::from_hex(*text);
  return digest ? result<std::optional<Digest>>{digest} : fail(ec::invalid_argument);
}

} // namespace

task<result<void>> pull_anywhere(exchange& ex, pulled_answer& to) {
  auto* bulk = ex.srv().bulk;
  if (!bulk || !bulk->homes()) {
    auto sent = co_await pull_here(ex, to);
    co_return sent;
  }
  find_home question{to.from.key, {}};
  error why{ec::unavailable, {}};
  auto until = mono_now() + defaults::webseed_first_byte_patience;
  for (;;) {
    auto home = co_await ex.ask<pull_home>(bulk->homes(), question);
    if (!home)
      co_return tl::unexpected{question.failed.empty() ? home.error() : why};
    auto from = to.head.offset;
    stream_end end;
    if (home->is_here())
      end = co_await pull_as_home(ex, to);
    else
      end = co_await relay(ex, to, home->place);
    if (end)
      co_return result<void>{};
    why = end.error().why;
    if (end.error().node == about::file || (ex.answered() && !may_change_hands(to)))
      co_return tl::unexpected{why};
    log::warn("bulk", "does not get a file pull={} node={} error=\"{}\"", to.from.key.brief(),
              home->place.node, to_string(why));
    if (to.head.offset != from)
      until = mono_now() + defaults::webseed_first_byte_patience;
    // A crowd makes its home slow: that is no reason to pull the file once more.
    question.doubted = home->place.node;
    if (end.error().node == about::failure || mono_now() > until)
      question.failed.push_back(home->place.node);
  }
}

std::string pull_target(const origin_name& name, const origin_record& what) {
  auto text = "/pulls?kind=" + percent_encode(name.kind) + "&id=" + percent_encode(name.id)
              + "&rev=" + percent_encode(name.rev) + "&path=" + percent_encode(name.path)
              + "&size=" + std::to_string(what.size_bytes);
  auto add = [&text](std::string_view key, std::string_view value) {
    if (!value.empty())
      text.append("&").append(key).append("=").append(percent_encode(value));
  };
  add("commit", what.commit);
  add("etag", what.etag);
  add("sha256", what.sha256 ? what.sha256->hex() : std::string{});
  add("git", what.git_blob ? what.git_blob->hex() : std::string{});
  return text;
}

result<asked_pull> read_pull_target(std::string_view query) {
  auto params = query_params::parse(query);
  if (!params)
    return tl::unexpected{params.error()};
  auto text = [&](std::string_view key) { return params->get(key).value_or(std::string{}); };
  asked_pull made;
  made.name = {text("kind"), text("id"), text("rev"), text("path")};
  made.what.etag = text("etag");
  made.what.commit = text("commit");
  auto size = text("size");
  auto [end, failed]
      = std::from_chars(size.data(), size.data() + size.size(), made.what.size_bytes);
  auto sha256 = read_digest<sha256_digest>(*params, "sha256");
  auto git = read_digest<sha1_digest>(*params, "git");
  auto is_whole = failed == std::errc{} && end == size.data() + size.size();
  if (!is_whole || made.what.size_bytes == 0 || made.what.size_bytes > limits::object_bytes_max
      || !sha256 || !git || !is_sound(made.name)
      || (!made.what.commit.empty() && !is_commit_id(made.what.commit)))
    return fail(ec::invalid_argument, "this names no file");
  made.what.sha256 = *sha256;
  made.what.git_blob = *git;
  return made;
}

} // namespace shoal::http
