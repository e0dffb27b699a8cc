// SPDX-License-Identifier: Apache-2.0
#define CAF_SUITE protocol.selection

#include "protocol/selection.hpp"

#include <caf/test/unit_test.hpp>

using namespace shoal;

CAF_TEST(a star goes over slashes as in the tools of hugging face) {
  CAF_CHECK(matches("*.safetensors", "model.safetensors"));
  CAF_CHECK(matches("*.safetensors", "deep/er/model.safetensors"));
  CAF_CHECK(matches("model-0000[12]-*", "model-00002-of-3.bin"));
  CAF_CHECK(!matches("*.safetensors", "model.safetensors.index"));
  CAF_CHECK(!matches("config.json", "sub/config.json"));
  CAF_CHECK(!matches("", "anything"));
}

CAF_TEST(a folder means all that is in it) {
  CAF_CHECK(matches("deep", "deep/er/model.bin"));
  CAF_CHECK(matches("deep/", "deep/model.bin"));
  CAF_CHECK(!matches("deep", "deeper/model.bin"));
  CAF_CHECK(!matches("deep/", "deep"));
}

CAF_TEST(what is excluded is not wanted whatever else is said) {
  const selection all{};
  CAF_CHECK(all.wants("a"));
  const selection some{{"*.bin", "docs"}, {"*2*"}};
  CAF_CHECK(some.wants("1.bin"));
  CAF_CHECK(some.wants("docs/x.txt"));
  CAF_CHECK(!some.wants("2.bin"));
  CAF_CHECK(!some.wants("docs/2.txt"));
  CAF_CHECK(!some.wants("README.md"));
  const selection all_but{{}, {"*.bin"}};
  CAF_CHECK(all_but.wants("README.md"));
  CAF_CHECK(!all_but.wants("1.bin"));
}
