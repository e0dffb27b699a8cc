// SPDX-License-Identifier: Apache-2.0
#include "http/json_body.hpp"

#include "core/limits.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace shoal::http {

namespace {

/// Counts how deep the text nests. Returning false ends the parse at once.
class depth_gauge {
public:
  bool enter() {
    too_deep_ = ++depth_ > limits::json_depth_max;
    return !too_deep_;
  }
  void leave() { --depth_; }
  size_t depth() const { return depth_; }
  bool too_deep() const { return too_deep_; }

private:
  size_t depth_ = 0;
  bool too_deep_ = false;
};

/// nlohmann's own builder with a bound; its parser callbacks take quadratic time over arrays.
class bounded_builder : public nlohmann::detail::json_sax_dom_parser<nlohmann::json> {
public:
  explicit bounded_builder(nlohmann::json& out) : json_sax_dom_parser{out, false} {}

  bool start_object(size_t size) {
    return gauge_.enter() && json_sax_dom_parser::start_object(size);
  }
  bool start_array(size_t size) { return gauge_.enter() && json_sax_dom_parser::start_array(size); }
  bool end_object() {
    gauge_.leave();
    return json_sax_dom_parser::end_object();
  }
  bool end_array() {
    gauge_.leave();
    return json_sax_dom_parser::end_array();
  }
  bool too_deep() const { return gauge_.too_deep(); }

private:
  depth_gauge gauge_;
};

/// Keeps the wanted fields of the outermost object, and of one in it, and walks over the rest.
class field_collector : public nlohmann::json_sax<nlohmann::json> {
public:
  field_collector(nlohmann::json& out, std::string_view inner,
                  std::initializer_list<std::string_view> wanted)
      : out_{out}, inner_{inner}, wanted_(wanted) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }

  bool start_object(size_t) override {
    is_object_ |= gauge_.depth() == 0;
    if (std::exchange(at_inner_, false)) {
      in_inner_ = true;
      return gauge_.enter();
    }
    // A nested value stays as an empty one, to be recognised as being of the wrong type.
    return (gauge_.depth() == 0 || put(nlohmann::json::object())) && gauge_.enter();
  }
  bool start_array(size_t) override { return put(nlohmann::json::array()) && gauge_.enter(); }
  bool end_object() override {
    gauge_.leave();
    in_inner_ = in_inner_ && gauge_.depth() > 1;
    return true;
  }
  bool end_array() override {
    gauge_.leave();
    return true;
  }

  bool key(std::string& name) override {
    if (!is_kept())
      return true;
    at_inner_ = gauge_.depth() == 1 && !inner_.empty() && name == inner_;
    auto wants = std::find(wanted_.begin(), wanted_.end(), name) != wanted_.end();
    field_ = wants ? &out_[name] : nullptr;
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

  bool is_object() const { return is_object_; }
  bool too_deep() const { return gauge_.too_deep(); }

private:
  template <class T>
  bool put(T&& value) {
    at_inner_ = false;
    if (is_kept() && field_)
      *field_ = std::forward<T>(value);
    return gauge_.depth() > 0; // Nothing but an object may be the outermost value.
  }

  bool is_kept() const { return gauge_.depth() == (in_inner_ ? 2u : 1u); }

  nlohmann::json& out_;
  std::string_view inner_;
  std::initializer_list<std::string_view> wanted_;
  nlohmann::json* field_ = nullptr;
  depth_gauge gauge_;
  bool is_object_ = false;
  bool at_inner_ = false; ///< Its name was the last word.
  bool in_inner_ = false;
};

error too_deep() {
  return {ec::too_large, "the JSON is nested too deeply"};
}

error wrong_type(const char* field, std::string_view wanted) {
  return {ec::invalid_argument, "'" + std::string{field} + "' must be " + std::string{wanted}};
}

} // namespace

result<nlohmann::json> parse_json(std::string_view text) {
  nlohmann::json parsed;
  bounded_builder builder{parsed};
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    return parsed;
  if (builder.too_deep())
    return tl::unexpected{too_deep()};
  return fail(ec::invalid_argument, "the body is no valid JSON");
}

std::string dump_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string dump_json(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

result<json_body> json_body::parse(std::string_view text,
                                   std::initializer_list<std::string_view> wanted) {
  return parse_with(text, {}, wanted);
}

result<json_body> json_body::parse_with(std::string_view text, std::string_view inner,
                                        std::initializer_list<std::string_view> wanted) {
  json_body body;
  body.object_ = nlohmann::json::object();
  field_collector collector{body.object_, inner, wanted};
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &collector))
    return body;
  if (collector.too_deep())
    return tl::unexpected{too_deep()};
  return fail(ec::invalid_argument,
              collector.is_object() ? "the body is no valid JSON" : "the body is no JSON object");
}

const nlohmann::json* json_body::find(const char* field) const {
  auto i = object_.find(field);
  return i == object_.end() || i->is_null() ? nullptr : &*i;
}

bool json_body::has(const char* field) const {
  return find(field) != nullptr;
}

result<std::string> json_body::text(const char* field, size_t bytes_max) const {
  auto* value = find(field);
  if (!value)
    return std::string{};
  if (!value->is_string())
    return tl::unexpected{wrong_type(field, "a string")};
  auto& found = value->get_ref<const std::string&>();
  if (found.size() > bytes_max)
    return fail(ec::too_large, "'" + std::string{field} + "' has more than "
                                   + std::to_string(bytes_max) + " bytes");
  return found;
}

result<std::optional<uint64_t>> json_body::number(const char* field) const {
  auto* value = find(field);
  if (!value)
    return std::optional<uint64_t>{};
  constexpr uint64_t max = std::numeric_limits<int64_t>::max();
  if (!value->is_number_unsigned() || value->get<uint64_t>() > max)
    return tl::unexpected{wrong_type(field, "a whole number that is not negative")};
  return std::optional{value->get<uint64_t>()};
}

result<std::string> json_body::take_text(const char* field) {
  auto i = object_.find(field);
  if (i == object_.end() || i->is_null())
    return std::string{};
  if (!i->is_string())
    return tl::unexpected{wrong_type(field, "a string")};
  return std::move(i->get_ref<std::string&>());
}

} // namespace shoal::http
