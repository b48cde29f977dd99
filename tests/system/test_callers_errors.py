# SPDX-License-Identifier: ISC
"""The error modes of sendmail: -oem, -oee, -oew, -oep, -oeq."""
import email

import pytest

from fake import Reply

SENDER, NOBODY = 'a@example.org', 'nobody@example.org'
LINE = ('-f', SENDER, NOBODY)


@pytest.fixture(params=['daemon', 'alone'])
def caller(request, make_relay, fake):
    def refuse(session, argument):
        return Reply('550 5.1.1 no such user') if 'nobody' in argument else None
    fake.script['rcpt'] = refuse
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port,
                      log='stderr error', start=request.param == 'daemon')


@pytest.mark.parametrize('option', ['-oem', '-oew', '-em', '-O ErrorMode=m'])
def test_mailed_back(caller, fake, option):
    p = caller.sendmail(*option.split(), *LINE)
    assert p.returncode == 69 and b'no such user' in p.stderr
    notice, = fake.messages
    assert notice.sender == '' and notice.rcpts == [SENDER]
    mail = email.message_from_bytes(notice.data)
    assert mail.get_content_type() == 'multipart/report'
    text, status, returned = mail.get_payload()
    assert NOBODY in text.get_payload()
    fields = status.get_payload()[1]
    assert fields['Final-Recipient'] == 'rfc822; ' + NOBODY
    assert fields['Status'] == '5.1.1' and fields['Action'] == 'failed'
    assert 'no such user' in fields['Diagnostic-Code']
    assert 'Subject: alert' in returned.get_payload()
    assert caller.queue() == []


def test_enough(caller, fake):
    """-oee: the report is mailed, and that is all."""
    assert caller.sendmail('-oee', *LINE).returncode == 0
    assert len(fake.messages) == 1


def test_not_enough(caller, fake):
    """The sender cannot be reached either: that is said."""
    p = caller.sendmail('-oee', '-f', NOBODY, NOBODY)
    assert p.returncode == 69 and fake.messages == []


@pytest.mark.parametrize('line', [LINE, ('-oep', *LINE),
                                  ('-oem', '-oep', *LINE),
                                  ('-oem', '-f', '', NOBODY),
                                  ('-oee', '-f', '<>', NOBODY)])
def test_only_said(caller, fake, line):
    p = caller.sendmail(*line)
    assert p.returncode == 69 and b'no such user' in p.stderr
    assert fake.messages == [] and caller.queue() == []


def test_quiet(caller, fake):
    p = caller.sendmail('-oeq', *LINE)
    assert p.returncode == 69 and p.stderr == b'' and fake.messages == []


def test_all_are_named(caller, fake):
    p = caller.sendmail('-oem', '-f', SENDER, NOBODY, 'nobody2@example.org')
    assert p.returncode == 69
    notice, = fake.messages
    assert notice.body.count(b'\r\nFinal-Recipient: ') == 2


def test_later_is_no_refusal(caller, fake):
    fake.script['rcpt'] = Reply('450 4.2.1 later')
    p = caller.sendmail('-oem', *LINE)
    assert p.returncode == 0 and len(caller.queue()) == 1
    assert fake.messages == []


def test_misuse_is_no_refusal(caller, fake):
    assert caller.sendmail('-oee', '-f', SENDER, 'a@@b').returncode == 65
    assert caller.sendmail('-oee', '-Z', NOBODY).returncode == 64
    assert fake.messages == []


@pytest.mark.parametrize('sender,code', [(SENDER, 0), (NOBODY, 69)])
def test_many_of_which_a_hundred_are_refused(caller, fake, sender, code):
    """Two transactions, the first is refused: as in one, that is a mix.  It
    is not well when its notice reaches nobody."""
    many = ['nobody%d@example.org' % i for i in range(100)]
    p = caller.sendmail('-f', sender, *many, 'b@example.org')
    assert p.returncode == code
    sent = [m for m in fake.messages if m.sender]
    assert [m.rcpts for m in sent] == [['b@example.org']]
    notices = [m for m in fake.messages if not m.sender]
    assert len(notices) == (code == 0)
    for notice in notices:
        assert notice.body.count(b'\r\nFinal-Recipient: ') == 100


def test_of_a_mix_the_relay_tells(caller, fake):
    """One notice, not two."""
    p = caller.sendmail('-oem', *LINE, 'b@example.org')
    assert p.returncode == 0
    fake.wait_messages(1)
    caller.run('flush', '--wait')
    fake.wait_messages(2)
    caller.wait_queue(0)
    assert len([m for m in fake.messages if not m.sender]) == 1
