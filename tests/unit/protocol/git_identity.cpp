// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.git_identity

#include "protocol/git_identity.hpp"

#include "core/limits.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

namespace {

manifest_file text_file(std::string path, std::string_view bytes) {
  return {std::move(path), bytes.size(), sha256(bytes), std::nullopt, git_blob_id(bytes)};
}

manifest_file big_file(std::string path, std::string_view bytes) {
  return {std::move(path), bytes.size(), sha256(bytes), std::nullopt};
}

/// The names below are those that git 2.39 gave to the same folder, with "git add", "git
/// write-tree" and "git commit-tree"; a/model.bin was a pointer that git-lfs would write.
manifest sample() {
  manifest m;
  m.id = *model_id::parse("org/model");
  m.rev = "v1";
  m.files = {text_file("a-b", "{}"),
             text_file("a.d/z", "in dot\n"),
             text_file("a.txt", "x"),
             text_file("a/b/c.txt", "hello\n"),
             text_file("a/zz", "deep"),
             text_file("a0", ""),
             big_file("a/model.bin", "weights")};
  normalize(m);
  CAF_REQUIRE(validate(m));
  return m;
}

} // namespace

CAF_TEST(blobs are named as git names them) {
  CAF_CHECK_EQUAL(git_blob_id("").hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  CAF_CHECK_EQUAL(git_blob_id("hello\n").hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

CAF_TEST(a pointer says where the bytes are) {
  CAF_CHECK_EQUAL(lfs_pointer(sha256("weights"), 7),
                  "version https://git-lfs.github.com/spec/v1\noid sha256:"
                      + sha256("weights").hex() + "\nsize 7\n");
  CAF_CHECK_EQUAL(git_blob_of(big_file("a/model.bin", "weights")).hex(),
                  "c6a67be4f3ef29ed4a07b4f2446625126a25cfda");
}

CAF_TEST(trees and the commit are named as git names them) {
  const auto m = sample();
  const auto made = take_snapshot(m);
  CAF_CHECK_EQUAL(made.root.hex(), "88d24f6a871b8b1c1bda0090452791b6c079257d");
  CAF_CHECK_EQUAL(made.commit.hex(), "9e85ee6e8100a84556bd59c05510fde08539847c");
  auto id_of = [&](std::string_view path) {
    auto* entry = made.find(m, path);
    return entry ? entry->id.hex() : std::string{};
  };
  CAF_CHECK_EQUAL(id_of("a"), "54242e928311f3c56ca85525f79584da86c9910d");
  CAF_CHECK_EQUAL(id_of("a.d"), "37b75200d09bba9e52c3d393a23c7d91b2ea13ab");
  CAF_CHECK_EQUAL(id_of("a/b"), "2bcada35da78a7011b5497fcf851bb11e2353a39");
  CAF_CHECK_EQUAL(id_of("a/b/c.txt"), "ce013625030ba8dba906f756967f9e9ca394464a");
  for (auto path : {"", "/", "a/c", "b", "a.tx", "a/b/c.txt/d"})
    CAF_CHECK_EQUAL(id_of(path), "");
}

CAF_TEST(entries stand in the order of git) {
  const auto m = sample();
  const auto made = take_snapshot(m);
  std::string order;
  for (auto& entry : made.entries)
    order.append(git_snapshot::key(m, entry)) += ' ';
  CAF_CHECK_EQUAL(order, "a-b a.d/ a.d/z a.txt a/ a/b/ a/b/c.txt a/model.bin a/zz a0 ");
  CAF_CHECK_EQUAL(made.next_sibling(m, 0), 1u);
  CAF_CHECK_EQUAL(made.next_sibling(m, 1), 3u);
  CAF_CHECK_EQUAL(made.next_sibling(m, 4), 9u);
  CAF_CHECK(git_snapshot::is_folder(m, made.entries[4]));
  CAF_CHECK(!git_snapshot::is_folder(m, made.entries[9]));
}

CAF_TEST(a commit on top of another is named as git names it) {
  // git commit-tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904 -p
  // 9e85ee6e8100a84556bd59c05510fde08539847c -m "A title" -m "More of it", by Shoal
  // <shoal@localhost> at 1700000000 +0000.
  const auto root = *sha1_digest::from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  const auto parent = sha1_digest::from_hex("9e85ee6e8100a84556bd59c05510fde08539847c");
  CAF_CHECK_EQUAL(git_commit_id(root, {parent, 1'700'000'000, "A title\n\nMore of it"}).hex(),
                  "52c353486961745ee7ff5e456c36835cf5f2c26e");
}

CAF_TEST(attributes say what goes to LFS) {
  const auto text = git_attributes();
  CAF_CHECK(text.starts_with("*.7z filter=lfs diff=lfs merge=lfs -text\n"));
  CAF_CHECK(text.find("\n*.safetensors filter=lfs") != std::string::npos);
  CAF_CHECK(!is_kept_by_lfs(".gitattributes", text.size()));
}

CAF_TEST(equal files are the same commit whatever the revision is called) {
  auto m = sample();
  const auto first = take_snapshot(m).commit;
  m.rev = "v2";
  m.is_private = true;
  CAF_CHECK(take_snapshot(m).commit == first);
  m.id = *model_id::parse("org/fork");
  CAF_CHECK(take_snapshot(m).commit != first);
}

CAF_TEST(a revision that is named like a commit is that commit) {
  auto m = sample();
  const auto made = take_snapshot(m);
  CAF_CHECK(commit_of(m, made) == made.commit);
  m.rev = std::string(40, 'a');
  CAF_CHECK_EQUAL(commit_of(m, made).hex(), m.rev);
  m.rev = std::string(40, 'A');
  CAF_CHECK(commit_of(m, made) == made.commit);
  CAF_CHECK(!is_commit_id("abc"));
}

CAF_TEST(weights and big files go to LFS) {
  for (auto path : {"model.safetensors", "a/b.GGUF", "x.tar", "runs/events.out.tfevents.1.host"})
    CAF_CHECK(is_kept_by_lfs(path, 1));
  for (auto path : {"config.json", "README.md", "bin", "a.bin/config", ".gitattributes", ""})
    CAF_CHECK(!is_kept_by_lfs(path, 1));
  CAF_CHECK(!is_kept_by_lfs("tokenizer.json", limits::git_blob_bytes_max));
  CAF_CHECK(is_kept_by_lfs("tokenizer.json", limits::git_blob_bytes_max + 1));
}

CAF_TEST(bytes with a NUL are no text) {
  CAF_CHECK(is_git_text(""));
  CAF_CHECK(is_git_text("{}\xff"));
  CAF_CHECK(!is_git_text(std::string_view{"a\0b", 3}));
  CAF_CHECK(is_git_text(std::string(8000, 'x') + '\0'));
}
