#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long wire: holds each frame between a device and a tap for a while, both ways, in order.

    slow_wire.py DEVICE TAP MILLISECONDS

Where the kernel has netem, that does it. Frames are passed on as they are, with what it says of
checksums and segments that are still to be made: connections notice nothing but the time."""

import fcntl
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import deque

FRAME_BYTES_MAX = 1 << 17
QUEUE_BYTES = 8 << 20
MOOD_S = 0.1  # For so long the delay is the same: it wanders, frames do not overtake each other.
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_ANY_CHECKSUM, _ANY_TCP = 0x01, 0x02 | 0x04
_SOL_PACKET, _PACKET_VNET_HDR, _SO_RCVBUFFORCE, _ETH_P_ALL = 263, 15, 33, 3


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                             _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR))
    fcntl.ioctl(tap, _TUNSETOFFLOAD, _ANY_CHECKSUM | _ANY_TCP)
    return tap


def open_device(name):
    device = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
    device.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, QUEUE_BYTES)
    device.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    device.bind((name, _ETH_P_ALL))
    return device


class Direction:
    """What is on its way. `put` sends a frame, which a device that is full may refuse."""

    def __init__(self, take, put, delay_s):
        self._take, self._put, self._delay_s = take, put, delay_s
        self._frames = deque()  # (when it is there, frame)
        self._bytes = 0
        self._mood = (0, 0)  # (until when, delay)

    def arrive(self):
        """Takes all that has come."""
        while True:
            try:
                frame = self._take()
            except BlockingIOError:
                return
            now = time.monotonic()
            if frame is None or self._bytes + len(frame) > QUEUE_BYTES:
                continue
            if self._mood[0] <= now:
                self._mood = now + MOOD_S, self._delay_s * random.uniform(0.5, 1.5)
            due = now + self._mood[1]
            if self._frames:
                due = max(due, self._frames[-1][0])
            self._frames.append((due, frame))
            self._bytes += len(frame)

    def leave(self, until):
        """Sends what is due. Returns when the next frame is."""
        while self._frames and self._frames[0][0] <= until:
            frame = self._frames.popleft()[1]
            self._bytes -= len(frame)
            try:
                self._put(frame)
            except OSError:
                pass  # As a wire does that is full, or a host that has gone.
        return self._frames[0][0] if self._frames else None


def carry(device, tap, delay_s, ending):
    def heard():
        frame, sender = device.recvfrom(FRAME_BYTES_MAX)
        return None if sender[2] == socket.PACKET_OUTGOING else frame
    ways = {device.fileno(): Direction(heard, lambda frame: os.write(tap, frame), delay_s),
            tap: Direction(lambda: os.read(tap, FRAME_BYTES_MAX), device.send, delay_s)}
    while not ending:
        due = [way.leave(time.monotonic()) for way in ways.values()]
        wait_s = min((at - time.monotonic() for at in due if at is not None), default=0.2)
        for ready in select.select(list(ways), [], [], max(0, wait_s))[0]:
            ways[ready].arrive()
    for way in ways.values():
        way.leave(float("inf"))


def main():
    name, tap_name, delay_ms = sys.argv[1:]
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    tap, device = open_tap(tap_name), open_device(name)
    print("ready", flush=True)
    carry(device, tap, int(delay_ms) / 1000, ending)


if __name__ == "__main__":
    main()
