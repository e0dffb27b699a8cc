// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "actors/late_mail.hpp"
#include "actors/messages/registry_links.hpp"
#include "core/limits.hpp"

#include <unordered_map>

namespace shoal {

/// An actor's questions to other nodes. The actor hands in each `remote_answer` that it gets, and
/// says `close` when it exits.
class link_asker {
public:
  using callback = std::function<void(result<std::string>)>;

  /// @param to outlives this.
  template <class Handle>
  link_asker(cluster::links& to, const Handle& self)
      : links_{to}, mail_{std::make_shared<late_mail>(self)} {}

  /// @param deadline as the links' clock has it. @param then called once, within `answer`.
  /// @errors as `cluster::links::call`.
  void ask(const std::string& node, uint16_t kind, std::string body, mono_time deadline,
           callback then) {
    if (waiting_.size() >= limits::registry_asks_max)
      return then(fail(ec::busy, "too many questions to other nodes"));
    auto ticket = ++last_;
    waiting_.emplace(ticket, std::move(then));
    links_.call(node, kind, std::move(body), deadline,
                [mail = mail_, ticket](result<std::string> how) {
                  if (how)
                    mail->send(remote_answer{ticket, 0, std::move(*how)});
                  else
                    mail->send(remote_answer{ticket, static_cast<uint8_t>(how.error().code),
                                             how.error().detail});
                });
  }

  void answer(remote_answer& x) {
    auto found = waiting_.find(x.ticket);
    if (found == waiting_.end())
      return;
    auto then = std::move(found->second);
    waiting_.erase(found);
    if (x.code == 0)
      then(std::move(x.text));
    else
      then(fail(static_cast<ec>(x.code), std::move(x.text)));
  }

  void close() {
    mail_->close();
    waiting_.clear();
  }

private:
  cluster::links& links_;
  std::shared_ptr<late_mail> mail_;
  std::unordered_map<uint64_t, callback> waiting_;
  uint64_t last_ = 0;
};

} // namespace shoal
