// SPDX-License-Identifier: Apache-2.0
// Signed manifests, and the keys that they are signed with.
#include "http/dialects/signing.hpp"

#include "core/log.hpp"
#include "http/dialects/handlers.hpp"
#include "http/dialects/registry_access.hpp"
#include "http/dialects/revisions.hpp"
#include "http/json_body.hpp"

#include <openssl/rand.h>

namespace shoal::http {

namespace {

using document = nlohmann::json;

const std::string own_keys = "signing.keys";

/// What a single node keeps, and the revision of it.
struct kept_keys {
  cluster::shared_key_record record;
  uint64_t revision = 0;
};

result<kept_keys> read_own(const lmdb_store& store) {
  auto found = store.get(table::meta, own_keys);
  if (!found)
    return tl::unexpected{found.error()};
  if (!*found)
    return kept_keys{};
  return cluster::decode_shared_key((*found)->value).map([&](cluster::shared_key_record record) {
    return kept_keys{std::move(record), (*found)->revision};
  });
}

void use(signing_book& book, const cluster::shared_key_record& record) {
  std::vector<cluster::key_generation> all;
  for (auto& one : record.generations)
    all.push_back(one.key);
  if (!all.empty())
    book.use(all, all.front().number);
}

task<result<kept_keys>> load_own(exchange& ex) {
  auto* store = &ex.node().store();
  auto read = [store] { return read_own(*store); };
  auto kept = co_await ex.on_disk(read);
  if (kept)
    use(*ex.srv().signing, kept->record);
  co_return kept;
}

result<std::string> draw_seed() {
  std::string seed(cluster::key_generation::secret_bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1)
    return fail(ec::unavailable, "no random bytes");
  return seed;
}

/// Puts another key before those that there are, unless somebody else just has.
task<result<void>> add_own(exchange& ex, kept_keys kept) {
  auto seed = draw_seed();
  if (!seed)
    co_return tl::unexpected{seed.error()};
  auto& book = *ex.srv().signing;
  auto record = book.next(kept.record, std::move(*seed), unix_now());
  commit_request write;
  write.guards.push_back({table::meta, own_keys, kept.revision});
  write.mutations.push_back({table::meta, own_keys, cluster::encode(record)});
  auto written = co_await ex.ask<uint64_t>(ex.node().writer(), std::move(write));
  if (!written && written.error().code != ec::conflict)
    co_return tl::unexpected{written.error()};
  if (written)
    log::info("http", "signs with another key number={}", record.generations.front().key.number);
  auto now_there = co_await load_own(ex);
  if (!now_there)
    co_return tl::unexpected{now_there.error()};
  co_return result<void>{};
}

task<result<document>> make_manifest(exchange& ex) {
  auto found = co_await find_revision(ex, id_of(ex), ex.param("rev"));
  if (!found)
    co_return tl::unexpected{unless_behind(ex, std::move(found.error()))};
  auto files = co_await load_manifest(ex, found->manifest);
  if (!files)
    co_return tl::unexpected{files.error()};
  auto work = [m = *files] { return document::parse(encode_manifest(*m), nullptr, false); };
  auto content = co_await ex.on_disk(work);
  co_return document{{"manifest", std::move(content)}, {"digest", found->manifest.hex()}};
}

} // namespace

task<result<void>> prepare_to_sign(exchange& ex) {
  auto& book = *ex.srv().signing;
  if (ex.node().cluster()) {
    if (!book.current())
      co_return fail(ec::unavailable, "the cluster's keys are not here yet");
    co_return result<void>{};
  }
  if (!book.wants_another(unix_now()))
    co_return result<void>{};
  auto kept = co_await load_own(ex);
  if (!kept)
    co_return tl::unexpected{kept.error()};
  if (!book.wants_another(unix_now()))
    co_return result<void>{};
  auto added = co_await add_own(ex, std::move(*kept));
  co_return added;
}

task<result<void>> sign_answer(exchange& ex, document& doc) {
  auto ready = co_await prepare_to_sign(ex);
  auto key = ex.srv().signing->current();
  // An old key is better than none: its time is not over for long.
  if (!key && !ready)
    co_return ready;
  if (!key)
    co_return fail(ec::unavailable, "no key to sign with");
  auto work = [&doc, &key] {
    sign_document(doc, *key, unix_now());
    return true;
  };
  co_await ex.on_disk(work);
  co_return result<void>{};
}

task<> signing_keys(exchange& ex) {
  auto ready = co_await prepare_to_sign(ex);
  auto keys = ex.srv().signing->good(unix_now());
  if (keys.empty()) {
    error why{ec::unavailable, {}};
    if (!ready)
      why = ready.error();
    co_await ex.send(json_error(why));
    co_return;
  }
  auto answer = json(200, dump_json(key_set_json(keys)));
  answer.content_type = "application/jwk-set+json";
  answer.headers.emplace_back("Cache-Control", "public, max-age=60");
  co_await ex.send(std::move(answer));
}

task<> signed_manifest(exchange& ex) {
  auto doc = co_await make_manifest(ex);
  result<void> done;
  if (!doc)
    done = tl::unexpected{doc.error()};
  else
    done = co_await sign_answer(ex, *doc);
  if (!done) {
    if (!is_client_error(done.error().code))
      log::warn("http", "cannot sign a manifest error=\"{}\"", to_string(done.error()));
    co_await ex.send(json_error(done.error()));
    co_return;
  }
  auto work = [&doc] { return dump_json(*doc); };
  auto text = co_await ex.on_disk(work);
  auto answer = json(200, std::move(text));
  answer.headers.emplace_back("Cache-Control", "no-cache");
  tell_lag(ex, answer);
  co_await ex.send(std::move(answer));
}

} // namespace shoal::http
