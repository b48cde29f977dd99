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
