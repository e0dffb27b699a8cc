// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE actors.origin_names
#include "actors/origin_names.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

const std::string commit(40, 'c');

origin_head head_of(std::initializer_list<std::string_view> lines) {
  origin_head head;
  for (auto line : lines)
    note_header(head, line);
  return head;
}

} // namespace

CAF_TEST(only sound names are asked for) {
  CAF_CHECK(is_sound({"model", "org/model", "main", "a/b c.bin"}));
  CAF_CHECK(is_sound({"dataset", "squad", "refs/pr/1", "a"}));
  for (auto& odd :
       {origin_name{"model", "org/model", "main", "../x"},
        origin_name{"model", "org/model", "main", ""},
        origin_name{"model", "org/../x", "main", "a"}, origin_name{"model", "a/b/c", "main", "a"},
        origin_name{"model", "org/model", "..", "a"}, origin_name{"model", "org/model", "", "a"},
        origin_name{"model", "org/model", "a/b/c/d", "a"},
        origin_name{"kernel", "org/model", "main", "a"}})
    CAF_CHECK(!is_sound(odd));
}

CAF_TEST(addresses are escaped) {
  origin_name name{"model", "org/model", "refs/pr/1", "a b/c#.bin"};
  CAF_CHECK_EQUAL(resolve_url("https://x/y", name),
                  "https://x/y/org/model/resolve/refs%2Fpr%2F1/a%20b/c%23.bin");
  name.kind = "dataset";
  CAF_CHECK_EQUAL(resolve_url("https://x", name),
                  "https://x/datasets/org/model/resolve/refs%2Fpr%2F1/a%20b/c%23.bin");
  CAF_CHECK_EQUAL(revision_url("https://x", name),
                  "https://x/api/datasets/org/model/revision/refs%2Fpr%2F1");
}

CAF_TEST(a hub says what a file hashes to) {
  auto lfs = record_of(
      head_of({"HTTP/1.1 302 Found", "Content-Length: 10", "X-Linked-Size: 1000",
               "X-Linked-Etag: \"" + std::string(64, 'a') + '"', "X-Repo-Commit: " + commit}),
      7);
  CAF_REQUIRE(lfs);
  CAF_CHECK_EQUAL(lfs->size_bytes, 1000u);
  CAF_CHECK(lfs->sha256 && !lfs->git_blob);
  CAF_CHECK_EQUAL(lfs->commit, commit);
  auto text
      = record_of(head_of({"HTTP/1.1 200 OK", "Content-Length: 10",
                           "ETag: \"" + std::string(40, 'b') + '"', "X-Repo-Commit: " + commit}),
                  7);
  CAF_REQUIRE(text);
  CAF_CHECK(!text->sha256 && text->git_blob);
}

CAF_TEST(what is no hub is not believed to name hashes) {
  auto plain = record_of(
      head_of({"HTTP/1.1 200 OK", "Content-Length: 10", "ETag: \"" + std::string(64, 'a') + '"'}),
      7);
  CAF_REQUIRE(plain);
  CAF_CHECK(!plain->sha256 && !plain->git_blob);
  CAF_CHECK_EQUAL(plain->etag, std::string(64, 'a'));
  CAF_CHECK(!record_of(head_of({"HTTP/1.1 200 OK"}), 7));
  CAF_CHECK(!record_of(head_of({"HTTP/1.1 200 OK", "Content-Length: x"}), 7));
}

CAF_TEST(a pull is pinned to its commit and named by its hash) {
  origin_record what;
  what.size_bytes = 5;
  what.commit = commit;
  what.etag = "a";
  origin_name name{"model", "org/model", "main", "a.bin"};
  auto first = pull_of({"https://x", "https://y"}, name, what);
  CAF_CHECK_EQUAL(first.urls.size(), 2u);
  CAF_CHECK_EQUAL(first.urls.at(1), "https://y/org/model/resolve/" + commit + "/a.bin");
  CAF_CHECK_EQUAL(first.name, "model/org/model@" + commit + "/a.bin");
  CAF_CHECK(!first.is_checkable());
  what.etag = "b";
  CAF_CHECK(pull_of({"https://x"}, name, what).key != first.key);
  what.sha256 = sha256("bytes");
  CAF_CHECK(pull_of({"https://x"}, name, what).key == *what.sha256);
}

CAF_TEST(the name of a file of a commit is read back) {
  for (auto* id : {"gpt2", "org/model"}) {
    origin_name name{"dataset", id, commit, "deep/a@b.bin"};
    CAF_CHECK(name_with_commit(text_of(name)) == name);
    name.rev = "main";
    CAF_CHECK(!name_with_commit(text_of(name)));
  }
  for (auto text : {std::string{}, std::string{"model"}, "model/org@" + commit, commit + "/a",
                    "model/org/m@" + commit + "/", "model/org/m@" + commit + "a/b",
                    "shed/org/m@" + commit + "/a", "model/org/m@" + commit + "/../a"})
    CAF_CHECK(!name_with_commit(text));
}

CAF_TEST(the policy says which models are pulled) {
  webseed_config config;
  CAF_CHECK(!config.covers("org/model"));
  config.base_urls = {"https://x"};
  CAF_CHECK(config.covers("org/model"));
  config.mirror = mirror_policy::listed;
  config.models = {"org/*", "gpt2"};
  for (auto* id : {"org/model", "gpt2"})
    CAF_CHECK(config.covers(id));
  for (auto* id : {"org", "org/", "organ/model", "gpt2/x", "gpt22"})
    CAF_CHECK(!config.covers(id));
  config.mirror = mirror_policy::off;
  CAF_CHECK(!config.covers("gpt2"));
  for (auto policy : {mirror_policy::on_demand, mirror_policy::listed, mirror_policy::off})
    CAF_CHECK(parse_mirror_policy(name(policy)) == policy);
  CAF_CHECK(!parse_mirror_policy("sometimes"));
}
