// SPDX-License-Identifier: Apache-2.0
#include "persistence/chunk_map.hpp"

#include "core/hex.hpp"
#include "persistence/wire.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shoal {

namespace {

constexpr std::string_view magic = "SHOALPRT";
constexpr uint32_t format_version = 1;
constexpr size_t record_bytes = 12;
constexpr size_t fixed_header_bytes = 8 + 4 + 4 + 8 + 4 + 32 + 4;

/// The longest one that `create` can have written: a file of a pebibyte in chunks of 16 KiB has
/// more chunks than the map of a file that anybody pulls.
constexpr uint64_t map_bytes_max = uint64_t{1} << 30;

std::string encode(const sha256_digest& key, const partial_header& header) {
  std::string out(magic);
  wire::append(out, format_version);
  wire::append(out, header.chunk_bytes);
  wire::append(out, header.size_bytes);
  wire::append(out, header.sha256 ? uint32_t{1} : uint32_t{0});
  out += header.sha256.value_or(sha256_digest{}).chars();
  wire::append(out, static_cast<uint32_t>(header.validator.size()));
  out += header.validator;
  wire::append(out, wire::crc32(key.chars(), out));
  return out;
}

std::string encode(const sha256_digest& key, const chunk_map::record& x) {
  std::string out;
  wire::append(out, x.chunk);
  wire::append(out, x.bytes);
  wire::append(out, wire::crc32(key.chars(), out));
  return out;
}

/// @returns the header and its length.
result<std::pair<partial_header, size_t>> decode(const sha256_digest& key, std::string_view bytes) {
  auto bad = [] { return fail(ec::corrupt, "the header of a map of chunks"); };
  if (bytes.size() < fixed_header_bytes || !bytes.starts_with(magic))
    return bad();
  if (wire::load<uint32_t>(bytes.data() + 8) != format_version)
    return fail(ec::unsupported, "a map of chunks of another version");
  size_t validator_bytes = wire::load<uint32_t>(bytes.data() + fixed_header_bytes - 4);
  if (validator_bytes > chunk_map::validator_bytes_max
      || bytes.size() < fixed_header_bytes + validator_bytes + 4)
    return bad();
  auto summed = bytes.substr(0, fixed_header_bytes + validator_bytes);
  if (wire::crc32(key.chars(), summed) != wire::load<uint32_t>(bytes.data() + summed.size()))
    return bad();
  partial_header header;
  header.chunk_bytes = wire::load<uint32_t>(bytes.data() + 12);
  header.size_bytes = wire::load<uint64_t>(bytes.data() + 16);
  if (wire::load<uint32_t>(bytes.data() + 24) != 0)
    header.sha256 = sha256_digest::from_bytes(bytes.substr(28, 32));
  header.validator = bytes.substr(fixed_header_bytes, validator_bytes);
  return std::pair(std::move(header), summed.size() + 4);
}

result<std::string> read_whole(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return tl::unexpected(errno_error(errno, "read", path));
  if (static_cast<uint64_t>(info.st_size) > map_bytes_max)
    return fail(ec::corrupt, path.string() + " is too long for a map of chunks");
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  auto got = read_full(fd, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, path);
  if (!got)
    return tl::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

} // namespace

result<chunk_map> chunk_map::create(const std::filesystem::path& path, const sha256_digest& key,
                                    const partial_header& header) {
  auto temp = path;
  temp += ".tmp";
  auto fd = open_file(temp, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd)
    return tl::unexpected(fd.error());
  auto bytes = encode(key, header);
  auto done = write_all(fd->get(), as_bytes(bytes), temp);
  if (done)
    done = sync_file(fd->get(), temp);
  if (done && ::rename(temp.c_str(), path.c_str()) != 0)
    done = tl::unexpected(errno_error(errno, "rename to", path));
  if (done)
    done = sync_folder(path.parent_path());
  if (!done) {
    ::unlink(temp.c_str());
    return tl::unexpected(done.error());
  }
  chunk_map made;
  made.path_ = path;
  made.key_ = key;
  made.header_ = header;
  made.fd_ = std::move(*fd);
  made.length_ = bytes.size();
  return made;
}

result<chunk_map> chunk_map::open(const std::filesystem::path& path, const sha256_digest& key,
                                  std::vector<record>& records) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return fail(ec::not_found, path.string());
  auto fd = open_file(path, O_RDWR);
  if (!fd)
    return tl::unexpected(fd.error());
  auto bytes = read_whole(fd->get(), path);
  if (!bytes)
    return tl::unexpected(bytes.error());
  auto header = decode(key, *bytes);
  if (!header)
    return tl::unexpected(header.error());
  chunk_map found;
  found.path_ = path;
  found.key_ = key;
  found.header_ = std::move(header->first);
  found.length_ = header->second;
  for (; found.length_ + record_bytes <= bytes->size(); found.length_ += record_bytes) {
    const auto* at = bytes->data() + found.length_;
    if (wire::crc32(key.chars(), std::string_view(at, 8)) != wire::load<uint32_t>(at + 8))
      break;
    records.push_back({wire::load<uint32_t>(at), wire::load<uint32_t>(at + 4)});
  }
  found.fd_ = std::move(*fd);
  return found;
}

result<void> chunk_map::append(const std::vector<record>& records) {
  std::string bytes;
  for (auto& x : records)
    bytes += encode(key_, x);
  // What an append that failed has left is cut off first.
  if (::ftruncate(fd_.get(), static_cast<off_t>(length_)) != 0
      || ::lseek(fd_.get(), static_cast<off_t>(length_), SEEK_SET) < 0)
    return tl::unexpected(errno_error(errno, "write", path_));
  auto done = write_all(fd_.get(), as_bytes(bytes), path_);
  if (done && ::fdatasync(fd_.get()) != 0)
    done = tl::unexpected(errno_error(errno, "sync", path_));
  if (done)
    length_ += bytes.size();
  return done;
}

} // namespace shoal
