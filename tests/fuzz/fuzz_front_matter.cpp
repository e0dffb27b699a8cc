// SPDX-License-Identifier: Apache-2.0
#include "core/hex.hpp"
#include "protocol/front_matter.hpp"
#include "protocol/repository_card.hpp"

#include <nlohmann/json.hpp>

using namespace shoal;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = as_chars({data, size});
  if (auto made = front_matter_json(text))
    SHOAL_CHECK(nlohmann::json::parse(*made, nullptr, false).is_object());
  repository_card card;
  card.data = card_data_of(text);
  card.config = card_config_of(text);
  SHOAL_CHECK(repository_card_from_json(to_json(card)) == card);
  auto shown = profile_of(card, [](auto) { return false; });
  SHOAL_CHECK(shown.tags.size() <= card_words_max);
  return 0;
}
