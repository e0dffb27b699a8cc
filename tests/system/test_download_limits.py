# SPDX-License-Identifier: Apache-2.0
"""Bandwidth and quotas of downloads: even, per principal and in all, refused with Retry-After."""

import hashlib
import threading
import time

import pytest
from support import hub, model_files, tls, wait, web
from support.cluster import Cluster
from support.tls import Certificate, TlsNode

FILE = model_files.safetensors({}, 400_000)
HASH = hashlib.sha256(FILE).hexdigest()
PATHS = [f"/DownloadModel/Stable-Diffusion/{HASH}/m", "/webseed/org/model/v1/m.safetensors",
         "/org/model/resolve/main/m.safetensors", f"/api/objects/{HASH}"]


@pytest.fixture
def limited(make_node, tmp_path):
    def make(*flags):
        node = make_node(*flags)
        node.publish(hub.write(tmp_path / f"m{node.address[1]}", {"m.safetensors": FILE}),
                     "org/model", "v1")
        return node
    return make


def timed(url, headers=None):
    begin = time.monotonic()
    answer = web.get(url, headers)
    assert answer.status == 200 and answer.body == FILE
    return time.monotonic() - begin


def session(node):
    return {"X-Session-ID": web.post(node.url + "/API/GetNewSession", {}).json()["session_id"]}


def least(rate, bytes_):
    """Nobody can be faster: the bucket gives a fifth of a second at once."""
    return bytes_ / rate - 0.2


@pytest.mark.parametrize("path", PATHS)
def test_no_download_is_faster_than_its_rate(limited, path):
    node = limited("--download-rate-each", "400000")
    assert timed(node.url + path) >= least(400_000, len(FILE))
    shown = node.metrics()
    assert shown["shoal_download_pauses_total"] > 10  # Even, not in a few bursts.
    assert shown["shoal_download_principals"] == 1


def test_each_principal_has_a_rate_of_its_own_and_all_have_one_together(limited):
    node = limited("--download-rate-each", "400000", "--download-rate", "500000")
    url = node.url + PATHS[0]
    ends, begin = [], time.monotonic()
    users = [session(node) for _ in range(2)]
    threads = [threading.Thread(target=lambda u=u: ends.append(timed(url, u))) for u in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    assert time.monotonic() - begin >= least(500_000, 2 * len(FILE))
    assert node.metrics()["shoal_download_principals"] == 2


def test_two_connections_of_one_principal_share_its_rate(limited):
    node = limited("--download-rate-each", "500000")
    url, user, begin = node.url + PATHS[0], session(node), time.monotonic()
    threads = [threading.Thread(target=timed, args=(url, user)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin >= least(500_000, 2 * len(FILE))


def test_who_has_used_up_the_day_is_told_when_to_come_again(limited):
    node = limited("--download-quota", str(len(FILE) - 1))
    url, user, other = node.url + PATHS[0], session(node), session(node)
    timed(url, user)  # What has begun goes on.
    refused = web.get(url, user)
    assert (refused.status, refused.json()["error_id"]) == (429, "quota_exceeded")
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400
    assert web.request("HEAD", url, None, user).status == 200  # To ask costs nothing.
    timed(url, other)
    assert node.metrics()["shoal_refused_total", ("reason", "quota")] == 1


def test_the_day_of_all_may_be_used_up_too(limited):
    node = limited("--download-quota-all", str(2 * len(FILE) - 1))
    url, user, other = node.url + PATHS[0], session(node), session(node)
    timed(url, user)
    timed(url, other)
    for who in (user, other, session(node)):
        refused = web.get(url, who)
        assert (refused.status, refused.json()["error_id"]) == (429, "quota_exceeded")
        assert 1 <= int(refused.headers["Retry-After"]) <= 86_400


def test_encrypted_downloads_have_the_same_rate(tmp_path):
    certificate = Certificate(tmp_path, "main")
    with TlsNode(tmp_path / "node", [certificate], "--download-rate-each", "400000") as node:
        node.publish(hub.write(tmp_path / "m", {"m.safetensors": FILE}), "org/model", "v1")
        begin = time.monotonic()
        answer, connection = tls.get(node.tls_address, PATHS[1])
        connection.close()
        assert answer.body == FILE
        assert time.monotonic() - begin >= least(400_000, len(FILE))


def test_a_cluster_counts_what_is_fetched_from_any_of_its_nodes(tmp_path):
    quota = str(len(FILE) + 1)
    with Cluster(tmp_path / "cluster", flags=("--download-quota", quota)) as cluster:
        first, second, third = cluster.nodes
        first.publish(hub.write(tmp_path / "m", {"m.safetensors": FILE}), "org/model", "v1")
        user, other = session(first), session(second)
        timed(first.url + PATHS[1], user)
        timed(second.url + PATHS[1], user)
        for node, sent_by_others in (first, 1), (second, 1), (third, 2):
            wait.until(lambda: node.metrics()["shoal_download_elsewhere_bytes_total"]
                       == sent_by_others * len(FILE), 20, f"{node.name} is told what was fetched")
            refused = web.get(node.url + PATHS[1], user)
            assert (refused.status, refused.json()["error_id"]) == (429, "quota_exceeded")
        timed(third.url + PATHS[1], other)
