# SPDX-License-Identifier: ISC
"""A link that comes up is a reason to try, in a network of the test's own."""
import ctypes
import os
import shutil
import subprocess
import threading

import pytest

from conftest import need
from relay import BINARY

CLONE_NEWNET = 0x40000000
ADDRESS = '198.51.100.1'


def inside(pid, function):
    """function() in a thread that lives in the network of a process."""
    result = []

    def run():
        fd = os.open('/proc/%d/ns/net' % pid, os.O_RDONLY)
        if ctypes.CDLL(None).setns(fd, CLONE_NEWNET) == 0:
            result.append(function())
        os.close(fd)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    assert result, 'the network namespace cannot be entered'
    return result[0]


class Device:
    """A daemon in a network without a link, and a smart host behind one."""

    def __init__(self, make_relay, make_fake):
        self.relay = make_relay(start=False, listen='none')
        self.relay.words = ['unshare', '-n', BINARY]
        self.relay.start()
        self.relay.words = [BINARY]
        self.fake = inside(self.relay.process.pid,
                           lambda: make_fake(host='0.0.0.0'))
        self.relay.write(smarthost='smtp://%s:%d tls=off' %
                         (ADDRESS, self.fake.port))
        self.relay.hup()
        self.ip('link', 'set', 'lo', 'up')

    def ip(self, *words):
        p = subprocess.run(['nsenter', '-t', str(self.relay.process.pid),
                            '-n', 'ip', *words], stderr=subprocess.PIPE)
        need(p.returncode == 0, 'ip %s: %s' % (' '.join(words), p.stderr))

    def lose_one(self):
        """A message is queued: there is no way to the smart host."""
        since = len(self.relay.lines)
        self.relay.send()
        self.relay.wait_log('state=down .*unreachable', since=since)
        assert self.relay.route()['next_attempt_s'] > 1700

    def link_up(self):
        self.ip('link', 'add', 'up0', 'type', 'bridge')
        self.ip('link', 'set', 'up0', 'up')
        self.ip('address', 'add', ADDRESS + '/24', 'dev', 'up0')


@pytest.fixture
def device(root, make_relay, make_fake):
    need(all(map(shutil.which, ('ip', 'nsenter', 'unshare'))),
         'iproute2 and util-linux')
    return Device(make_relay, make_fake)


def test_link_up_tries_what_is_down(device):
    device.lose_one()
    device.link_up()
    device.fake.wait_messages(1)
    device.relay.wait_queue(0)
    assert device.relay.route()['state'] == 'up'


def test_an_address_alone_is_enough(device):
    device.link_up()
    device.ip('address', 'flush', 'dev', 'up0')
    device.lose_one()
    device.ip('address', 'add', ADDRESS + '/24', 'dev', 'up0')
    device.fake.wait_messages(1)


def test_old_news_are_no_reason(device):
    """What came up before the hop went down does not shorten its delay."""
    device.link_up()
    device.ip('address', 'flush', 'dev', 'up0')
    device.lose_one()
    # Neither do an address that goes and one of loopback.
    device.ip('address', 'add', '127.0.0.9/8', 'dev', 'lo')
    device.ip('address', 'del', '127.0.0.9/8', 'dev', 'lo')
    assert device.relay.route()['next_attempt_s'] > 1700
    assert 'has come up' not in device.relay.log()


def test_new_mail_goes_at_once_whatever_the_splay(device):
    device.relay.write(splay='1d')
    device.relay.hup()
    device.lose_one()
    device.link_up()
    device.relay.wait_log('has come up')
    device.relay.send()
    assert len(device.fake.wait_messages(1)) == 1
    # Then, over the same connection, what is queued waits for its splay.
    assert len(device.relay.queue()) == 1
