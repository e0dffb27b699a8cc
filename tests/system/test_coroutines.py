# SPDX-License-Identifier: Apache-2.0
"""GCC 12 miscompiles some statements with co_await: nobody may write one of those again.

It evaluates both sides of `?:`, `&&` and `||` around a co_await, and destroys braced temporaries and
lambdas of the awaited expression twice. So what is awaited has a statement of its own, and whatever
it works with has a name."""

import re

from test_layering import cpp_files, name

# What may stand before the co_await: a condition that ended, then a place for its value.
BEFORE = re.compile(r"(else |(if|while|for) \(.*\) )*"
                    r"((const )?auto[&*]* \w+ = |[\w.]+ = |co_return )?")


def without_comments_and_texts(source):
    pattern = r'//[^\n]*|/\*.*?\*/|R"\((.|\n)*?\)"|"(\\.|[^"\\\n])*"|\'(\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda m: "0" if m[0][0] in "R\"'" else " ", source, flags=re.S)


def balanced(text):
    return text.count("(") == text.count(")")


def dangerous_awaits(source):
    """The statements of `source` that the compiler may get wrong, each on one line."""
    code = without_comments_and_texts(source)
    for found in re.finditer(r"\bco_await\b", code):
        begin = max(code.rfind(mark, 0, found.start()) for mark in ";{}") + 1
        end = code.find(";", found.end())
        before = re.sub(r"\s+", " ", code[begin:found.start()]).lstrip()
        statement = re.sub(r"\s+", " ", code[begin:end]).strip()
        awaited = code[found.end():end]
        if not BEFORE.fullmatch(before) or not balanced(before) \
                or re.search(r"[{}?]|&&|\|\||\bco_await\b", awaited):
            yield statement


def test_the_check_finds_what_it_is_for():
    bad = ["auto x = ok ? co_await f() : 1;", "if (co_await f()) g();", "while (a && co_await f());",
           "auto x = a || co_await f();", "co_await ex.send(error{a, b});", "g(co_await f());",
           "co_await f([=] { return 1; });", "auto x = co_await f() && b;", "return !co_await f();",
           "auto x = co_await (a ? f() : g());", "co_await f(co_await g());",
           "if (auto x = co_await f(); !x)\n  g();", "auto x = *co_await f();"]
    good = ["co_await f(a, std::move(b));", "auto x = co_await ex.ask<reply>(a, b);",
            "auto& x = co_await f();", "going = co_await f();", "co_return co_await f(g, use_task);",
            "if (a && b)\n  co_await f();\nelse\n  x = co_await g();", "// g(co_await f());",
            'co_await ex.send(json(200, R"({"a":"b ? c && d"})"));', "for (;;) { co_await f(); }",
            "for (auto x : all)\n  co_await f(x);"]
    for source in bad:
        assert list(dangerous_awaits("{ " + source + " }")), source
    for source in good:
        assert not list(dangerous_awaits("{ " + source + " }")), source


def test_no_await_is_dangerous():
    found = [f"{name(path)}: {statement}" for path in cpp_files()
             for statement in dangerous_awaits(path.read_text())]
    assert not found, "\n".join(found)
