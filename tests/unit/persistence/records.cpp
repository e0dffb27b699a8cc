// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE persistence.records

#include "persistence/records.hpp"

#include <caf/test/unit_test.hpp>

#include <limits>
#include <random>

using namespace shoal;

namespace {

info_hash v1_hash() {
  return *info_hash::from_hex("0123456789abcdef0123456789abcdef01234567");
}

sha256_digest v2_hash() {
  return *sha256_digest::from_hex(std::string(62, 'a') + "01");
}

entry_record full_entry() {
  entry_record x;
  x.v1 = v1_hash();
  x.v2 = v2_hash();
  x.name = "Llama \xF0\x9F\xA6\x99";
  x.description = std::string(8000, 'd');
  x.publisher = "org";
  x.license = "apache-2.0";
  x.category = "llm";
  x.tags = "a,b,c";
  x.size_bytes = std::numeric_limits<uint64_t>::max();
  x.verified = true;
  x.completions = 7;
  x.created_at = 1'700'000'000;
  x.updated_at = -1;
  x.torrent_object = v2_hash();
  x.model_ref = "org/llama@v1";
  x.is_private = true;
  return x;
}

ref_record full_ref() {
  ref_record x;
  x.manifest = v2_hash();
  x.kind = "dataset";
  x.created_at = 1'700'000'000;
  x.size_bytes = 1u << 31;
  x.file_count = 12;
  x.entry_keys = {std::string(v2_hash().chars()), std::string(v1_hash().chars())};
  x.is_private = true;
  x.successor = "v2";
  x.is_mirror = true;
  return x;
}

alias_record full_alias() {
  return {std::string(v2_hash().chars())};
}

const blocked_record full_blocked{"asked to", 1'700'000'000};
const acceptance_record full_acceptance{"alice", "openrail", v2_hash(), 1'700'000'000};
const usage_record full_usage{1, std::numeric_limits<uint64_t>::max(), 3, 4, 5};

object_record full_object() {
  return {.size_bytes = 1u << 31,
          .kept = true,
          .lost = true,
          .pins = 7,
          .added_at = 1'700'000'000,
          .verified_at = -5,
          .hits = 3,
          .settled = true,
          .in_place = in_place_record{"/models/\xff", -1, 17, true}};
}

/// Whatever the bytes are, the decoder answers, and what it accepts it writes and reads again.
template <class Decode>
bool accepts(Decode decode, std::string_view bytes) {
  auto record = decode(bytes);
  if (!record) {
    CAF_REQUIRE_EQUAL(record.error().code, ec::corrupt);
    return false;
  }
  auto again = decode(encode(*record));
  CAF_REQUIRE(again.has_value());
  CAF_REQUIRE((*again == *record));
  return true;
}

template <class Decode>
void torture(Decode decode, const std::string& good, std::mt19937& random) {
  CAF_CHECK(accepts(decode, good));
  for (size_t n = 0; n < good.size(); ++n)
    CAF_CHECK(!accepts(decode, good.substr(0, n)));
  CAF_CHECK(!accepts(decode, good + '\0'));
  CAF_CHECK(!accepts(decode, ""));
  for (int i = 0; i < 20'000; ++i) {
    auto bad = good;
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      bad[random() % bad.size()] = static_cast<char>(random());
    accepts(decode, bad);
  }
}

} // namespace

CAF_TEST(every field comes back) {
  CAF_CHECK((*decode_entry(encode(full_entry())) == full_entry()));
  for (auto kind : {"model", "dataset", "space"}) {
    auto ref = full_ref();
    ref.kind = kind;
    auto back = decode_ref(encode(ref));
    CAF_CHECK(back && *back == ref);
  }
  CAF_CHECK((*decode_alias(encode(full_alias())) == full_alias()));
  CAF_CHECK((*decode_blocked(encode(full_blocked)) == full_blocked));
  CAF_CHECK((*decode_acceptance(encode(full_acceptance)) == full_acceptance));
  CAF_CHECK((*decode_acceptance(encode(acceptance_record{})) == acceptance_record{}));
  CAF_CHECK((*decode_usage(encode(full_usage)) == full_usage));
  CAF_CHECK((*decode_object(encode(full_object())) == full_object()));
  CAF_CHECK((*decode_object(encode(object_record{})) == object_record{}));
}

CAF_TEST(absent hashes come back as absent) {
  entry_record x;
  x.v1 = v1_hash();
  CAF_CHECK((*decode_entry(encode(x)) == x));
  CAF_CHECK_EQUAL(entry_key(x), std::string(v1_hash().chars()));
  x = {};
  x.v2 = v2_hash();
  CAF_CHECK((*decode_entry(encode(x)) == x));
  CAF_CHECK_EQUAL(entry_key(x), std::string(v2_hash().chars()));
  CAF_CHECK_EQUAL(entry_key(full_entry()), std::string(v2_hash().chars()));
  CAF_CHECK_EQUAL(entry_key({}), "");
}

CAF_TEST(the format does not change) {
  auto hex = to_hex(as_bytes(encode(full_blocked)));
  CAF_CHECK_EQUAL(hex, "9301a861736b656420746fce6553f100");
  hex = to_hex(as_bytes(encode(usage_record{1, 2, 3, 4, -5})));
  CAF_CHECK_EQUAL(hex, "960101020304fb");
  object_record object;
  object.size_bytes = 300;
  object.kept = true;
  object.pins = 2;
  object.added_at = 4;
  hex = to_hex(as_bytes(encode(object)));
  CAF_CHECK_EQUAL(hex, "9e01cd012cc3c202040000c2c2c4000000c2");
}

CAF_TEST(fields of a newer program are skipped and those of an older one take their default) {
  auto bytes = encode(full_blocked);
  bytes[0] = static_cast<char>(0x95); // Five fields instead of three, of a later version.
  bytes[1] = 2;
  bytes += "\xc0\x93\x01\x02\xa1x";
  CAF_CHECK((*decode_blocked(bytes) == full_blocked));
  CAF_CHECK((*decode_blocked("\x92\x01\xa1r") == blocked_record{"r", 0}));
  CAF_MESSAGE("revisions were once all published here");
  auto old = encode(full_ref());
  CAF_REQUIRE_EQUAL(old.front(), '\x9a');
  old.front() = '\x99';
  old.pop_back();
  auto ref = full_ref();
  ref.is_mirror = false;
  CAF_CHECK((*decode_ref(old) == ref));
}

CAF_TEST(records that contradict themselves are corrupt) {
  CAF_CHECK(!decode_entry(encode(entry_record{})));
  CAF_CHECK(!decode_alias(encode(alias_record{"short"})));
  auto ref = full_ref();
  ref.kind = "shed";
  CAF_CHECK(!decode_ref(encode(ref)));
  ref = full_ref();
  ref.entry_keys.push_back("short");
  CAF_CHECK(!decode_ref(encode(ref)));
  CAF_CHECK(!decode_blocked(std::string("\x93\x00\xa1r\x01", 5))); // No version 0.
  CAF_CHECK(!decode_blocked("\x93\x01\x01\x01"));                  // A number for a text.
}

CAF_TEST(lengths that lie take no memory) {
  for (std::string_view bytes :
       {"\xdd\xff\xff\xff\xff", "\x93\x01\xdb\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff",
        "\x91\x91\x91\x91\x91\x91\x91\x91\x01", "\xc9\xff\xff\xff\xff\x01", "\x92\x01\xc1"})
    CAF_CHECK(!decode_blocked(bytes));
  CAF_CHECK(!decode_blocked(std::string(2 << 20, '\x91')));
}

CAF_TEST(truncated and mangled records never do harm) {
  std::mt19937 random(20260731);
  torture(decode_entry, encode(full_entry()), random);
  torture(decode_ref, encode(full_ref()), random);
  torture(decode_alias, encode(full_alias()), random);
  torture(decode_blocked, encode(full_blocked), random);
  torture(decode_acceptance, encode(full_acceptance), random);
  torture(decode_usage, encode(full_usage), random);
  torture(decode_object, encode(full_object()), random);
}
