// SPDX-License-Identifier: Apache-2.0
#include "protocol/front_matter.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <memory>
#include <vector>
#include <yaml.h>

namespace shoal {

namespace {

using document = nlohmann::json;

tl::unexpected<error> bad(const char* what) {
  return fail(ec::invalid_argument, std::string{"front matter: "} + what);
}

// -- plain words -------------------------------------------------------------------

/// @returns the number if all of the text is one. @param base 2 to 36.
std::optional<document> integer(std::string_view text, int base = 10) {
  int64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failed != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<document> number(std::string_view text) {
  auto is_hex = text.starts_with("0x");
  if (is_hex || text.starts_with("0o"))
    return text.size() > 2 && text[2] != '-' ? integer(text.substr(2), is_hex ? 16 : 8)
                                             : std::nullopt;
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos
      || text.find_first_of("0123456789") == std::string_view::npos)
    return std::nullopt;
  if (auto whole = integer(text))
    return whole;
  double value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// @source YAML 1.2.2, 10.3.2
document plain_value(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE")
    return true;
  if (text == "false" || text == "False" || text == "FALSE")
    return false;
  return number(text).value_or(document(text));
}

// -- structure ---------------------------------------------------------------------

/// Makes one value of events. A key and its value may be any nodes in YAML; here keys are scalars.
class builder {
public:
  bool is_done() const { return !root_.is_discarded() && open_.empty(); }
  document take() { return std::move(root_); }

  result<void> scalar(std::string_view text, bool is_plain) {
    if (!open_.empty() && open_.back().awaits_key) {
      open_.back().key = text;
      open_.back().awaits_key = false;
      return {};
    }
    return add(is_plain ? plain_value(text) : document(text));
  }

  result<void> begin(bool is_mapping) {
    if (open_.size() == front_matter_depth_max)
      return fail(ec::too_large, "front matter: too deep");
    if (!open_.empty() && open_.back().awaits_key)
      return bad("a key that is no scalar");
    auto made = is_mapping ? document::object() : document::array();
    open_.push_back({std::move(made), {}, is_mapping});
    return {};
  }

  result<void> end() {
    auto made = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(made));
  }

private:
  struct node {
    document value;
    std::string key;
    bool awaits_key = false; ///< Of a mapping.
  };

  result<void> add(document value) {
    if (++values_ > front_matter_values_max)
      return fail(ec::too_large, "front matter: too many values");
    if (open_.empty()) {
      root_ = std::move(value);
      return {};
    }
    auto& into = open_.back();
    if (into.value.is_array()) {
      into.value.push_back(std::move(value));
    } else {
      into.value[into.key] = std::move(value);
      into.awaits_key = true;
    }
    return {};
  }

  document root_ = document(document::value_t::discarded);
  std::vector<node> open_;
  size_t values_ = 0;
};

using parser = std::unique_ptr<yaml_parser_t, void (*)(yaml_parser_t*)>;
using event = std::unique_ptr<yaml_event_t, void (*)(yaml_event_t*)>;

std::string_view text_of(const yaml_event_t& x) {
  auto& scalar = x.data.scalar;
  return {reinterpret_cast<const char*>(scalar.value), scalar.length};
}

result<void> take(builder& made, const yaml_event_t& x) {
  switch (x.type) {
  case YAML_SCALAR_EVENT:
    return made.scalar(text_of(x), x.data.scalar.plain_implicit != 0);
  case YAML_MAPPING_START_EVENT:
  case YAML_SEQUENCE_START_EVENT:
    return made.begin(x.type == YAML_MAPPING_START_EVENT);
  case YAML_MAPPING_END_EVENT:
  case YAML_SEQUENCE_END_EVENT:
    return made.end();
  case YAML_ALIAS_EVENT:
    return bad("an alias");
  case YAML_STREAM_END_EVENT:
    return bad("nothing");
  default:
    return {};
  }
}

} // namespace

std::optional<std::string_view> find_front_matter(std::string_view readme) {
  constexpr std::string_view mark = "---";
  if (readme.starts_with("\xEF\xBB\xBF"))
    readme.remove_prefix(3);
  auto take_line = [&] {
    auto end = readme.find('\n');
    auto line = readme.substr(0, end);
    readme.remove_prefix(end == std::string_view::npos ? readme.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    return line;
  };
  if (take_line() != mark)
    return std::nullopt;
  auto first = readme.data();
  while (!readme.empty()) {
    auto before = readme.data();
    if (take_line() == mark)
      return std::string_view{first, static_cast<size_t>(before - first)};
  }
  return std::nullopt;
}

result<std::string> front_matter_json(std::string_view yaml) {
  if (yaml.size() > front_matter_bytes_max)
    return fail(ec::too_large, "front matter");
  if (yaml.empty()) // libyaml takes no null.
    return bad("nothing");
  yaml_parser_t state;
  if (yaml_parser_initialize(&state) == 0)
    return bad("no memory for it");
  parser guard{&state, yaml_parser_delete};
  yaml_parser_set_encoding(&state, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&state, reinterpret_cast<const unsigned char*>(yaml.data()),
                               yaml.size());
  builder made;
  while (!made.is_done()) {
    yaml_event_t next;
    if (yaml_parser_parse(&state, &next) == 0)
      return bad(state.problem ? state.problem : "not YAML");
    event freed{&next, yaml_event_delete};
    if (auto taken = take(made, next); !taken)
      return tl::unexpected{taken.error()};
  }
  auto doc = made.take();
  if (!doc.is_object())
    return bad("no mapping");
  return doc.dump();
}

} // namespace shoal
