// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "protocol/git_identity.hpp"
#include "protocol/hub_tree.hpp"
#include "protocol/model_id.hpp"

#include <nlohmann/json.hpp>

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  if (auto files = parse_hub_tree(text))
    for (auto& file : *files)
      SHOAL_CHECK(is_safe_path(file.path) && file.sha256.has_value() != file.git_blob.has_value());
  if (auto revision = parse_hub_revision(text)) {
    SHOAL_CHECK(is_commit_id(revision->commit));
    auto& card = revision->card;
    SHOAL_CHECK(repository_card_from_json(to_json(card)) == card);
    profile_of(card, [](auto) { return true; });
  }
  auto next = next_of_link(text);
  SHOAL_CHECK(next.size() <= text.size() && next.find('>') == std::string::npos);
  return 0;
}
