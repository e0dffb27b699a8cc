// SPDX-License-Identifier: Apache-2.0
#include "persistence/folder_hasher.hpp"

#include "core/limits.hpp"
#include "persistence/hash_reuse.hpp"
#include "persistence/posix_file.hpp"
#include "persistence/work_pool.hpp"
#include "protocol/merkle.hpp"

#include <algorithm>
#include <bit>
#include <deque>
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
    for (auto& file : reread_)
      if (!file.is_as_known())
        return fail(ec::corrupt, "the object " + file.known.sha256.hex());
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

  void make_room(uint64_t size_bytes, hashed_file& out) const {
    out.size_bytes = size_bytes;
    out.v1_pieces.resize((size_bytes + piece_bytes_ - 1) / piece_bytes_);
    if (out.v1_pieces.size() > 1)
      out.piece_layer.resize(out.v1_pieces.size());
    if (size_bytes == 0)
      out.sha256 = sha256(std::string_view{});
  }

  /// @returns where the hashes of what is read go.
  hashed_file& prepare(const scanned_file& file, const file_reuse& reuse, hashed_file& out) {
    out.path = file.path;
    if (!reuse.known) {
      make_room(file.size_bytes, out);
      return out;
    }
    out = *reuse.known;
    out.path = file.path;
    const auto first = reuse.read_from(piece_bytes_) / piece_bytes_;
    reread_.push_back({*reuse.known, static_cast<size_t>(first), {}});
    make_room(file.size_bytes, reread_.back().again);
    return reread_.back().again;
  }

  /// Of a file that nothing is read of.
  result<void> pass_by(const scanned_file& file, const file_reuse& reuse, hashed_file& into) {
    if (reuse.known)
      into = *reuse.known;
    else
      make_room(0, into);
    into.path = file.path;
    done_bytes_ += file.size_bytes;
    return {};
  }

  result<void> read_file(const scanned_file& file, const file_reuse& reuse, hashed_file& into) {
    if (options_.reuse != nullptr && reuse.spares(file.size_bytes))
      return pass_by(file, reuse, into);
    auto& out = prepare(file, reuse, into);
    const auto offset = reuse.read_from(piece_bytes_);
    done_bytes_ += offset;
    if (has_end(into, reuse))
      return take_end(reuse, out);
    auto opened = open_file(file.source, O_RDONLY);
    if (!opened)
      return tl::make_unexpected(opened.error());
    const unique_fd in = std::move(*opened);
    if (!is_unchanged(in, file))
      return changed(file);
    ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (::lseek(in.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
      return tl::unexpected{errno_error(errno, "seek", file.source)};
    if (auto ok = read_from(in, offset, file, reuse, out); !ok)
      return ok;
    return is_unchanged(in, file) ? result<void>{} : changed(file);
  }

  result<void> read_from(const unique_fd& in, uint64_t offset, const scanned_file& file,
                         const file_reuse& reuse, hashed_file& out) {
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
      }
      post_pieces(*part, out);
      // The stream of a single file consists of that file's pieces.
      if (!is_single() && offset > reuse.stream_from)
        post_stream(*part, reuse.stream_from - std::min(begin, reuse.stream_from));
      done_bytes_ += part->size_bytes;
      if (options_.on_progress)
        options_.on_progress(done_bytes_, listing_.total_size_bytes);
    }
    return {};
  }

  /// Whether what the stream needs of it was brought.
  bool has_end(const hashed_file& file, const file_reuse& reuse) const {
    return reuse.known != nullptr && options_.reuse->end
           && *options_.reuse->end
                  == file_end{file.sha256, file.size_bytes, reuse.read_from(piece_bytes_)};
  }

  result<void> take_end(const file_reuse& reuse, hashed_file& out) {
    const auto& end = *options_.reuse->end;
    const auto bytes = as_bytes(options_.reuse->end_bytes);
    if (bytes.size() != end.size_bytes - end.offset)
      return fail(ec::corrupt, "the end of object " + end.file.hex());
    pool_.post([this, bytes, &out, first = static_cast<size_t>(end.offset / piece_bytes_)] {
      for (size_t at = 0; at < bytes.size(); at += piece_bytes_)
        hash_piece(bytes.subspan(at, std::min<size_t>(piece_bytes_, bytes.size() - at)),
                   first + at / piece_bytes_, out);
    });
    const auto known = static_cast<size_t>(reuse.stream_from - end.offset);
    stream_chain_->post([this, bytes, known] { add_to_stream(bytes.subspan(known)); });
    return {};
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
  std::deque<reread_file> reread_;
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
