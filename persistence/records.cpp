// SPDX-License-Identifier: Apache-2.0
#include "persistence/records.hpp"

#include "persistence/origin_record.hpp"
#include "persistence/record_codec.hpp"

#include <algorithm>

namespace shoal {

namespace {

using codec::record_reader;
using codec::record_writer;

template <class Record>
result<Record> outcome(const record_reader& in, bool valid, Record&& record, const char* what) {
  if (in.good() && valid)
    return std::forward<Record>(record);
  return fail(ec::corrupt, std::string("the stored bytes are no ") + what);
}

bool is_entry_key(std::string_view key) {
  return key.size() == info_hash::size_bytes || key.size() == sha256_digest::size_bytes;
}

} // namespace

std::string entry_key(const entry_record& entry) {
  if (entry.v2)
    return std::string(entry.v2->chars());
  return entry.v1 ? std::string(entry.v1->chars()) : std::string();
}

std::string encode(const entry_record& x) {
  return record_writer(18)
      .id(x.v1)
      .id(x.v2)
      .text(x.name)
      .text(x.description)
      .text(x.publisher)
      .text(x.license)
      .text(x.category)
      .text(x.tags)
      .number(x.size_bytes)
      .flag(x.verified)
      .number(x.completions)
      .time(x.created_at)
      .time(x.updated_at)
      .id(x.torrent_object)
      .text(x.model_ref)
      .flag(x.is_private)
      .id(x.twin_v1)
      .id(x.twin_torrent_object)
      .take();
}

result<entry_record> decode_entry(std::string_view bytes) {
  entry_record x;
  record_reader in(bytes);
  in.id(x.v1)
      .id(x.v2)
      .text(x.name)
      .text(x.description)
      .text(x.publisher)
      .text(x.license)
      .text(x.category)
      .text(x.tags)
      .number(x.size_bytes)
      .flag(x.verified)
      .number(x.completions)
      .time(x.created_at)
      .time(x.updated_at)
      .id(x.torrent_object)
      .text(x.model_ref)
      .flag(x.is_private)
      .id(x.twin_v1)
      .id(x.twin_torrent_object);
  auto named = x.v1 || x.v2;
  return outcome(in, named, std::move(x), "registry entry");
}

std::string encode(const alias_record& x) {
  return record_writer(1).bytes(x.primary_key).take();
}

result<alias_record> decode_alias(std::string_view bytes) {
  alias_record x;
  record_reader in(bytes);
  in.bytes(x.primary_key);
  auto valid = is_entry_key(x.primary_key);
  return outcome(in, valid, std::move(x), "alias");
}

std::string encode(const ref_record& x) {
  return record_writer(9)
      .bytes(x.manifest.chars())
      .text(x.kind)
      .time(x.created_at)
      .number(x.size_bytes)
      .number(x.file_count)
      .keys(x.entry_keys)
      .flag(x.is_private)
      .text(x.successor)
      .flag(x.is_mirror)
      .take();
}

result<ref_record> decode_ref(std::string_view bytes) {
  ref_record x;
  record_reader in(bytes);
  in.id(x.manifest)
      .text(x.kind)
      .time(x.created_at)
      .number(x.size_bytes)
      .number(x.file_count)
      .keys(x.entry_keys)
      .flag(x.is_private)
      .text(x.successor)
      .flag(x.is_mirror);
  auto valid = (x.kind == "model" || x.kind == "dataset" || x.kind == "space")
               && std::all_of(x.entry_keys.begin(), x.entry_keys.end(), is_entry_key);
  return outcome(in, valid, std::move(x), "revision");
}

std::string encode(const blocked_record& x) {
  return record_writer(2).text(x.reason).time(x.blocked_at).take();
}

result<blocked_record> decode_blocked(std::string_view bytes) {
  blocked_record x;
  record_reader in(bytes);
  in.text(x.reason).time(x.blocked_at);
  return outcome(in, true, std::move(x), "blocklist record");
}

std::string encode(const usage_record& x) {
  return record_writer(5)
      .number(x.uploaded_bytes)
      .number(x.downloaded_bytes)
      .number(x.announces)
      .time(x.first_seen)
      .time(x.last_seen)
      .take();
}

result<usage_record> decode_usage(std::string_view bytes) {
  usage_record x;
  record_reader in(bytes);
  in.number(x.uploaded_bytes)
      .number(x.downloaded_bytes)
      .number(x.announces)
      .time(x.first_seen)
      .time(x.last_seen);
  return outcome(in, true, std::move(x), "usage record");
}

std::string encode(const acceptance_record& x) {
  return record_writer(4).text(x.who).text(x.license).id(x.text).time(x.accepted_at).take();
}

result<acceptance_record> decode_acceptance(std::string_view bytes) {
  acceptance_record x;
  record_reader in(bytes);
  in.text(x.who).text(x.license).id(x.text).time(x.accepted_at);
  return outcome(in, true, std::move(x), "acceptance");
}

std::string encode(const object_record& x) {
  auto at = x.in_place.value_or(in_place_record{});
  return record_writer(13)
      .number(x.size_bytes)
      .flag(x.kept)
      .flag(x.lost)
      .number(x.pins)
      .time(x.added_at)
      .time(x.verified_at)
      .number(x.hits)
      .flag(x.settled)
      .flag(x.in_place.has_value())
      .bytes(at.path)
      .time(at.mtime_ns)
      .number(at.inode)
      .flag(at.trusted)
      .take();
}

result<object_record> decode_object(std::string_view bytes) {
  object_record x;
  in_place_record at;
  bool is_in_place = false;
  record_reader in(bytes);
  in.number(x.size_bytes)
      .flag(x.kept)
      .flag(x.lost)
      .number(x.pins)
      .time(x.added_at)
      .time(x.verified_at)
      .number(x.hits)
      .flag(x.settled)
      .flag(is_in_place)
      .bytes(at.path)
      .time(at.mtime_ns)
      .number(at.inode)
      .flag(at.trusted);
  auto valid = is_in_place != at.path.empty();
  if (is_in_place)
    x.in_place = std::move(at);
  return outcome(in, valid, std::move(x), "object record");
}

std::string encode(const origin_record& x) {
  return record_writer(6)
      .number(x.size_bytes)
      .text(x.etag)
      .text(x.commit)
      .id(x.sha256)
      .id(x.git_blob)
      .time(x.checked_at)
      .take();
}

result<origin_record> decode_origin(std::string_view bytes) {
  origin_record x;
  record_reader in(bytes);
  in.number(x.size_bytes)
      .text(x.etag)
      .text(x.commit)
      .id(x.sha256)
      .id(x.git_blob)
      .time(x.checked_at);
  return outcome(in, true, std::move(x), "record of an origin's file");
}

} // namespace shoal
