# SPDX-License-Identifier: Apache-2.0
"""/openapi.json lints clean and describes the routes that there are, no more and no less."""

import os
import subprocess

from support import web
from support.node_js import node_program
from support.paths import NPM, SHOALD

METHODS = {"get", "head", "post", "put", "delete", "options", "patch"}


def test_it_lints_clean(shared_node, tmp_path):
    document = tmp_path / "openapi.json"
    document.write_bytes(web.get(shared_node.url + "/openapi.json").body)
    # Hugging Face's files are named at the root of all paths: the order of the routes decides.
    done = subprocess.run(
        [node_program(), NPM / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js", "lint",
         "--extends=minimal", "--skip-rule=no-ambiguous-paths", "--format=stylish", document],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr.replace("Warning: failed to satisfy", "")


def documented(shared_node):
    answer = web.get(shared_node.url + "/openapi.json")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    document = answer.json()
    assert document["openapi"].startswith("3.")
    return {f"{method.upper()} {path}" for path, item in document["paths"].items()
            for method in item if method in METHODS}


def test_it_matches_the_routes(shared_node):
    listing = subprocess.run([SHOALD, "--print-routes"], capture_output=True, text=True, check=True,
                             timeout=60).stdout
    # "{*path}" takes slashes as well, which OpenAPI cannot say.
    routes = set(listing.replace("{*", "{").splitlines())
    assert routes, "no routes"
    described = documented(shared_node)
    assert described == routes, (f"not described: {sorted(routes - described)}, "
                                 f"not there: {sorted(described - routes)}")


def test_every_described_route_answers(shared_node):
    """A route that exists answers with something better than "there is no such path"."""
    unknown = web.get(shared_node.url + "/no/such/path")
    assert unknown.status == 404
    for line in sorted(documented(shared_node)):
        method, path = line.split(" ")
        while "{" in path:
            before, rest = path.split("{", 1)
            path = before + "x" + rest.split("}", 1)[1]
        answer = web.request(method, shared_node.url + path)
        assert answer.status not in (405, 501), line
        assert (answer.status, answer.body) != (404, unknown.body) or method == "HEAD", line

