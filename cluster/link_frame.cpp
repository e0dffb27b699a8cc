// SPDX-License-Identifier: Apache-2.0
#include "cluster/link_frame.hpp"

#include "core/limits.hpp"

#ifndef MSGPACK_NO_BOOST
#define MSGPACK_NO_BOOST
#endif
#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace shoal::cluster {

namespace {

constexpr std::string_view magic = "shoal-link";
constexpr size_t name_bytes_max = 64;
constexpr size_t fields_max = 32; // Ours and those of later versions.
constexpr size_t depth_max = 4;
constexpr size_t zone_bytes = 1024;

enum class tag : uint8_t {
  hello = 1,
  farewell,
  heartbeat,
  credit,
  request,
  answer,
  failure,
  notice
};

/// msgpack's idea of a stream.
struct text_sink {
  std::string& out;
  void write(const char* bytes, size_t n) { out.append(bytes, n); }
};

class writer {
public:
  writer(std::string& out, tag what, uint32_t fields) : sink_{out}, packer_{sink_} {
    packer_.pack_array(fields + 1);
    number(static_cast<uint8_t>(what));
  }

  writer& number(uint64_t x) {
    packer_.pack_uint64(x);
    return *this;
  }

  writer& flag(bool x) {
    x ? packer_.pack_true() : packer_.pack_false();
    return *this;
  }

  writer& text(std::string_view x) {
    packer_.pack_str(static_cast<uint32_t>(x.size()));
    packer_.pack_str_body(x.data(), static_cast<uint32_t>(x.size()));
    return *this;
  }

  writer& bytes(std::string_view x) {
    packer_.pack_bin(static_cast<uint32_t>(x.size()));
    packer_.pack_bin_body(x.data(), static_cast<uint32_t>(x.size()));
    return *this;
  }

private:
  text_sink sink_;
  msgpack::packer<text_sink> packer_;
};

/// Goes into logs: printable ASCII.
bool is_plain(char c) {
  return c >= ' ' && c <= '~';
}

bool is_name(std::string_view x) {
  return !x.empty() && std::all_of(x.begin(), x.end(), is_plain);
}

/// Takes fields in their order. The first one that is missing or of a wrong kind spoils the rest.
class fields {
public:
  explicit fields(std::span<const msgpack::object> all) : left_{all} {}

  template <class Number>
  fields& number(Number& out) {
    auto* field = next(msgpack::type::POSITIVE_INTEGER);
    if (!field)
      return *this;
    good_ = field->via.u64 <= std::numeric_limits<Number>::max();
    out = static_cast<Number>(field->via.u64);
    return *this;
  }

  fields& flag(bool& out) {
    if (auto* field = next(msgpack::type::BOOLEAN))
      out = field->via.boolean;
    return *this;
  }

  template <class Text>
  fields& text(Text& out, size_t bytes_max) {
    auto* field = next(msgpack::type::STR);
    if (!field)
      return *this;
    good_ = field->via.str.size <= bytes_max;
    if (good_)
      out = std::string_view{field->via.str.ptr, field->via.str.size};
    return *this;
  }

  fields& bytes(std::string_view& out) {
    auto* field = next(msgpack::type::BIN);
    if (!field)
      return *this;
    good_ = field->via.bin.size <= limits::link_body_bytes_max;
    out = {field->via.bin.ptr, field->via.bin.size};
    return *this;
  }

  bool good() const { return good_; }

private:
  const msgpack::object* next(msgpack::type::object_type type) {
    if (!good_ || left_.empty() || left_.front().type != type) {
      good_ = false;
      return nullptr;
    }
    auto* field = &left_.front();
    left_ = left_.subspan(1);
    return field;
  }

  std::span<const msgpack::object> left_;
  bool good_ = true;
};

// -- what each kind is made of --------------------------------------------------

void put(std::string& out, const link_hello& x) {
  writer{out, tag::hello, 10}
      .text(magic)
      .text(x.cluster)
      .text(x.node)
      .text(x.wanted)
      .number(x.incarnation)
      .number(x.fingerprint)
      .number(x.attempt)
      .number(x.window_bytes)
      .number(x.protocol_min)
      .number(x.protocol_max);
}

void put(std::string& out, const link_farewell& x) {
  writer{out, tag::farewell, 2}
      .number(static_cast<uint8_t>(x.reason))
      .text(std::string_view{x.text}.substr(0, limits::link_text_bytes_max));
}

void put(std::string& out, const link_heartbeat& x) {
  writer{out, tag::heartbeat, 2}.number(x.stamp).flag(x.echo);
}

void put(std::string& out, const link_credit& x) {
  writer{out, tag::credit, 2}.number(x.asks).number(x.answers);
}

void put(std::string& out, const link_request& x) {
  writer{out, tag::request, 4}.number(x.id).number(x.budget_ms).number(x.kind).bytes(x.body);
}

void put(std::string& out, const link_answer& x) {
  writer{out, tag::answer, 2}.number(x.id).bytes(x.body);
}

/// Codes go by their names: their numbers may change between programs.
void put(std::string& out, const link_failure& x) {
  writer{out, tag::failure, 3}
      .number(x.id)
      .text(name(x.code))
      .text(x.text.substr(0, limits::link_text_bytes_max));
}

void put(std::string& out, const link_notice& x) {
  writer{out, tag::notice, 2}.number(x.kind).bytes(x.body);
}

bool take(fields from, link_hello& x) {
  std::string_view spell;
  return from.text(spell, magic.size())
             .text(x.cluster, name_bytes_max)
             .text(x.node, name_bytes_max)
             .text(x.wanted, name_bytes_max)
             .number(x.incarnation)
             .number(x.fingerprint)
             .number(x.attempt)
             .number(x.window_bytes)
             .number(x.protocol_min)
             .number(x.protocol_max)
             .good()
         && spell == magic && is_name(x.cluster) && is_name(x.node)
         && (x.wanted.empty() || is_name(x.wanted)) && x.incarnation > 0
         && x.protocol_min <= x.protocol_max
         && x.window_bytes >= link_cost(limits::link_body_bytes_max);
}

bool take(fields from, link_farewell& x) {
  uint8_t reason = 0;
  if (!from.number(reason).text(x.text, limits::link_text_bytes_max).good() || reason == 0)
    return false;
  x.reason = static_cast<link_refusal>(reason); // Those of later versions have no name here.
  std::replace_if(
      x.text.begin(), x.text.end(), [](char c) { return !is_plain(c); }, '?');
  return true;
}

bool take(fields from, link_heartbeat& x) {
  return from.number(x.stamp).flag(x.echo).good();
}

bool take(fields from, link_credit& x) {
  return from.number(x.asks).number(x.answers).good();
}

bool take(fields from, link_request& x) {
  return from.number(x.id).number(x.budget_ms).number(x.kind).bytes(x.body).good();
}

bool take(fields from, link_answer& x) {
  return from.number(x.id).bytes(x.body).good();
}

/// What a code of another version says is unknown, and so is whether anything was done.
ec code_of(std::string_view text) {
  for (uint8_t i = 1; i < static_cast<uint8_t>(ec::ec_sentinel_); ++i)
    if (name(static_cast<ec>(i)) == text)
      return static_cast<ec>(i);
  return ec::timeout;
}

bool take(fields from, link_failure& x) {
  std::string_view code;
  if (!from.number(x.id)
           .text(code, name_bytes_max)
           .text(x.text, limits::link_text_bytes_max)
           .good())
    return false;
  x.code = code_of(code);
  return true;
}

bool take(fields from, link_notice& x) {
  return from.number(x.kind).bytes(x.body).good();
}

template <class Frame>
std::optional<link_frame> read(fields from) {
  Frame x;
  if (!take(from, x))
    return std::nullopt;
  return link_frame{std::move(x)};
}

std::optional<link_frame> read_frame(std::span<const msgpack::object> all) {
  uint8_t kind = 0;
  if (all.empty() || !fields{all}.number(kind).good())
    return std::nullopt;
  fields rest{all.subspan(1)};
  switch (static_cast<tag>(kind)) {
  case tag::hello:
    return read<link_hello>(rest);
  case tag::farewell:
    return read<link_farewell>(rest);
  case tag::heartbeat:
    return read<link_heartbeat>(rest);
  case tag::credit:
    return read<link_credit>(rest);
  case tag::request:
    return read<link_request>(rest);
  case tag::answer:
    return read<link_answer>(rest);
  case tag::failure:
    return read<link_failure>(rest);
  case tag::notice:
    return read<link_notice>(rest);
  }
  return std::nullopt;
}

/// Strings refer to the input instead of being copied.
bool refer(msgpack::type::object_type, size_t, void*) {
  return true;
}

size_t length_at(std::string_view bytes) {
  size_t n = 0;
  for (size_t i = 0; i < link_length_bytes; ++i)
    n = n << 8 | static_cast<uint8_t>(bytes[i]);
  return n;
}

constexpr std::array<std::string_view, static_cast<size_t>(link_refusal::link_refusal_sentinel_)>
    refusal_names{"",
                  "malformed",
                  "wrong_cluster",
                  "incompatible_version",
                  "wrong_certificate",
                  "wrong_node",
                  "wrong_direction",
                  "duplicate_node",
                  "old_incarnation",
                  "unknown_node",
                  "skewed_config",
                  "superseded",
                  "shutting_down"};
static_assert(refusal_names.back() == "shutting_down");

} // namespace

std::string_view name(link_refusal x) {
  auto i = static_cast<size_t>(x);
  return i > 0 && i < refusal_names.size() ? refusal_names[i] : "unknown";
}

void encode(const link_frame& frame, std::string& out) {
  auto start = out.size();
  out.append(link_length_bytes, '\0');
  std::visit([&](auto& x) { put(out, x); }, frame);
  auto n = out.size() - start - link_length_bytes;
  for (size_t i = 0; i < link_length_bytes; ++i)
    out[start + i] = static_cast<char>(n >> 8 * (link_length_bytes - 1 - i) & 0xff);
}

/// Where msgpack puts its arrays; used again for each frame.
struct link_frame_reader::workspace {
  msgpack::zone zone{zone_bytes};
};

size_t link_frame_bytes_max() {
  return limits::link_body_bytes_max + link_overhead_bytes;
}

link_frame_reader::link_frame_reader()
    : frame_bytes_max_{link_frame_bytes_max()}, workspace_{std::make_unique<workspace>()} {}

link_frame_reader::~link_frame_reader() = default;

void link_frame_reader::feed(std::string_view bytes) {
  buffer_.erase(0, used_);
  used_ = 0;
  buffer_ += bytes;
}

result<std::optional<link_frame>> link_frame_reader::next() {
  auto left = std::string_view{buffer_}.substr(used_);
  if (left.size() < link_length_bytes)
    return std::nullopt;
  auto n = length_at(left);
  if (n > frame_bytes_max_)
    return fail(ec::too_large, "a frame of " + std::to_string(n) + " bytes");
  if (left.size() < link_length_bytes + n)
    return std::nullopt;
  auto payload = left.substr(link_length_bytes, n);
  workspace_->zone.clear();
  try {
    msgpack::unpack_limit limit(fields_max, 0, n, n, 0, depth_max);
    size_t end = 0;
    auto refers = true;
    auto all
        = msgpack::unpack(workspace_->zone, payload.data(), n, end, refers, refer, nullptr, limit);
    if (end == n && all.type == msgpack::type::ARRAY) {
      used_ += link_length_bytes + n;
      if (auto frame = read_frame({all.via.array.ptr, all.via.array.size}))
        return frame;
    }
  } catch (const std::exception&) { // msgpack's only way to refuse.
  }
  return fail(ec::corrupt, "not a frame");
}

} // namespace shoal::cluster
