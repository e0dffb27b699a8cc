// SPDX-License-Identifier: Apache-2.0
#include "protocol/git_identity.hpp"

#include "core/limits.hpp"
#include "protocol/text.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace shoal {

namespace {

constexpr auto lfs_endings = std::to_array<std::string_view>(
    {"7z",   "arrow",   "bin",  "bz2",     "ckpt",  "ftz",     "gguf", "ggml", "gz",
     "h5",   "joblib",  "lz4",  "mlmodel", "model", "msgpack", "npy",  "npz",  "onnx",
     "ot",   "parquet", "pb",   "pickle",  "pkl",   "pt",      "pth",  "rar",  "safetensors",
     "tar",  "tflite",  "tgz",  "wasm",    "xz",    "zip",     "zst",  "pcm",  "sam",
     "raw",  "aac",     "flac", "mp3",     "ogg",   "wav",     "bmp",  "gif",  "png",
     "tiff", "jpg",     "jpeg", "webp",    "mp4",   "webm",    "mds",  "avro", "tfrecord"});

/// How much of a file git looks at.
constexpr size_t looked_at_bytes = 8000;

sha1_digest object_id(std::string_view kind, std::string_view content) {
  std::string head{kind};
  head += ' ' + std::to_string(content.size());
  head += '\0';
  sha1_hasher hasher;
  hasher.update(as_bytes(head));
  hasher.update(as_bytes(content));
  return hasher.finish();
}

/// Walks the files in git's order and closes each folder when its last file has passed.
class tree_builder {
public:
  explicit tree_builder(const manifest& m) : m_{m} {}

  git_snapshot build() {
    open_.push_back({});
    for (auto file : in_git_order())
      add(file);
    while (open_.size() > 1)
      close();
    made_.root = object_id("tree", open_.back().content);
    return std::move(made_);
  }

private:
  struct folder {
    size_t entry = 0;         ///< Its place in the snapshot; the root has none.
    std::string_view path;    ///< With the slash at its end; the root's is empty.
    std::string content = {}; ///< What the tree object says so far.
  };

  /// Whole paths compare as git compares names: a folder as if a slash ended its name.
  std::vector<uint32_t> in_git_order() const {
    std::vector<uint32_t> order(m_.files.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return m_.files[a].path < m_.files[b].path; });
    return order;
  }

  void add(uint32_t file) {
    std::string_view path = m_.files[file].path;
    while (!path.starts_with(open_.back().path))
      close();
    auto begin = open_.back().path.size();
    for (auto slash = path.find('/', begin); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      open_.push_back({made_.entries.size(), path.substr(0, slash + 1)});
      made_.entries.push_back({file, static_cast<uint32_t>(slash + 1), {}});
    }
    auto blob = git_blob_of(m_.files[file]);
    made_.entries.push_back({file, static_cast<uint32_t>(path.size()), blob});
    write("100644 ", path.substr(open_.back().path.size()), blob);
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    auto& id = made_.entries[done.entry].id;
    id = object_id("tree", done.content);
    auto name = done.path.substr(open_.back().path.size());
    name.remove_suffix(1);
    write("40000 ", name, id);
  }

  void write(std::string_view mode, std::string_view name, const sha1_digest& id) {
    auto& content = open_.back().content;
    content.append(mode).append(name);
    content += '\0';
    content.append(id.chars());
  }

  const manifest& m_;
  git_snapshot made_;
  std::vector<folder> open_;
};

} // namespace

sha1_digest git_blob_id(std::string_view bytes) {
  return object_id("blob", bytes);
}

std::string lfs_pointer(const sha256_digest& sha256, uint64_t size_bytes) {
  return "version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256.hex() + "\nsize "
         + std::to_string(size_bytes) + "\n";
}

bool is_kept_by_lfs(std::string_view path, uint64_t size_bytes) {
  if (size_bytes > limits::git_blob_bytes_max)
    return true;
  auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0.
  auto dot = name.rfind('.');
  if (dot == std::string_view::npos)
    return false;
  std::string ending{name.substr(dot + 1)};
  std::transform(ending.begin(), ending.end(), ending.begin(), text::lower);
  return std::find(lfs_endings.begin(), lfs_endings.end(), ending) != lfs_endings.end()
         || name.find("tfevents") != std::string_view::npos;
}

bool is_git_text(std::string_view bytes) {
  return bytes.substr(0, looked_at_bytes).find('\0') == std::string_view::npos;
}

sha1_digest git_blob_of(const manifest_file& file) {
  return file.git_blob ? *file.git_blob : git_blob_id(lfs_pointer(file.sha256, file.size_bytes));
}

std::string_view git_snapshot::key(const manifest& m, const git_entry& entry) {
  return std::string_view{m.files[entry.file].path}.substr(0, entry.path_bytes);
}

bool git_snapshot::is_folder(const manifest& m, const git_entry& entry) {
  return key(m, entry).ends_with('/');
}

size_t git_snapshot::lower_bound(const manifest& m, std::string_view wanted) const {
  auto i = std::lower_bound(entries.begin(), entries.end(), wanted,
                            [&](auto& entry, auto text) { return key(m, entry) < text; });
  return static_cast<size_t>(i - entries.begin());
}

const git_entry* git_snapshot::find(const manifest& m, std::string_view path) const {
  for (auto& wanted : {std::string{path}, std::string{path} + '/'}) {
    auto i = lower_bound(m, wanted);
    if (i < entries.size() && key(m, entries[i]) == wanted)
      return &entries[i];
  }
  return nullptr;
}

size_t git_snapshot::next_sibling(const manifest& m, size_t index) const {
  if (!is_folder(m, entries[index]))
    return index + 1;
  std::string behind{key(m, entries[index])};
  ++behind.back(); // What follows a slash in ASCII.
  return lower_bound(m, behind);
}

std::string git_commit_message(const model_id& id) {
  return "Publish " + id.str();
}

sha1_digest git_commit_id(const sha1_digest& root, const git_note& note) {
  auto who = "Shoal <shoal@localhost> " + std::to_string(note.at) + " +0000\n";
  auto commit = "tree " + root.hex() + '\n';
  if (note.parent)
    commit += "parent " + note.parent->hex() + '\n';
  commit += "author " + who + "committer " + who + '\n' + note.message + '\n';
  return object_id("commit", commit);
}

std::string git_attributes() {
  constexpr std::string_view how = " filter=lfs diff=lfs merge=lfs -text\n";
  std::string text;
  for (auto ending : lfs_endings)
    text.append("*.").append(ending).append(how);
  return text.append("*tfevents*").append(how);
}

git_snapshot take_snapshot(const manifest& m) {
  auto made = tree_builder{m}.build();
  made.commit = git_commit_id(made.root, {std::nullopt, 0, git_commit_message(m.id)});
  return made;
}

bool is_commit_id(std::string_view text) {
  return text.size() == 2 * sha1_digest::size_bytes
         && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

sha1_digest commit_of(const manifest& m, const git_snapshot& snapshot) {
  return is_commit_id(m.rev) ? *sha1_digest::from_hex(m.rev) : snapshot.commit;
}

} // namespace shoal
