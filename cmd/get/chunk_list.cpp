// SPDX-License-Identifier: Apache-2.0
#include "cmd/get/chunk_list.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shoal::get {

std::string chunk_line(const noted_chunk& note) {
  return std::to_string(note.file) + " " + std::to_string(note.range.first) + " "
         + std::to_string(note.range.end) + "\n";
}

std::map<size_t, std::vector<chunk>> read_chunks(std::string_view text) {
  std::map<size_t, std::vector<chunk>> notes;
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1) {
    std::array<uint64_t, 3> numbers{};
    const char* from = text.data() + at;
    const char* const stop = text.data() + end;
    size_t count = 0;
    for (; count < numbers.size(); ++count) {
      const auto [rest, err] = std::from_chars(from, stop, numbers[count]);
      if (err != std::errc{}
          || (count + 1 < numbers.size() ? rest == stop || *rest != ' ' : rest != stop))
        break;
      from = rest + 1;
    }
    if (count == numbers.size() && numbers[1] < numbers[2])
      notes[numbers[0]].push_back({numbers[1], numbers[2]});
  }
  return notes;
}

std::vector<chunk> missing_chunks(uint64_t size_bytes, std::vector<chunk> held) {
  std::sort(held.begin(), held.end(), [](auto& a, auto& b) { return a.first < b.first; });
  held.push_back({size_bytes, size_bytes});
  std::vector<chunk> missing;
  uint64_t at = 0;
  for (auto& range : held) {
    for (const auto end = std::min(range.first, size_bytes); at < end;) {
      const auto next = std::min(end, (at / chunk_bytes_max + 1) * chunk_bytes_max);
      missing.push_back({at, next});
      at = next;
    }
    at = std::max(at, std::min(range.end, size_bytes));
  }
  return missing;
}

} // namespace shoal::get
