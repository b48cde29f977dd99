# SPDX-License-Identifier: ISC
"""The manual pages and README.md: they are well formed, they name what the
program's own tables name and nothing else, and each example works."""
import json
import os
import re
import shutil
import subprocess

import pytest

from callers import SENDMAIL, fresh, open_system
from conftest import need
from fake import Reply
from relay import TOP

PAGES = ['mail.1', 'mailmote.8', 'mailmote.conf.5', 'sendmail.8']
IDENTIFIER = 'k7x2m5qhta3w'
NAMES = ('mailmote', 'sendmail', 'mailq', 'newaliases', 'mail', 'mailx')


def read(*path):
    with open(os.path.join(TOP, *path), encoding='utf-8') as f:
        return f.read()


def page(name):
    return read('src', 'cmd', name)


def section(name, title):
    return page(name).split('\n.Sh %s\n' % title)[1].split('\n.Sh ')[0]


def items(text):
    """The lines of .It, macros and all."""
    return [line[4:] for line in
            text.replace('\\\n', '').split('\n') if line.startswith('.It ')]


def flags(text):
    return ''.join(re.findall(r'\bFl (\S)', ' '.join(items(text))))


def define(source, *names):
    """The letters of #define NAME "letters"."""
    return ''.join(re.search(r'^#define %s "(\w+)"' % name, read(source),
                             re.M).group(1) for name in names)


def table(source, start, pattern):
    """What pattern finds in a definition of a source."""
    text = read(source).split(start)[1].split(';\n')[0]
    found = re.findall(pattern, text)
    assert found
    return sorted(found)


@pytest.mark.parametrize('name', PAGES)
def test_form(name):
    need(shutil.which('mandoc'), 'mandoc')
    p = subprocess.run(['mandoc', '-T', 'lint', '-W', 'style', os.path.join(
        TOP, 'src/cmd', name)], stdout=subprocess.PIPE)
    # Examples come first on purpose.  Pages of the same program are not
    # installed here.
    says = [line for line in p.stdout.decode().split('\n') if line and
            'referenced manual not found' not in line and
            'outdated mandoc.db' not in line and
            'operating system explicitly' not in line and
            'sections out of conventional order' not in line]
    assert says == []


@pytest.mark.parametrize('name', PAGES)
def test_width(name):
    """No line is wider than a terminal."""
    need(shutil.which('mandoc'), 'mandoc')
    p = subprocess.run(['mandoc', '-T', 'ascii', '-O', 'width=78',
                        os.path.join(TOP, 'src/cmd', name)],
                       stdout=subprocess.PIPE, check=True)
    text = re.sub('.\b', '', p.stdout.decode())
    assert [line for line in text.split('\n') if len(line) > 79] == []


# -- the tables

def test_options_of_sendmail():
    want = define('src/cmd/sendmail_options.c', 'FLAGS', 'WITH', 'GLUED',
                  'BUSYBOX')
    assert sorted(flags(section('sendmail.8', 'OPTIONS'))) == sorted(want)


def test_options_of_mail():
    want = define('src/cmd/mail.c', 'FLAGS', 'WITH')
    assert sorted(flags(section('mail.1', 'DESCRIPTION'))) == sorted(want)


def commands():
    found = re.findall(r'(?:ROW|ALSO)\("([a-z]+)",', read('src/cmd/usage.c'))
    assert 'daemon' in found and 'version' in found
    return sorted(found)


def test_commands():
    described = items(section('mailmote.8', 'DESCRIPTION'))
    named = re.findall(r'\b([a-z]+)\b', ' '.join(
        re.match(r'Ic ((?:[a-z]+(?: , )?)+)', line).group(1)
        for line in described))
    # mailx is said in words
    assert sorted(named + ['mailx']) == commands()


def test_help(shared):
    """help names each command, and the options that the commands' own table
    has; so does the page."""
    for words in ('help', '--help'):
        p = shared.run(SENDMAIL, words, name='mailmote', env={})
        assert p.returncode == 0
    lines = re.findall(r'^  ([a-z]+)(.*)', p.out.decode(), re.M)
    assert sorted([name for name, _ in lines] +
                  ['mailq', 'newaliases', 'mailx', 'help']) == commands()
    rows = re.findall(r'\{ "([a-z]+)", (?:"(--[a-z]+)"|NULL)',
                      read('src/cmd/control.c'))
    assert len(rows) > 5
    described = items(section('mailmote.8', 'DESCRIPTION'))
    for name, option in rows:
        words = dict(lines)[name]
        assert re.findall(r'--[a-z]+', words) == ([option] if option else [])
        line = next(i for i in described if i.startswith('Ic %s ' % name))
        assert re.findall(r'Fl (-[a-z]+)', line) == \
            ([option[1:]] if option else [])


def test_help_of_one(shared):
    """Of each command its own; sendmail's and mail's is all they take."""
    text = shared.run(SENDMAIL, 'help', name='mailmote', env={}).out.decode()
    for name in commands():
        p = shared.run(SENDMAIL, name, '--help', name='mailmote', env={})
        words, = re.findall(r'^usage: ([a-z]+)(?: \[-C FILE\])?(.*)',
                            p.out.decode(), re.M)
        assert p.returncode == 0 and name in words[0] + words[1]
        if name not in ('help', 'mailq', 'newaliases', 'mailx', 'sendmail'):
            line = re.search(r'(?m)^  %s\b.*' % name, text).group(0)
            assert line.startswith(
                '  ' + name + words[1].removeprefix(' ' + name))
        if name in ('sendmail', 'mail', 'mailx', 'mailq', 'newaliases'):
            q = shared.run(SENDMAIL, '--help', name=name, env={})
            assert q.returncode == 0 and q.out == p.out
        letters = ''.join(re.findall(r'\[-([a-zA-Z]+)', p.out.decode()))
        if name == 'sendmail':
            assert sorted(letters) == sorted(''.join(define(
                'src/cmd/sendmail_options.c', 'FLAGS', 'WITH', 'GLUED')))
        elif name == 'mail':
            assert set(letters) - {'C'} <= set(''.join(define(
                'src/cmd/mail.c', 'FLAGS', 'WITH')))


def test_keys():
    want = table('src/conf/schema.c', 'struct conf_row rows[] = {',
                 r'(?:ROW|LINES)\("([a-z-]+)"')
    assert [re.match(r'Ic ([a-z-]+)', line).group(1) for line in
            items(section('mailmote.conf.5', 'KEYS'))] == want


def test_hop_options():
    want = table('src/conf/option.c', 'char names[] =', r'([a-z-]+=)(?!!)')
    assert [re.match(r'Cm ([a-z-]+=)', line).group(1) for line in
            items(section('mailmote.conf.5', 'OPTIONS'))] == want
    text = section('mailmote.conf.5', 'OPTIONS')
    for name in ('tls_names', 'auth_names'):
        for word in table('src/conf/option.c', 'char %s[] =' % name,
                          r'(?<=[" ])([a-z]+[0-9a-z-]*)(?=[ "])(?!!)'):
            assert '\n.Cm %s' % word in text, word


def test_next_hops():
    text = read('src/conf/hop.c').split('"smtp:// ')[1].split('HELP(')[0]
    want = ['smtp://'] + re.findall(r'\b([a-z]+(?::/*|(?=[ "])))', text)
    assert sorted(re.match(r'Cm ([a-z]+:?/*)', line).group(1) for line in
                  items(section('mailmote.conf.5', 'NEXT HOPS'))) == \
        sorted(want)


# -- the examples

@pytest.fixture(scope='module')
def shared():
    with open_system() as system:
        system.bin = os.path.join(system.base, 'bin')
        os.mkdir(system.bin)
        for name in NAMES:
            os.symlink(SENDMAIL, os.path.join(system.bin, name))
        for name in ('mailmote', 'backup', 'a', 'b'):
            system.write('/etc/%s.secret' % name, 'secret\n', 0o600)
        yield system


@pytest.fixture
def system(shared, request):
    return fresh(shared, request.node)


def examples(name):
    """The literal blocks of a page, as they are read."""
    blocks = re.findall(r'\n\.Bd -literal[^\n]*\n(.*?)\.Ed\n', page(name),
                        re.S)
    assert blocks
    return [block.replace('\\e', '\\') for block in blocks]


def example_list(*names):
    return [pytest.param(block, id='%s-%d' % (name, i)) for name in names
            for i, block in enumerate(examples(name))]


def queue_one(system):
    """A message that waits; its identifier."""
    system.fake.script['rcpt'] = Reply('450 4.2.1 later')
    p = system.run(SENDMAIL, '-odq', 'root', stdin=b'x\n', env={})
    assert p.returncode == 0, p.out
    lines = system.relay.run('queue', '--json').stdout.splitlines()
    return json.loads(lines[-1])['id']


@pytest.mark.parametrize('block', example_list('mail.1', 'sendmail.8',
                                               'mailmote.8'))
def test_commands_of_page(system, block):
    """Each line that begins with a prompt, by a shell."""
    script = re.sub(r'(?m)^[$#] ', '', block)
    assert script != block
    system.relay.run('remove', '--all')
    if IDENTIFIER in script:
        script = script.replace(IDENTIFIER, queue_one(system))
    before = len(system.fake.messages)
    p = system.run('/bin/sh', '-e', '-c', script, env={
        'PATH': system.bin + ':/usr/bin:/bin'})
    assert p.returncode == 0, (script, p.out)
    sends = re.search(r'\|\s+(mail|sendmail) |^mail |mailmote test', script,
                      re.M)
    assert len(system.fake.messages) == before or sends
    if sends:
        assert len(system.fake.wait_messages(before + 1)) == before + 1
    for line in script.split('\n'):
        if line.endswith('--json') and 'status' in line:
            json.loads(p.out.splitlines()[-1])


def check_conf(system, text):
    system.write('/etc/example.conf', text.replace('\\\n', ''))
    p = system.run(SENDMAIL, '-C', '/etc/example.conf', 'check',
                   name='mailmote', env={})
    assert p.returncode == 0, p.out


@pytest.mark.parametrize('block', example_list('mailmote.conf.5'))
def test_configuration_of_page(system, block):
    check_conf(system, block)


def readme_blocks():
    """The indented blocks of README.md."""
    text = read('README.md')
    blocks = re.findall(r'(?:^    [^\n]*\n)+', text, re.M)
    return [re.sub(r'(?m)^    ', '', block) for block in blocks]


def make(line):
    """What make would do, without doing it: each target is there."""
    words = line.split('#')[0].split(' && ')
    for word in words:
        p = subprocess.run(word.split() + ['-n'], cwd=TOP, env={
            **os.environ, 'MAKEFLAGS': ''}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        assert p.returncode == 0, (word, p.stdout[-500:])


def test_readme_blocks(system):
    """Pictures, calls of make, configurations: there is nothing else."""
    seen = set()
    for block in readme_blocks():
        if '--sendmail-->' in block:
            seen.add('picture')
        elif block.startswith('make'):
            seen.add('make')
            for line in block.splitlines():
                make(line)
        else:
            seen.add('configuration')
            check_conf(system, block)
    assert seen == {'picture', 'make', 'configuration'}


def test_readme_commands():
    """`mailmote WORD` in README.md is a command."""
    words = re.findall(r'`mailmote ([a-z]+)', read('README.md'))
    assert words and set(words) <= set(commands())
    targets = set(re.findall(r'`make ([a-z-]+)', read('README.md')))
    known = read('Makefile')
    for target in targets:
        assert re.search(r'(?m)^(## )?%s\b' % target, known) or \
            target.startswith('check-'), target
