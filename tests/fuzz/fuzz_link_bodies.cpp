// SPDX-License-Identifier: Apache-2.0
#include "protocol/link_announce.hpp"
#include "protocol/link_spent.hpp"
#include "protocol/link_web.hpp"

using namespace shoal;

namespace {

/// What is accepted is written and read again, and is the same.
void announces(std::string_view body) {
  link_announce_reader in{body};
  std::string text;
  link_announce_writer out{text, 0, in.forwarded()};
  link_announce x;
  while (in.next(x)) {
    std::string one;
    link_announce_writer single{one, x.ticket, false};
    SHOAL_CHECK(single.add(x) == x.ticket);
    link_announce_reader again{one};
    link_announce y;
    SHOAL_CHECK(again.next(y) && y == x && !again.next(y) && again.good());
  }
}

void answers(std::string_view body) {
  link_answer_reader in{body};
  link_answer x;
  while (in.next(x)) {
    std::string text;
    append_link_answer(text, x);
    link_answer_reader again{text};
    link_answer y;
    SHOAL_CHECK(again.next(y) && y == x && !again.next(y) && again.good());
  }
}

void scrapes(std::string_view body) {
  link_scrape_reader in{body};
  link_scraped x;
  while (in.next(x)) {
    std::string text;
    append_link_scrape(text, {x.ticket, x.swarms});
    link_scrape_reader again{text};
    link_scraped y;
    SHOAL_CHECK(again.next(y) && y.ticket == x.ticket && y.swarms == x.swarms);
  }
}

void scrape_answers(std::string_view body) {
  link_scrape_answer_reader in{body};
  link_scrape_answer x;
  while (in.next(x)) {
    std::string text;
    append_link_scrape_answer(text, x);
    link_scrape_answer_reader again{text};
    link_scrape_answer y;
    SHOAL_CHECK(again.next(y) && y == x);
  }
}

void web(std::string_view body) {
  auto x = decode_link_web(body);
  if (!x)
    return;
  auto text = encode(*x);
  SHOAL_CHECK(text && decode_link_web(*text) == x);
}

void spent(std::string_view body) {
  auto x = decode_link_spent(body);
  SHOAL_CHECK(!x || decode_link_spent(encode(*x)) == x);
}

} // namespace

/// The first byte chooses the decoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  constexpr void (*decoders[])(std::string_view)
      = {announces, answers, scrapes, scrape_answers, web, spent};
  decoders[data[0] % 6](as_chars({data + 1, size - 1}));
  return 0;
}
