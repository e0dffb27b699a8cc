// SPDX-License-Identifier: Apache-2.0
#include "cluster/etcd_codec.hpp"
#include "cluster/etcd_fields.hpp"

#include <algorithm>

namespace shoal::coordination::etcd {

namespace {

tl::unexpected<error> no_answer(const char* to) {
  return fail(ec::corrupt, "etcd's answer to a " + std::string{to} + " cannot be read");
}

/// What nobody owns has no lease; nothing exists without a revision.
key_value read_key(const json& from, bool& sound) {
  fields all{from, sound};
  key_value kv{all.bytes("key"), all.bytes("value"), all.number("create_revision"),
               all.number("mod_revision"), all.lease("lease")};
  if (kv.key.empty() || kv.mod_revision == 0)
    sound = false;
  return kv;
}

uint64_t revision_of(const fields& answer) {
  auto revision = fields{answer.child("header"), answer.sound()}.number("revision");
  if (revision == 0)
    answer.sound() = false;
  return revision;
}

/// One answer of a failed transaction's read.
std::optional<key_value> read_one(const json& from, bool& sound) {
  fields outer{from, sound};
  auto& keys = fields{outer.child("response_range"), sound}.list("kvs");
  if (keys.empty())
    return std::nullopt;
  return read_key(keys.front(), sound);
}

watch_event read_event(const json& from, bool& sound) {
  fields all{from, sound};
  auto type = all.text("type");
  if (!type.empty() && type != "PUT" && type != "DELETE")
    sound = false;
  watch_event made{type == "DELETE", read_key(all.child("kv"), sound)};
  if (made.erased)
    made.kv = {made.kv.key, {}, 0, made.kv.mod_revision, 0};
  return made;
}

bool revisions_ascend(const std::vector<watch_event>& events) {
  return std::is_sorted(events.begin(), events.end(),
                        [](auto& a, auto& b) { return a.kv.mod_revision < b.kv.mod_revision; });
}

} // namespace

result<transaction_result> decode_transaction(std::string_view text, size_t keys_read) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  fields answer{whole, sound};
  transaction_result made{answer.flag("succeeded"), revision_of(answer), {}};
  if (!made.succeeded) {
    auto& reads = answer.list("responses");
    if (reads.size() != keys_read)
      return no_answer("transaction");
    for (auto& read : reads)
      made.read.push_back(read_one(read, sound));
  }
  if (!sound)
    return no_answer("transaction");
  return made;
}

result<range_page> decode_range(std::string_view text, uint64_t at_revision) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  fields answer{whole, sound};
  range_page made;
  made.revision = revision_of(answer);
  made.more = answer.flag("more");
  auto& keys = answer.list("kvs");
  made.keys.reserve(keys.size());
  for (auto& key : keys)
    made.keys.push_back(read_key(key, sound));
  // "More" after nothing would have its reader ask for ever.
  if (!sound || (made.more && made.keys.empty()))
    return no_answer("range");
  if (at_revision != 0)
    made.revision = at_revision;
  return made;
}

result<lease_id> decode_grant(std::string_view text) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  auto lease = fields{whole, sound}.lease("ID");
  if (!sound || lease == 0)
    return no_answer("grant");
  return lease;
}

result<uint32_t> decode_keep_alive(std::string_view text) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  fields outer{whole, sound};
  fields answer{outer.child("result"), sound};
  auto seconds = answer.number("TTL");
  if (answer.lease("ID") == 0 || !sound)
    return no_answer("keep-alive");
  if (seconds == 0)
    return fail(ec::not_found, "the lease has ended");
  return static_cast<uint32_t>(std::min<uint64_t>(seconds, UINT32_MAX));
}

result<uint64_t> decode_revoke(std::string_view text) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  auto revision = revision_of(fields{whole, sound});
  if (!sound)
    return no_answer("revoke");
  return revision;
}

result<std::string> decode_token(std::string_view text) {
  bool sound = true;
  auto whole = parse_object(text, sound);
  auto token = fields{whole, sound}.text("token");
  auto fits = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!sound || token.empty() || token.size() > 4096 || !fits)
    return no_answer("login");
  return token;
}

result<watch_message> decode_watch(std::string_view line) {
  bool sound = true;
  auto whole = parse_object(line, sound);
  fields outer{whole, sound};
  fields answer{outer.child("result"), sound};
  watch_message made;
  made.created = answer.flag("created");
  made.canceled = answer.flag("canceled");
  made.fragment = answer.flag("fragment");
  made.compact_revision = answer.number("compact_revision");
  made.cancel_reason = answer.text("cancel_reason");
  // Of a canceled watch the header may be empty.
  made.revision = fields{answer.child("header"), sound}.number("revision");
  for (auto& event : answer.list("events"))
    made.events.push_back(read_event(event, sound));
  auto plain = !made.created && !made.canceled;
  if (!sound || (made.revision == 0 && (made.created || (plain && made.events.empty())))
      || !revisions_ascend(made.events))
    return no_answer("watch");
  return made;
}

} // namespace shoal::coordination::etcd
