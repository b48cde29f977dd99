# SPDX-License-Identifier: ISC
"""Fixtures of the system tests."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from fake import Fake, server_context  # noqa: E402
from peers import Dovecot, Postfix  # noqa: E402
from pki import Pki  # noqa: E402
from relay import BINARY, Relay  # noqa: E402

os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=1')
os.environ.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1:halt_on_error=1')
USERS = {'router': 'sesame'}


def need(condition, what):
    """Skip on a developer's machine, fail in CI."""
    if condition:
        return
    if os.environ.get('CI') == 'true':
        pytest.fail('cannot run here: ' + what)
    pytest.skip(what)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the daemon's log and the fakes' dialogues."""
    outcome = yield
    report = outcome.get_result()
    if report.when != 'call' or not report.failed:
        return
    for relay in getattr(item, 'relays', []):
        report.sections.append(('log', relay.log()))
    for fake in getattr(item, 'fakes', []):
        report.sections.append(('fake', fake.story()))


def pytest_configure(config):
    config.addinivalue_line('markers', 'rubbish(why): what this test sends '
                            'is no good mail, and leaves as it is')


@pytest.fixture(autouse=True)
def judged(request):
    """What the fakes of a test were given is good mail (wire.py)."""
    yield
    if request.node.get_closest_marker('rubbish') is None:
        for fake in getattr(request.node, 'fakes', []):
            assert not fake.faults, fake.faults


@pytest.fixture(scope='session', autouse=True)
def binary():
    assert os.access(BINARY, os.X_OK), BINARY + ' is not built'


@pytest.fixture
def root():
    need(os.getuid() == 0, 'root')


@pytest.fixture(scope='session')
def pki():
    folder = tempfile.mkdtemp(prefix='mailmote-pki-')
    os.chmod(folder, 0o755)
    yield Pki(folder)
    shutil.rmtree(folder)


@pytest.fixture
def make_fake(request):
    """Fakes that end with the test, and that saw no breach of protocol."""
    fakes = request.node.fakes = []

    def make(**words):
        fakes.append(Fake(**words))
        return fakes[-1]
    yield make
    for fake in fakes:
        fake.stop()
    for fake in fakes:
        assert not fake.breaches, fake.breaches
        for session in fake.sessions:
            assert not session.fault, session.fault


@pytest.fixture
def make_relay(request):
    """Relays that end with the test; start=False: do not start it."""
    relays = request.node.relays = []

    def make(smarthost=None, start=True, **words):
        relay = Relay(smarthost, **words)
        relays.append(relay)
        if start:
            relay.start()
        return relay
    yield make
    errors = []
    for relay in relays:
        try:
            relay.close()
        except AssertionError as e:
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def fake(make_fake):
    """A smart host in the clear that is good to everybody."""
    return make_fake()


@pytest.fixture
def relay(make_relay, fake):
    """A daemon before it."""
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port)


@pytest.fixture
def secure(make_fake, pki):
    """A submission server: STARTTLS and AUTH demanded."""
    return make_fake(tls=server_context(*pki.pair('good')), users=USERS)


@pytest.fixture
def make_client(make_relay, pki):
    """A relay that is a good client of a submission server; options."""
    def make(fake, scheme='submission', options='', start=True, **conf):
        relay = make_relay(start=False, **conf)
        relay.write(ca=pki.bundle, smarthost='%s://localhost:%d user=router '
                    'password-file=%s %s' % (scheme, fake.port,
                                             relay.secret(), options))
        return relay.start() if start else relay
    return make


@pytest.fixture(scope='session')
def dovecot():
    need(os.getuid() == 0 and shutil.which('dovecot', path='/usr/sbin'),
         'root and dovecot')
    d = Dovecot(USERS)
    yield d
    d.stop()


@pytest.fixture(scope='session')
def postfix(pki, dovecot):
    need(os.getuid() == 0 and shutil.which('postfix', path='/usr/sbin'),
         'root and postfix')
    p = Postfix(*pki.pair('good'), dovecot.socket)
    yield p
    p.stop()
