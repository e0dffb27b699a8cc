// SPDX-License-Identifier: Apache-2.0
// LINKS: shoal_persistence
#include "persistence/envelope.hpp"
#include "persistence/origin_record.hpp"
#include "persistence/records.hpp"
#include "persistence/swarm_snapshot.hpp"

#include <sys/mman.h>
#include <unistd.h>

using namespace shoal;

namespace {

/// What is accepted is written and read again, and is the same.
template <class Record>
void check_record(result<Record> record, result<Record> (*decode)(std::string_view)) {
  if (!record) {
    SHOAL_CHECK(record.error().code == ec::corrupt);
    return;
  }
  auto again = decode(encode(*record));
  SHOAL_CHECK(again && *again == *record);
}

void check_envelope(std::string_view bytes) {
  auto opened = open_envelope("key", bytes);
  if (!opened)
    return;
  std::string sealed(bytes.size(), '\0');
  seal_envelope("key", opened->revision, opened->payload, sealed.data());
  SHOAL_CHECK(sealed == bytes);
}

void check_snapshot(std::string_view bytes) {
  unique_fd fd(::memfd_create("snapshot", MFD_CLOEXEC));
  SHOAL_CHECK(fd && write_all(fd.get(), as_bytes(bytes), "memory"));
  auto reader = swarm_snapshot_reader::open("/proc/self/fd/" + std::to_string(fd.get()));
  if (!reader) {
    SHOAL_CHECK(reader.error().code == ec::corrupt || reader.error().code == ec::unsupported);
    return;
  }
  uint64_t seen = 0;
  auto report = reader->for_each([&](swarm_image&& swarm) {
    SHOAL_CHECK(swarm.body.size() < bytes.size());
    ++seen;
  });
  SHOAL_CHECK(report.swarms == seen);
  SHOAL_CHECK(!report.damage || report.damage->code == ec::corrupt);
}

} // namespace

/// The first byte chooses the decoder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  auto bytes = as_chars({data + 1, size - 1});
  switch (data[0] % 10) {
  case 0:
    check_record(decode_entry(bytes), decode_entry);
    break;
  case 1:
    check_record(decode_alias(bytes), decode_alias);
    break;
  case 2:
    check_record(decode_ref(bytes), decode_ref);
    break;
  case 3:
    check_record(decode_blocked(bytes), decode_blocked);
    break;
  case 4:
    check_record(decode_usage(bytes), decode_usage);
    break;
  case 5:
    check_envelope(bytes);
    break;
  case 6:
    check_snapshot(bytes);
    break;
  case 7:
    check_record(decode_object(bytes), decode_object);
    break;
  case 8:
    check_record(decode_acceptance(bytes), decode_acceptance);
    break;
  default:
    check_record(decode_origin(bytes), decode_origin);
  }
  return 0;
}
