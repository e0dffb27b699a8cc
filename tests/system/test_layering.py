# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can check: layers, sizes, form."""

import ast
import re
import subprocess

import pytest
from support.paths import TOP

# Each layer includes only what stands before it.
LAYERS = ["core", "protocol", "origin", "persistence", "cluster", "actors", "udp", "http", "cmd"]

# These stand side by side: neither knows the other.
APART = {("http", "udp"), ("persistence", "origin"), ("cluster", "origin")}

CAF_FROM = LAYERS.index("actors")

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

# Exceptions from the size rules: "path" or "path:function", each with its reason.
ALLOWED = {
    "deploy/grafana/dashboards/shoal.json": "a dashboard as Grafana exports it, not for reading",
}

NO_FUNCTION = re.compile(r"^\s*(inline )?(namespace|(typedef )?(class|struct|union|enum)|extern)\b"
                         r"|^\s*template <[^{]*>\s*(class|struct|union)\b|=\s*\{$|=\s*$"
                         r"|\.then\( \[")  # A lambda: part of the function that it stands in.


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=TOP, check=True,
                             capture_output=True, text=True).stdout
    return [TOP / name for name in listing.split("\0") if name and (TOP / name).is_file()]


def cpp_files():
    return tracked("*.cpp", "*.hpp")


def own_lines(path):
    return path.read_text().splitlines()


def name(path):
    return path.relative_to(TOP).as_posix()


def includes(path):
    for line in own_lines(path):
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if found:
            yield found[1], found[2]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_includes_only_what_stands_below_it(layer):
    wrong = []
    for path in tracked(f"{layer}/*.cpp", f"{layer}/*.hpp"):
        for kind, target in includes(path):
            other = target.split("/")[0]
            below = LAYERS[: LAYERS.index(layer) + 1]
            if kind == '"' and (other not in below or (layer, other) in APART):
                wrong.append(f"{name(path)} includes {target}")
            if other == "caf" and LAYERS.index(layer) < CAF_FROM:
                wrong.append(f"{name(path)} includes {target}")
            if target in ("caf/all.hpp", "boost/asio.hpp", "boost/beast.hpp"):
                wrong.append(f"{name(path)} includes the umbrella {target}")
            if target.startswith("caf/test/"):
                wrong.append(f"{name(path)} includes the test framework")
    assert not wrong, "\n".join(wrong)


def cpp_functions(path):
    """(name, lines) of each body that clang-format laid out: from the line that opens it to the
    closing brace of the same indentation."""
    lines = own_lines(path)
    for at, line in enumerate(lines):
        if not line.endswith("{"):
            continue
        start = at
        while start > 0 and not re.search(r"([;{}:]|^\s*//.*|^\s*#.*|^\s*)$", lines[start - 1]):
            start -= 1
        head = " ".join(part.strip() for part in lines[start:at + 1])
        if "(" not in head or NO_FUNCTION.search(head):
            continue
        indent = len(lines[start]) - len(lines[start].lstrip())
        end = next((i for i in range(at + 1, len(lines))
                    if re.match(rf"\s{{{indent}}}\}}", lines[i])), at)
        yield head.split("(")[0].split(" ")[-1], end - start + 1


def python_functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_loop_is_over_what_is_gone():
    """`for (x : call()->list)`: what the call returns ends before the loop begins (C++20)."""
    gone = re.compile(r"for \([^;]*:[^;]*\w\([^()]*\)->")
    wrong = [f"{name(path)}:{at}" for path in cpp_files() if not name(path).startswith("tests/")
             for at, line in enumerate(own_lines(path), 1) if gone.search(line)]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_long():
    files = [*cpp_files(), *tracked("*.py", "*.sh", "*.mjs", "deploy/*", "tests/run")]
    long = [f"{name(p)}: {len(own_lines(p))}" for p in files
            if len(own_lines(p)) > FILE_LINES_MAX and name(p) not in ALLOWED]
    assert not long, "\n".join(long)


def test_no_function_is_long():
    long = []
    for files, functions in ((cpp_files(), cpp_functions), (tracked("*.py"), python_functions)):
        for path in files:
            long += [f"{name(path)}:{function}: {lines}" for function, lines in functions(path)
                     if lines > FUNCTION_LINES_MAX and f"{name(path)}:{function}" not in ALLOWED]
    assert not long, "\n".join(long)


def test_the_function_counter_counts(tmp_path):
    sample = tmp_path / "sample.cpp"
    body = "  call();\n" * 70
    sample.write_text("namespace a {\n\nstruct b {\n" + "  int x;\n" * 70 + "  int f() {\n" + body
                      + "  }\n};\n\nauto g(int one,\n       int two) -> int {\n" + body + "}\n"
                      + "const table t[] = {\n" + body + "};\n} // namespace a\n")
    assert list(cpp_functions(sample)) == [("f", 72), ("g", 73)]


def test_no_work_is_left_behind():
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
    found = []
    for path in [*cpp_files(), *tracked("*.py", "*.sh", "*.mjs", "*.cmake", "*CMakeLists.txt")]:
        found += [f"{name(path)}:{number}: {line.strip()}"
                  for number, line in enumerate(own_lines(path), 1) if words.search(line)]
    assert not found, "\n".join(found)


def test_every_source_names_its_licence():
    files = [*cpp_files(), *tracked("*.py", "*.sh", "*.mjs", "*.cmake", "*CMakeLists.txt")]
    bare = [name(p) for p in files
            if not any("SPDX-License-Identifier: Apache-2.0" in line for line in own_lines(p)[:2])]
    assert not bare


def test_every_header_is_included_once():
    bare = [name(p) for p in tracked("*.hpp") if "#pragma once" not in own_lines(p)[1:3]]
    assert not bare


def test_every_cpp_file_is_formatted():
    done = subprocess.run(["clang-format-14", "-n", "-Werror", *map(str, cpp_files())], cwd=TOP,
                          capture_output=True, text=True)
    files = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    assert done.returncode == 0, "not formatted: " + ", ".join(files)
