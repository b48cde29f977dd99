# SPDX-License-Identifier: ISC
"""Each architecture's own binary through one whole delivery, under qemu."""
import os
import shutil

import pytest

from conftest import need
from relay import BUILD

ARCHES = {'armhf': 'arm', 'aarch64': 'aarch64', 'mipsel': 'mipsel',
          'riscv64': 'riscv64', 's390x': 's390x'}


@pytest.fixture(params=ARCHES)
def words(request):
    """How to make a relay of an architecture."""
    qemu = shutil.which('qemu-%s-static' % ARCHES[request.param])
    binary = os.path.join(BUILD, 'default-%s/mailmote' % request.param)
    need(qemu, 'qemu-user-static')
    need(os.access(binary, os.X_OK), binary)
    return {'binary': binary, 'emulator': (qemu,)}


def test_one_shot(words, make_client, secure):
    """sendmail without a daemon, over verified TLS, with a login."""
    relay = make_client(secure, start=False, **words)
    relay.send()
    assert secure.sessions[0].tls == 'TLSv1.2'
    assert secure.logins == [('PLAIN', 'router', 'sesame')]
    assert secure.messages[0].body == b'battery low\r\n'


def test_daemon_hop_down_then_up(words, make_client, secure):
    """Committed, killed, recovered, delivered once; then straight on."""
    secure.stop()
    relay = make_client(secure, **words)
    relay.send()
    entry, = relay.queue()
    assert entry['state'] == 'queued'
    relay.kill()
    relay.start()
    secure.start()
    relay.flush()
    relay.wait_queue(0)
    assert len(secure.messages) == 1
    before = relay.status()['spool']['bytes_written']
    relay.send()
    assert len(secure.messages) == 2
    assert relay.status()['spool']['bytes_written'] == before
