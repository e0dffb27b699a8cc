// SPDX-License-Identifier: Apache-2.0
#include "actors/agent_share.hpp"

#include "actors/link_kinds.hpp"
#include "core/log.hpp"

namespace shoal {

void share_agents(const std::shared_ptr<agent_book>& book, cluster::links& links,
                  std::function<std::vector<std::string>()> others) {
  book->tell_others([&links, others = std::move(others)](const link_agent& x) {
    auto body = encode(x);
    for (auto& node : others())
      links.tell(node, link_kind::agent, body);
  });
  // Handlers of one kind run one after the other.
  links.serve(link_kind::agent, [book, reader = std::make_shared<ws_decoder>()](
                                    const cluster::link_message& x, const cluster::link_reply&) {
    auto news = decode_link_agent(x.body);
    if (!news)
      return log::warn("agents", "cannot read what a node tells node={} error=\"{}\"", x.from,
                       to_string(news.error()));
    if (news->said.empty())
      return book->lose(std::string{x.from}, news->line);
    auto said = reader->decode(news->said);
    if (said && std::holds_alternative<ws_agent>(*said))
      book->hear(std::string{x.from}, *news, std::move(std::get<ws_agent>(*said)));
  });
}

} // namespace shoal
