# SPDX-License-Identifier: Apache-2.0
"""`shoal seed`: agents say where they are and what they can give, and are handed out first to those
near them."""

import shutil

import pytest
from support import folders, tracker, wait, web
from support.shoal_get import REFUSED, Get
from support.shoal_seed import Seed
from support.torrents import Torrent

MIB = 1 << 20
NAME, REV = "org/model", "v1"
SIZES = {"weights/a.safetensors": 9 * MIB + 7, "weights/b.safetensors": 2 * MIB, "config.json": 700}
ADMIN = {"X-Weightless-Key": "root"}
CHOOSY = ("--trusted-proxies", "127.0.0.1", "--rate", "0", "--admin-key", "root",
          "--peer-policy", "zone", "--peer-policy", "agents", "--peer-policy-mix", "0",
          "--zones", "a=9.1.0.0/16", "--zones", "b=9.2.0.0/16")


@pytest.fixture
def folder(tmp_path):
    return folders.make_folder(tmp_path / "model", SIZES)


@pytest.fixture
def node(make_node, folder):
    node = make_node(*CHOOSY)
    node.publish(folder, NAME, REV)
    return node


@pytest.fixture
def seed():
    """seed(nodes, folder, ...) starts an agent; all are ended after the test."""
    agents = []

    def start(*arguments, **options):
        agents.append(Seed(*arguments, **options))
        return agents[-1]

    yield start
    for agent in agents:
        agent.close()


def listed(node):
    answer = web.get(node.url + "/api/agents", ADMIN)
    assert answer.status == 200, answer
    return {agent["name"]: agent for agent in answer.json()["agents"]}


def swarm_of(node):
    return Torrent(node.torrent(NAME, REV)).announce_hashes[-1]


def seeds_in(node, swarm):
    reply = tracker.announce(node.url, swarm, 4000, numwant=0, event="stopped")
    return reply[b"complete"]


def fill(node, swarm, count):
    """Seeds that are in no zone and are no agents. Up to three peers are too few to choose from."""
    for number in range(count):
        tracker.announce(node.url, swarm, number, left=0,
                         headers={"X-Forwarded-For": f"9.5.1.{number + 1}"})


def first_peer(node, swarm, number, address, numwant):
    """The first one of those that a newcomer at that address is given."""
    headers = {"X-Forwarded-For": address}
    reply = tracker.announce(node.url, swarm, number, headers=headers, numwant=numwant,
                             event="started", left=1)
    tracker.announce(node.url, swarm, number, headers=headers, event="stopped")
    peers = tracker.compact_peers(reply)
    assert len(peers) == numwant
    return peers[0]


def test_agents_are_handed_out_first_in_their_zone(node, folder, seed, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    near = seed(node, folder, "--zone", "a", "--name", "near", "--capacity", "20M").wait_seeding()
    far = seed(node, copy, "--zone", "b", "--name", "far", "--capacity", "200M").wait_seeding()
    swarm = swarm_of(node)
    fill(node, swarm, 6)
    wait.until(lambda: seeds_in(node, swarm) == 8, 30, "both have announced themselves")
    for number in range(10):
        peer = first_peer(node, swarm, 5000 + number, f"9.1.0.{number + 1}", 3)
        assert peer == (near.ip, near.port)
        peer = first_peer(node, swarm, 6000 + number, f"9.2.0.{number + 1}", 3)
        assert peer == (far.ip, far.port)
        # In no zone: who can give more.
        peer = first_peer(node, swarm, 7000 + number, f"9.3.0.{number + 1}", 3)
        assert peer == (far.ip, far.port)
    agents = listed(node)
    assert set(agents) == {"near", "far"}
    assert agents["near"]["zone"] == "a" and agents["near"]["address"] == near.ip
    assert agents["near"]["port"] == near.port and agents["near"]["capacity"] == 20 << 20
    part, = agents["near"]["swarms"]
    assert part["size"] == sum(SIZES.values())
    metrics = node.metrics()
    assert metrics["shoal_agents"] == 2
    assert metrics["shoal_agent_capacity_bytes_per_second"] == 220 << 20


def test_agents_come_before_others(node, folder, seed):
    swarm = swarm_of(node)
    fill(node, swarm, 20)
    agent = seed(node, folder, "--capacity", "200M").wait_seeding()
    wait.until(lambda: seeds_in(node, swarm) == 21, 30, "it has announced itself")
    met = sum(first_peer(node, swarm, 5000 + n, f"9.4.0.{n + 1}", 5) == (agent.ip, agent.port)
              for n in range(20))
    assert met >= 12  # A sample of twenty has it nearly always, five random ones in every fourth.


def test_an_agent_gives_what_shoal_get_has_fetched(node, seed, tmp_path):
    """Only some of the files; and the server's own web seed is not asked."""
    first = Get(node, NAME, "weights/*", "--to", tmp_path / "got")
    first.end()
    agent = seed(node, tmp_path / "got").wait_seeding()
    known, = agent.events("seed")
    assert known["title"] == f"{NAME}@{REV}" and not known["whole"]
    torrent = tmp_path / "model.torrent"
    torrent.write_bytes(Torrent(node.torrent(NAME, REV)).data(web_seeds=False))
    second = Get(node, torrent, "weights/*", "--to", tmp_path / "second")
    second.end()
    for file in ("weights/a.safetensors", "weights/b.safetensors"):
        assert folders.sha256(tmp_path / "second" / file) == folders.sha256(
            tmp_path / "model" / file)
    wait.until(lambda: agent.sent_bytes() >= 11 * MIB, 30, "they came from the agent")


def test_agents_say_what_they_have_and_have_sent(node, folder, seed, tmp_path):
    Get(node, NAME, "weights/*", "--to", tmp_path / "got").end()
    seed(node, tmp_path / "got", "--name", "part").wait_seeding()
    size, weights = sum(SIZES.values()), sum(SIZES.values()) - SIZES["config.json"]

    def said(name):
        swarm, = listed(node)[name]["swarms"]
        return swarm["have"], swarm["size"], listed(node)[name]["sent"]
    wait.until(lambda: "part" in listed(node), 60, "it is there")
    assert said("part")[1:] == (size, 0)
    torrent = tmp_path / "model.torrent"
    torrent.write_bytes(Torrent(node.torrent(NAME, REV)).data(web_seeds=False))
    Get(node, torrent, "weights/*", "--to", tmp_path / "second").end()
    seed(node, folder, "--name", "whole").wait_seeding()
    # Twice in a minute they say how it stands.
    wait.until(lambda: said("part")[2] >= weights, 60, "it has told what it has sent")
    assert said("part")[:2] == (weights, size)
    wait.until(lambda: "whole" in listed(node) and said("whole")[:2] == (size, size), 60,
               "it has told what it has")
    assert said("whole")[2] == 0


def test_a_folder_is_found_by_its_hashes(node, folder, seed, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "config.json").write_bytes(b"x" * SIZES["config.json"])  # As large, and another one.
    agent = seed(node, copy, other).wait_seeding()
    known, = agent.events("seed")
    assert known["whole"] and known["folder"] == str(copy)
    wait.until(lambda: any(str(other) in note for note in agent.notes()), 30, "it says so")
    folders.assert_same(folder, copy)
    assert not (copy / ".shoal").exists()


def test_nothing_to_seed_is_an_error(node, seed, tmp_path):
    stranger = folders.make_folder(tmp_path / "stranger", {"x": 100})
    assert "nothing to seed" in seed(node, stranger).end(REFUSED)


def test_it_comes_back_after_the_node_was_away_and_leaves_when_told(node, folder, seed):
    agent = seed(node, folder, "--name", "steady").wait_seeding()
    wait.until(lambda: "steady" in listed(node), 30, "it is there")
    node.kill()
    node.start()
    assert listed(node) == {}
    wait.until(lambda: "steady" in listed(node), 60, "it has come back")
    swarm = swarm_of(node)
    assert agent.terminate() == ""
    wait.until(lambda: listed(node) == {} and seeds_in(node, swarm) == 0, 30, "it has left")
    assert node.metrics()["shoal_agents"] == 0


def test_only_who_has_the_key_is_believed(make_node, folder, seed, monkeypatch):
    node = make_node(*CHOOSY, "--registry-key", "secret")
    monkeypatch.setenv("SHOAL_KEY", "secret")
    node.publish(folder, NAME, REV)
    monkeypatch.delenv("SHOAL_KEY")
    agent = seed(node, folder, "--name", "stranger").wait_seeding()
    wait.until(lambda: any("registry key" in note for note in agent.notes()), 30, "it is told")
    assert listed(node) == {} and agent.terminate() == ""
    seed(node, folder, "--name", "friend", key="secret").wait_seeding()
    wait.until(lambda: "friend" in listed(node), 30, "it is there")
    assert web.get(node.url + "/api/agents").status == 401
