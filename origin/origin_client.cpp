// SPDX-License-Identifier: Apache-2.0
#include "origin/origin_client.hpp"

#include "origin/transfer.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace shoal::origin {

namespace {

/// Between two looks at what is overdue or may begin.
constexpr int look_period_ms = 200;

struct multi_deleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

/// @returns authority and token of "https://host=token".
result<std::pair<std::string, std::string>> split_token(const std::string& text) {
  auto equals = text.find('=');
  auto where = origin_url::parse(text.substr(0, equals));
  auto token = equals == std::string::npos ? std::string{} : text.substr(equals + 1);
  auto is_odd = [](char c) { return c <= 0x20 || c > 0x7e; };
  if (!where || token.empty() || std::any_of(token.begin(), token.end(), is_odd))
    return fail(ec::invalid_argument, "a token is written \"https://host=TOKEN\"");
  return std::pair{where->authority, token};
}

} // namespace

std::string_view name(failure_kind kind) {
  constexpr std::array<std::string_view, static_cast<size_t>(failure_kind::sentinel_)> names{
      "connect", "refused",    "tls",     "timeout", "cut",     "redirect", "limited",
      "status",  "bad_answer", "changed", "wrong",   "storage", "cancelled"};
  return names[static_cast<size_t>(kind)];
}

result<void> check_tokens(const std::vector<std::string>& tokens) {
  for (auto& one : tokens)
    if (auto parts = split_token(one); !parts)
      return tl::unexpected{parts.error()};
  return {};
}

/// The client's thread and all that belongs to it.
class origin_client::loop {
public:
  explicit loop(client_config config) : config_{std::move(config)}, multi_{curl_multi_init()} {
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    for (auto& one : config_.tokens) {
      auto parts = split_token(one);
      tokens_.emplace(parts->first, parts->second);
    }
    thread_ = std::thread{[this] { run(); }};
  }

  ~loop() {
    {
      std::lock_guard guard{mutex_};
      leaving_ = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  ticket ask(request what) {
    ticket made = 0;
    {
      std::lock_guard guard{mutex_};
      made = ++last_ticket_;
      asked_.emplace_back(made, std::move(what));
    }
    curl_multi_wakeup(multi_.get());
    return made;
  }

  void cancel(ticket which) {
    {
      std::lock_guard guard{mutex_};
      unwanted_.push_back(which);
    }
    curl_multi_wakeup(multi_.get());
  }

  totals usage() const {
    std::lock_guard guard{mutex_};
    return totals_;
  }

private:
  using transfer_ptr = std::unique_ptr<transfer>;

  struct place {
    explicit place(uint64_t bytes_per_second) : pace{bytes_per_second} {}

    origin_pace pace;
    size_t active = 0;
    std::deque<transfer_ptr> waiting;
    mono_time not_before{};
  };

  void run() {
    while (take_orders()) {
      int going = 0;
      curl_multi_perform(multi_.get(), &going);
      collect();
      look_around(mono_now());
      auto patience_ms = let_go_on(mono_now());
      note_use();
      curl_multi_poll(multi_.get(), nullptr, 0, patience_ms, nullptr);
    }
    end_all();
  }

  /// Those that wait for the pace of their origin, who has waited longest first.
  /// @returns when to look again, in milliseconds.
  int let_go_on(mono_time now) {
    std::vector<transfer*> paused;
    for (auto& [easy, t] : active_)
      if (t->paused_at())
        paused.push_back(t.get());
    paused_ = paused.size();
    std::sort(paused.begin(), paused.end(),
              [](auto* a, auto* b) { return *a->paused_at() < *b->paused_at(); });
    auto patience = std::chrono::nanoseconds{std::chrono::milliseconds{look_period_ms}};
    for (auto* t : paused) {
      if (t->pace().is_open(now)) {
        ++pauses_;
        t->go_on(now);
      }
      if (t->paused_at())
        patience = std::min(patience, t->pace().closed_for(now));
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(patience).count());
  }

  place& place_of(const origin_url& where) {
    return places_.try_emplace(where.authority, config_.bytes_per_second).first->second;
  }

  /// @returns false once the client ends.
  bool take_orders() {
    std::vector<std::pair<ticket, request>> asked;
    std::vector<ticket> unwanted;
    {
      std::lock_guard guard{mutex_};
      if (leaving_)
        return false;
      asked = std::exchange(asked_, {});
      unwanted = std::exchange(unwanted_, {});
    }
    for (auto& [number, what] : asked)
      take(number, std::move(what));
    for (auto number : unwanted)
      drop(number);
    return true;
  }

  void take(ticket number, request what) {
    auto where = origin_url::parse(what.url);
    if (!where) {
      failure why;
      why.kind = failure_kind::redirect;
      why.why = where.error();
      count(why.kind);
      return what.on_done(tl::unexpected{std::move(why)});
    }
    enqueue(std::make_unique<transfer>(number, std::move(what), std::move(*where)));
  }

  void enqueue(transfer_ptr t) {
    auto& there = place_of(t->where());
    there.waiting.push_back(std::move(t));
    begin_waiting(there, mono_now());
  }

  void begin_waiting(place& there, mono_time now) {
    while (!there.waiting.empty() && there.active < config_.requests_per_origin
           && there.not_before <= now) {
      auto t = std::move(there.waiting.front());
      there.waiting.pop_front();
      begin(there, std::move(t), now);
    }
  }

  /// A proxy would connect to an address that the URL names without asking anybody.
  bool names_refused_address(const origin_url& where) const {
    std::string_view host = where.host;
    while (host.ends_with('.')) // As a name may; some proxies read an address all the same.
      host.remove_suffix(1);
    auto address = ip_address::parse(host);
    return address && !config_.guard.allows(where.host, *address);
  }

  void begin(place& there, transfer_ptr t, mono_time now) {
    if (names_refused_address(t->where()))
      return fail_one(std::move(t), failure_kind::refused, "an address that origins may not have");
    auto token = tokens_.find(t->where().authority);
    auto is_sent = token != tokens_.end() && !t->is_anonymous();
    t->prepare(config_, is_sent ? token->second : std::string{}, there.pace, now);
    ++there.active;
    ++requests_;
    auto* easy = t->easy();
    active_.emplace(easy, std::move(t));
    curl_multi_add_handle(multi_.get(), easy);
  }

  void collect() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi_.get(), &left))
      if (message->msg == CURLMSG_DONE)
        over(message->easy_handle, message->data.result);
  }

  transfer_ptr release(CURL* easy) {
    auto found = active_.extract(easy);
    auto t = std::move(found.mapped());
    curl_multi_remove_handle(multi_.get(), easy);
    bytes_ += t->take_bytes();
    --place_of(t->where()).active;
    return t;
  }

  void over(CURL* easy, CURLcode code) {
    auto t = release(easy);
    auto& from = place_of(t->where());
    if (auto next = t->hop(code, config_)) {
      t->go_to(std::move(*next));
      enqueue(std::move(t));
    } else {
      t->finish(code);
      if (t->failed())
        note_failure(*t->failed(), from);
    }
    begin_waiting(from, mono_now());
  }

  void note_failure(const failure& why, place& from) {
    count(why.kind);
    if (why.kind != failure_kind::limited)
      return;
    auto rest
        = std::min(why.retry_after.value_or(std::chrono::seconds{1}), config_.retry_after_max);
    from.not_before = std::max(from.not_before, mono_now() + rest);
  }

  void fail_one(transfer_ptr t, failure_kind kind, std::string text) {
    failure why;
    why.kind = kind;
    why.why = {ec::unavailable, t->where().host + ": " + std::move(text)};
    count(kind);
    t->fail_with(std::move(why));
  }

  void look_around(mono_time now) {
    std::vector<CURL*> overdue;
    for (auto& [easy, t] : active_) {
      bytes_ += t->take_bytes();
      if (t->is_overdue(config_, now))
        overdue.push_back(easy);
    }
    for (auto* easy : overdue) {
      auto ms = std::to_string(config_.timeout.count());
      fail_one(release(easy), failure_kind::timeout,
               "nothing came for " + ms + " ms, or next to nothing");
    }
    for (auto it = places_.begin(); it != places_.end();) {
      begin_waiting(it->second, now);
      auto& there = it->second;
      auto idle = there.active == 0 && there.waiting.empty() && there.pace.is_open(now);
      it = idle && there.not_before <= now ? places_.erase(it) : std::next(it);
    }
  }

  void drop(ticket number) {
    for (auto& [easy, t] : active_)
      if (t->ticket() == number)
        return fail_one(release(easy), failure_kind::cancelled, "nobody wants it any more");
    for (auto& [authority, there] : places_)
      for (auto it = there.waiting.begin(); it != there.waiting.end(); ++it)
        if ((*it)->ticket() == number) {
          auto t = std::move(*it);
          there.waiting.erase(it);
          return fail_one(std::move(t), failure_kind::cancelled, "nobody wants it any more");
        }
  }

  void end_all() {
    while (!active_.empty())
      fail_one(release(active_.begin()->first), failure_kind::cancelled, "the node ends");
    for (auto& [authority, there] : places_)
      for (auto& t : std::exchange(there.waiting, {}))
        fail_one(std::move(t), failure_kind::cancelled, "the node ends");
    std::vector<std::pair<ticket, request>> asked;
    {
      std::lock_guard guard{mutex_};
      asked = std::exchange(asked_, {});
    }
    for (auto& [number, what] : asked) {
      failure why;
      why.kind = failure_kind::cancelled;
      what.on_done(tl::unexpected{std::move(why)});
    }
  }

  void count(failure_kind kind) { ++failures_[static_cast<size_t>(kind)]; }

  void note_use() {
    size_t queued = 0;
    for (auto& [authority, there] : places_)
      queued += there.waiting.size();
    std::lock_guard guard{mutex_};
    totals_ = {bytes_, requests_, active_.size(), queued, paused_, pauses_, failures_};
  }

  client_config config_;
  std::map<std::string, std::string> tokens_; ///< By authority.
  std::unique_ptr<CURLM, multi_deleter> multi_;
  std::unordered_map<CURL*, transfer_ptr> active_;
  std::map<std::string, place> places_; ///< By authority.
  uint64_t bytes_ = 0;
  uint64_t requests_ = 0;
  size_t paused_ = 0;
  uint64_t pauses_ = 0;
  std::array<uint64_t, static_cast<size_t>(failure_kind::sentinel_)> failures_{};

  mutable std::mutex mutex_;
  std::vector<std::pair<ticket, request>> asked_;
  std::vector<ticket> unwanted_;
  ticket last_ticket_ = 0;
  bool leaving_ = false;
  totals totals_;

  std::thread thread_; ///< Last: uses all of the above.
};

origin_client::origin_client(std::unique_ptr<loop> made) : loop_{std::move(made)} {}

origin_client::~origin_client() = default;

result<std::unique_ptr<origin_client>> origin_client::start(client_config config) {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK)
    return fail(ec::unavailable, "libcurl does not start");
  if (auto checked = check_tokens(config.tokens); !checked)
    return tl::unexpected{checked.error()};
  return std::unique_ptr<origin_client>{
      new origin_client{std::make_unique<loop>(std::move(config))}};
}

origin_client::ticket origin_client::ask(request what) {
  return loop_->ask(std::move(what));
}

void origin_client::cancel(ticket which) {
  loop_->cancel(which);
}

origin_client::totals origin_client::usage() const {
  return loop_->usage();
}

} // namespace shoal::origin
