// SPDX-License-Identifier: Apache-2.0
#include "persistence/swarm_snapshot.hpp"

#include "persistence/wire.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace {

constexpr std::string_view magic = "SHOALSWM";
constexpr uint32_t format_version = 1;
constexpr uint32_t clean_flag = 1;
constexpr char swarm_tag = 'S';
constexpr char trailer_tag = 'E';

constexpr size_t crc_bytes = 4;
constexpr size_t header_bytes = 8 + 4 + 4 + 8;
constexpr size_t swarm_head_bytes = 1 + info_hash::size_bytes + 8 + 4;
constexpr size_t trailer_bytes = 1 + 8;
constexpr size_t buffer_bytes = 256 * 1024;

} // namespace

// -- writer ------------------------------------------------------------------------

result<swarm_snapshot_writer> swarm_snapshot_writer::open(const std::filesystem::path& path) {
  auto temp = path;
  temp += ".tmp";
  auto fd = open_file(temp, O_WRONLY | O_CREAT | O_TRUNC);
  if (!fd)
    return tl::unexpected(fd.error());
  swarm_snapshot_writer out;
  out.path_ = path;
  out.temp_ = std::move(temp);
  out.fd_ = std::move(*fd);
  out.buffer_.reserve(buffer_bytes);
  return out;
}

swarm_snapshot_writer::swarm_snapshot_writer(swarm_snapshot_writer&& other) noexcept
    : path_(std::move(other.path_)), temp_(std::exchange(other.temp_, {})),
      fd_(std::move(other.fd_)), buffer_(std::move(other.buffer_)), count_(other.count_) {}

swarm_snapshot_writer::~swarm_snapshot_writer() {
  if (!temp_.empty())
    ::unlink(temp_.c_str());
}

result<void> swarm_snapshot_writer::flush() {
  auto written = write_all(fd_.get(), as_bytes(buffer_), temp_);
  buffer_.clear();
  return written;
}

result<void> swarm_snapshot_writer::append(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = std::min(bytes.size(), buffer_bytes - buffer_.size());
    buffer_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (buffer_.size() == buffer_bytes)
      if (auto flushed = flush(); !flushed)
        return flushed;
  }
  return {};
}

result<void> swarm_snapshot_writer::append_part(std::string_view head, std::string_view body) {
  char crc[crc_bytes];
  wire::store(wire::crc32(head, body), crc);
  for (auto bytes : {head, body, std::string_view(crc, crc_bytes)})
    if (auto appended = append(bytes); !appended)
      return appended;
  return {};
}

result<void> swarm_snapshot_writer::begin(const snapshot_header& header) {
  std::string head(magic);
  wire::append(head, format_version);
  wire::append(head, header.clean ? clean_flag : uint32_t{0});
  wire::append(head, static_cast<uint64_t>(header.written_at));
  return append_part(head);
}

result<void> swarm_snapshot_writer::add(const swarm_image& swarm) {
  if (swarm.body.size() > swarm_image::body_bytes_max)
    return fail(ec::too_large, "swarm " + swarm.hash.brief() + " has "
                                   + std::to_string(swarm.body.size()) + " bytes");
  std::string head(1, swarm_tag);
  head += swarm.hash.chars();
  wire::append(head, swarm.downloaded);
  wire::append(head, static_cast<uint32_t>(swarm.body.size()));
  ++count_;
  return append_part(head, swarm.body);
}

result<void> swarm_snapshot_writer::finish() {
  std::string trailer(1, trailer_tag);
  wire::append(trailer, count_);
  auto done = append_part(trailer);
  if (done)
    done = flush();
  if (done)
    done = sync_file(fd_.get(), temp_);
  if (!done)
    return done;
  if (::rename(temp_.c_str(), path_.c_str()) != 0)
    return tl::unexpected(errno_error(errno, "rename to", path_));
  temp_.clear();
  auto folder = path_.parent_path();
  return sync_folder(folder.empty() ? "." : folder);
}

// -- reader ------------------------------------------------------------------------

result<swarm_snapshot_reader> swarm_snapshot_reader::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return fail(ec::not_found, path.string());
  auto fd = open_file(path, O_RDONLY);
  if (!fd)
    return tl::unexpected(fd.error());
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0)
    return tl::unexpected(errno_error(errno, "read", path));
  swarm_snapshot_reader out;
  out.path_ = path;
  out.fd_ = std::move(*fd);
  out.left_bytes_ = static_cast<uint64_t>(info.st_size);
  if (auto read = out.read_header(); !read)
    return tl::unexpected(read.error());
  return out;
}

result<void> swarm_snapshot_reader::read(char* out, size_t size) {
  if (size > left_bytes_)
    return fail(ec::corrupt, path_.string() + " ends early");
  left_bytes_ -= size;
  while (size > 0) {
    if (buffer_used_ == buffer_.size()) {
      buffer_.resize(buffer_bytes);
      buffer_used_ = 0;
      auto* data = reinterpret_cast<uint8_t*>(buffer_.data());
      auto got = read_full(fd_.get(), {data, buffer_.size()}, path_);
      buffer_.resize(got.value_or(0));
      if (!got)
        return tl::unexpected(got.error());
      if (*got == 0)
        return fail(ec::corrupt, path_.string() + " ends early");
    }
    auto n = std::min(size, buffer_.size() - buffer_used_);
    out = std::copy_n(buffer_.data() + buffer_used_, n, out);
    buffer_used_ += n;
    size -= n;
  }
  return {};
}

result<void> swarm_snapshot_reader::read_header() {
  char raw[header_bytes + crc_bytes];
  if (auto got = read(raw, sizeof(raw)); !got)
    return got;
  std::string_view head(raw, header_bytes);
  if (!head.starts_with(magic))
    return fail(ec::corrupt, path_.string() + " is no swarm snapshot");
  if (wire::crc32(head) != wire::load<uint32_t>(raw + header_bytes))
    return fail(ec::corrupt, "the header of " + path_.string());
  auto version = wire::load<uint32_t>(raw + 8);
  if (version != format_version)
    return fail(ec::unsupported, path_.string() + " has format " + std::to_string(version));
  header_.clean = (wire::load<uint32_t>(raw + 12) & clean_flag) != 0;
  header_.written_at = static_cast<unix_seconds>(wire::load<uint64_t>(raw + 16));
  return {};
}

/// @returns whether there was another swarm; false after an intact trailer.
result<bool> swarm_snapshot_reader::next(swarm_image& out, uint64_t expected_count) {
  char head[swarm_head_bytes];
  if (auto got = read(head, 1); !got)
    return tl::unexpected(got.error());
  char crc[crc_bytes];
  auto rest = head[0] == trailer_tag ? trailer_bytes - 1 : swarm_head_bytes - 1;
  if (auto got = read(head + 1, rest); !got)
    return tl::unexpected(got.error());
  std::string_view seen(head, rest + 1);
  out.body.clear();
  if (head[0] == swarm_tag) {
    size_t size = wire::load<uint32_t>(head + 1 + info_hash::size_bytes + 8);
    // Checked before memory is taken: a flipped bit must not ask for more than the file has.
    if (size > swarm_image::body_bytes_max || size > left_bytes_)
      return fail(ec::corrupt, path_.string() + " has a swarm of " + std::to_string(size)
                                   + " bytes where none fits");
    out.body.resize(size);
    if (auto got = read(out.body.data(), size); !got)
      return tl::unexpected(got.error());
  }
  if (auto got = read(crc, crc_bytes); !got)
    return tl::unexpected(got.error());
  if (wire::crc32(seen, out.body) != wire::load<uint32_t>(crc))
    return fail(ec::corrupt, path_.string() + " is damaged");
  if (head[0] == swarm_tag) {
    out.hash = *info_hash::from_bytes(seen.substr(1, info_hash::size_bytes));
    out.downloaded = wire::load<uint64_t>(head + 1 + info_hash::size_bytes);
    return true;
  }
  if (head[0] != trailer_tag || wire::load<uint64_t>(head + 1) != expected_count || left_bytes_)
    return fail(ec::corrupt, path_.string() + " does not end as it should");
  return false;
}

snapshot_report swarm_snapshot_reader::for_each(const std::function<void(swarm_image&&)>& visit) {
  snapshot_report report;
  swarm_image swarm;
  for (;;) {
    auto more = next(swarm, report.swarms);
    if (!more) {
      report.damage = more.error();
      report.damage->detail += " after " + std::to_string(report.swarms) + " swarms";
      return report;
    }
    if (!*more)
      return report;
    ++report.swarms;
    visit(std::move(swarm));
  }
}

} // namespace shoal
