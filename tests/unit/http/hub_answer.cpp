// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE http.hub_answer

#include "http/dialects/hub_answer.hpp"

#include "protocol/git_identity.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>

using namespace shoal;
using namespace shoal::http;

namespace {

const std::string commit(40, 'c');

std::string header(const header_list& all, std::string_view name) {
  auto i = std::find_if(all.begin(), all.end(), [&](auto& h) { return h.first == name; });
  return i == all.end() ? "none" : i->second;
}

manifest model() {
  manifest m;
  m.id = *model_id::parse("org/model");
  m.rev = "v1";
  return m;
}

hub_file_headers of(std::string path, uint64_t size, bool is_text = false,
                    file_place place = file_place::here) {
  manifest_file file{std::move(path), size, sha256("x"), std::nullopt};
  if (is_text)
    file.git_blob = git_blob_id("x");
  return headers_of(model(), file, commit, place);
}

} // namespace

CAF_TEST(a text is named by its blob) {
  auto h = of("a/ref-regular.txt", 186, true);
  CAF_CHECK_EQUAL(h.etag, '"' + git_blob_id("x").hex() + '"');
  CAF_CHECK_EQUAL(h.content_type, "text/plain; charset=utf-8");
  CAF_CHECK_EQUAL(header(h.more, "X-Repo-Commit"), commit);
  CAF_CHECK_EQUAL(header(h.more, "Content-Disposition"),
                  "inline; filename*=UTF-8''ref-regular.txt; filename=\"ref-regular.txt\";");
  CAF_CHECK_EQUAL(header(h.more, "Content-Security-Policy"), "default-src 'none'; sandbox");
  CAF_CHECK_EQUAL(header(h.more, "X-Linked-Size"), "none");
  CAF_CHECK_EQUAL(header(h.more, "X-Linked-Etag"), "none");
}

CAF_TEST(a big file is named by its bytes) {
  auto h = of("ref-lfs.bin", 1048576);
  CAF_CHECK_EQUAL(h.etag, '"' + sha256("x").hex() + '"');
  CAF_CHECK_EQUAL(header(h.more, "X-Linked-Etag"), h.etag);
  CAF_CHECK_EQUAL(header(h.more, "X-Linked-Size"), "1048576");
  CAF_CHECK_EQUAL(header(h.more, "X-HF-Warning"), "none");
}

CAF_TEST(nothing speaks of Xet) {
  for (auto& [name, value] : of("ref-lfs.bin", 1048576).more)
    CAF_CHECK(name.find("Xet") == std::string::npos && value.find("xet") == std::string::npos);
  for (auto& [name, value] : hub_headers("1"))
    CAF_CHECK(value.find("Xet") == std::string::npos);
}

CAF_TEST(clients are told what they will not download) {
  CAF_CHECK_EQUAL(header(of("big.gguf", 50'000'000'000).more, "X-HF-Warning"), "none");
  auto h = of("big.gguf", 50'000'000'001);
  auto warning = header(h.more, "X-HF-Warning");
  CAF_CHECK(warning.starts_with("large-file; "));
  CAF_CHECK(warning.ends_with("shoal get org/model@v1"));
  CAF_CHECK(header(h.more, "X-Error-Message").ends_with("Use: shoal get org/model@v1"));
  auto far = of("big.gguf", 50'000'000'001, false, file_place::origin);
  CAF_CHECK(header(far.more, "X-HF-Warning").ends_with("Use: shoal get org/model@" + commit));
}

CAF_TEST(odd names cannot leave their header) {
  auto text = header(of("a\"b\r\nX: y\\\xc3\xbc.txt", 1, true).more, "Content-Disposition");
  CAF_CHECK_EQUAL(text, "inline; filename*=UTF-8''a%22b%0D%0AX%3A%20y%5C%C3%BC.txt; "
                        "filename=\"a?b??X: y???.txt\";");
}

CAF_TEST(errors have the names that clients know) {
  auto r = hub_refusal(entry_unknown(commit), hub_body::text);
  CAF_CHECK_EQUAL(r.status, 404u);
  CAF_CHECK_EQUAL(r.body, "Entry not found");
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Code"), "EntryNotFound");
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Message"), "Entry not found");
  CAF_CHECK_EQUAL(header(r.headers, "X-Repo-Commit"), commit);
  r = hub_refusal(revision_unknown("a\r\nb\xff"), hub_body::json);
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Code"), "RevisionNotFound");
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Message"), "Invalid rev id: a??b?");
  CAF_CHECK_EQUAL(r.body, "{\"error\":\"Invalid rev id: a\\r\\nb\xef\xbf\xbd\"}");
  CAF_CHECK_EQUAL(header(r.headers, "X-Repo-Commit"), "none");
  r = hub_refusal(repository_unknown(), hub_body::json);
  CAF_CHECK_EQUAL(r.status, 404u);
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Code"), "RepoNotFound");
  r = hub_refusal(who_are_you(), hub_body::json);
  CAF_CHECK_EQUAL(r.status, 401u);
  CAF_CHECK_EQUAL(header(r.headers, "X-Error-Code"), "none");
  CAF_CHECK_EQUAL(header(r.headers, "WWW-Authenticate"),
                  "Bearer realm=\"Authentication required\", charset=\"UTF-8\"");
}

CAF_TEST(what is wrong here is not told to everybody) {
  error err{ec::storage_failed, "/secret/path"};
  auto r = hub_refusal(hub_trouble(err), hub_body::json);
  CAF_CHECK_EQUAL(r.status, 503u);
  CAF_CHECK(r.body.find("secret") == std::string::npos);
  CAF_CHECK_EQUAL(header(r.headers, "Retry-After"), "5");
}

CAF_TEST(a link to the next page has its blank) {
  CAF_CHECK_EQUAL(next_link("http://x/y?cursor=1"), "<http://x/y?cursor=1>; rel=\"next\"");
  CAF_CHECK_EQUAL(new_request_id().size(), 32u);
  CAF_CHECK(new_request_id() != new_request_id());
}
