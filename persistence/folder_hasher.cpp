// SPDX-License-Identifier: Apache-2.0
#include "persistence/folder_hasher.hpp"

#include "core/limits.hpp"
#include "persistence/posix_file.hpp"
#include "persistence/work_pool.hpp"
#include "protocol/merkle.hpp"

#include <algorithm>
#include <bit>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

namespace shoal {

namespace {

// Large enough that handing a buffer over costs nothing, small enough for a core's cache.
constexpr size_t buffer_bytes_min = 1024 * 1024;
constexpr size_t buffers_per_worker = 4;
constexpr size_t buffers_min = 4;

tl::unexpected<error> changed(const scanned_file& file) {
  return fail(ec::conflict, "the file changes while it is read: " + file.source);
}

/// @returns whether the open file is still as it was when the folder was listed.
bool is_unchanged(const unique_fd& in, const scanned_file& file) {
  struct stat st {};
  return ::fstat(in.get(), &st) == 0 && S_ISREG(st.st_mode)
         && static_cast<uint64_t>(st.st_size) == file.size_bytes
         && int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec == file.mtime_ns;
}

/// How much of a file is known, and where it stands in the v1 stream.
struct file_reuse {
  const hashed_file* known = nullptr; ///< Null: all its hashes are to be made.
  uint64_t stream_from = 0;           ///< The first byte that the stream needs.

  bool spares(uint64_t size_bytes) const {
    return size_bytes == 0 || (known != nullptr && stream_from == size_bytes);
  }
};

/// What is known of each file. @param sizes, names of all files.
std::vector<file_reuse> reuse_of(std::span<const uint64_t> sizes, const hash_reuse& reuse) {
  std::vector<file_reuse> all(sizes.size());
  uint64_t begin = 0;
  for (auto i : reuse.plan.order) {
    if (reuse.known != nullptr && sizes.size() > 1) {
      auto known = reuse.known->files.find(reuse.names[i]);
      if (known != reuse.known->files.end() && known->second.size_bytes == sizes[i])
        all[i].known = &known->second;
    }
    auto left = reuse.plan.known_bytes - std::min(begin, reuse.plan.known_bytes);
    all[i].stream_from = std::min(left, sizes[i]);
    begin += sizes[i];
  }
  return all;
}

/// A part of a file in memory: whole pieces, the file's last one perhaps shorter.
struct chunk {
  buffer_pool::buffer memory;
  size_t size_bytes;
  size_t first_piece; ///< Within the file.

  std::span<const uint8_t> bytes() const { return {memory.get(), size_bytes}; }
};

/// The v1 stream of all files in a row. Lives in one chain, because pieces straddle files.
struct stream_state {
  sha1_hasher hasher;
  size_t filled_bytes = 0; ///< Of the current piece.
};

class pipeline {
public:
  pipeline(const folder_listing& listing, const hash_options& options, uint32_t piece_length_bytes,
           unsigned workers)
      : listing_(listing), options_(options), piece_bytes_(piece_length_bytes),
        buffer_bytes_(std::max<size_t>(piece_length_bytes, buffer_bytes_min)),
        buffers_(buffer_bytes_, buffer_count(workers)), pool_(workers),
        stream_chain_(std::make_shared<work_chain>(pool_)) {
    content_.piece_length_bytes = piece_length_bytes;
    content_.files.resize(listing.files.size());
    content_.v1_stream_pieces.reserve(listing.total_size_bytes / piece_length_bytes + 1);
    take_over();
  }

  result<torrent_content> run() {
    for (size_t at = 0; at < listing_.files.size(); ++at) {
      const auto i = content_.v1_order.empty() ? at : content_.v1_order[at];
      if (auto ok = read_file(listing_.files[i], reuse_[i], content_.files[i]); !ok)
        return tl::make_unexpected(ok.error());
    }
    pool_.wait_idle();
    finish();
    return std::move(content_);
  }

private:
  size_t buffer_count(unsigned workers) const {
    const size_t wanted = workers * buffers_per_worker + buffers_min;
    return std::clamp(limits::hash_buffers_bytes_max / buffer_bytes_, buffers_min, wanted);
  }

  bool is_single() const { return listing_.files.size() == 1; }

  /// What need not be made.
  void take_over() {
    if (options_.reuse == nullptr) {
      reuse_.resize(listing_.files.size());
      return;
    }
    std::vector<uint64_t> sizes;
    for (auto& file : listing_.files)
      sizes.push_back(file.size_bytes);
    reuse_ = reuse_of(sizes, *options_.reuse);
    auto& plan = options_.reuse->plan;
    content_.v1_order = plan.order;
    if (plan.known_bytes == 0)
      return;
    auto& pieces = options_.reuse->known->stream_pieces;
    const auto count = (plan.known_bytes + piece_bytes_ - 1) / piece_bytes_;
    content_.v1_stream_pieces.assign(pieces.begin(),
                                     pieces.begin() + static_cast<ptrdiff_t>(count));
  }

  void prepare(const scanned_file& file, const file_reuse& reuse, hashed_file& out) const {
    if (reuse.known)
      out = *reuse.known;
    out.path = file.path;
    if (reuse.known)
      return;
    out.size_bytes = file.size_bytes;
    out.v1_pieces.resize((file.size_bytes + piece_bytes_ - 1) / piece_bytes_);
    if (out.v1_pieces.size() > 1)
      out.piece_layer.resize(out.v1_pieces.size());
    if (file.size_bytes == 0)
      out.sha256 = sha256(std::string_view{});
  }

  result<void> read_file(const scanned_file& file, const file_reuse& reuse, hashed_file& out) {
    prepare(file, reuse, out);
    uint64_t offset = reuse.known ? reuse.stream_from : 0;
    done_bytes_ += offset;
    if (options_.reuse != nullptr && reuse.spares(file.size_bytes))
      return {};
    if (has_end(out, reuse)) {
      stream_chain_->post([this] { add_to_stream(as_bytes(options_.reuse->end_bytes)); });
      return {};
    }
    auto opened = open_file(file.source, O_RDONLY);
    if (!opened)
      return tl::make_unexpected(opened.error());
    const unique_fd in = std::move(*opened);
    if (!is_unchanged(in, file))
      return changed(file);
    if (::lseek(in.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
      return tl::unexpected{errno_error(errno, "seek", file.source)};
    ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    auto whole = std::make_shared<sha256_hasher>();
    auto whole_chain = std::make_shared<work_chain>(pool_);
    while (offset < file.size_bytes) {
      auto part = read_chunk(in, file, offset);
      if (!part)
        return tl::make_unexpected(part.error());
      const auto begin = std::exchange(offset, offset + part->size_bytes);
      if (!reuse.known) {
        whole_chain->post([whole, part = *part, &out, last = offset == file.size_bytes] {
          whole->update(part.bytes());
          if (last)
            out.sha256 = whole->finish();
        });
        post_pieces(*part, out);
      }
      // The stream of a single file consists of that file's pieces.
      if (!is_single() && offset > reuse.stream_from)
        post_stream(*part, reuse.stream_from - std::min(begin, reuse.stream_from));
      done_bytes_ += part->size_bytes;
      if (options_.on_progress)
        options_.on_progress(done_bytes_, listing_.total_size_bytes);
    }
    return is_unchanged(in, file) ? result<void>{} : changed(file);
  }

  /// Whether what the stream needs of it was brought.
  bool has_end(const hashed_file& file, const file_reuse& reuse) const {
    return reuse.known != nullptr && options_.reuse->end
           && *options_.reuse->end == file_end{file.sha256, file.size_bytes, reuse.stream_from};
  }

  void post_stream(const chunk& part, uint64_t known_bytes) {
    stream_chain_->post([this, part, known = static_cast<size_t>(known_bytes)] {
      add_to_stream(part.bytes().subspan(known));
    });
  }

  result<chunk> read_chunk(const unique_fd& in, const scanned_file& file, uint64_t offset) {
    if (options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed))
      return fail(ec::shutting_down, "cancelled");
    const auto wanted = std::min<uint64_t>(buffer_bytes_, file.size_bytes - offset);
    chunk part{buffers_.take(), 0, static_cast<size_t>(offset / piece_bytes_)};
    auto got = read_full(in.get(), {part.memory.get(), static_cast<size_t>(wanted)}, file.source);
    if (!got)
      return tl::make_unexpected(got.error());
    if (*got != wanted)
      return changed(file);
    part.size_bytes = *got;
    return part;
  }

  /// Tasks of at least buffer_bytes_min / 4, so that small pieces cost little, and large chunks
  /// spread over the workers.
  void post_pieces(const chunk& part, hashed_file& out) {
    const size_t step = std::max<size_t>(piece_bytes_, buffer_bytes_min / 4);
    for (size_t offset = 0; offset < part.size_bytes; offset += step) {
      pool_.post([this, part, &out, offset, step] {
        const auto end = std::min(offset + step, part.size_bytes);
        for (size_t at = offset; at < end; at += piece_bytes_)
          hash_piece(part.bytes().subspan(at, std::min<size_t>(piece_bytes_, end - at)),
                     part.first_piece + at / piece_bytes_, out);
      });
    }
  }

  void hash_piece(std::span<const uint8_t> bytes, size_t index, hashed_file& out) const {
    sha1_hasher v1;
    v1.update(bytes);
    if (!is_single())
      update_zeros(v1, piece_bytes_ - bytes.size());
    out.v1_pieces[index] = v1.finish();
    if (!out.piece_layer.empty()) {
      out.piece_layer[index] = merkle::block_root(bytes, piece_bytes_ / merkle::block_bytes);
    } else {
      const size_t blocks = (bytes.size() + merkle::block_bytes - 1) / merkle::block_bytes;
      out.pieces_root = merkle::block_root(bytes, std::bit_ceil(blocks));
    }
  }

  static void update_zeros(sha1_hasher& hasher, size_t count) {
    static constexpr std::array<uint8_t, merkle::block_bytes> zeros{};
    for (; count > 0; count -= std::min(count, zeros.size()))
      hasher.update(std::span(zeros).first(std::min(count, zeros.size())));
  }

  void add_to_stream(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const auto n = std::min<size_t>(bytes.size(), piece_bytes_ - stream_.filled_bytes);
      stream_.hasher.update(bytes.first(n));
      stream_.filled_bytes += n;
      bytes = bytes.subspan(n);
      if (stream_.filled_bytes == piece_bytes_)
        end_stream_piece();
    }
  }

  void end_stream_piece() {
    content_.v1_stream_pieces.push_back(stream_.hasher.finish());
    stream_.filled_bytes = 0;
  }

  void finish() {
    if (stream_.filled_bytes > 0)
      end_stream_piece();
    if (is_single())
      content_.v1_stream_pieces = content_.files.front().v1_pieces;
    for (auto& file : content_.files)
      if (!file.piece_layer.empty())
        file.pieces_root = merkle::layer_root(file.piece_layer, piece_bytes_);
  }

  const folder_listing& listing_;
  const hash_options& options_;
  const uint32_t piece_bytes_;
  const size_t buffer_bytes_;
  uint64_t done_bytes_ = 0;
  std::vector<file_reuse> reuse_; // Of each file.
  torrent_content content_;
  stream_state stream_;
  buffer_pool buffers_;
  work_pool pool_; // Destroyed first: its tasks use everything above.
  std::shared_ptr<work_chain> stream_chain_;
};

uint32_t piece_length_for(const folder_listing& listing) {
  std::vector<uint64_t> sizes;
  for (auto& file : listing.files)
    sizes.push_back(file.size_bytes);
  return choose_piece_length(sizes);
}

unsigned worker_count(const hash_options& options) {
  return options.workers > 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
}

} // namespace

hash_needs needs_of(std::span<const manifest_file> files, const hash_reuse& reuse) {
  std::vector<uint64_t> sizes;
  for (auto& file : files)
    sizes.push_back(file.size_bytes);
  const auto all = reuse_of(sizes, reuse);
  hash_needs needs;
  for (size_t i = 0; i < files.size(); ++i) {
    if (all[i].spares(sizes[i]))
      continue;
    needs.files.push_back(i);
    // The known part ends with a piece, and with the first file that is not whole in it.
    if (all[i].known != nullptr && all[i].stream_from > 0)
      needs.end = file_end{files[i].sha256, sizes[i], all[i].stream_from};
  }
  return needs;
}

result<torrent_content> hash_folder(const folder_listing& listing,
                                    const hash_options& options) try {
  const uint32_t piece
      = options.piece_length_bytes > 0 ? options.piece_length_bytes : piece_length_for(listing);
  if (!std::has_single_bit(piece) || piece < limits::piece_length_bytes_min
      || piece > limits::piece_length_bytes_max)
    return fail(ec::invalid_argument,
                "the piece length must be a power of two from 16 KiB to 16 MiB");
  return pipeline(listing, options, piece, worker_count(options)).run();
} catch (const std::exception& err) {
  return fail(ec::unavailable, err.what()); // No memory or no threads.
}

} // namespace shoal
